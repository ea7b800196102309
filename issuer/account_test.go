package issuer_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hasura-issuer/hasura-issuer/audit"
	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/policy"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// ledger is a journal in memory. It counts only what it has a record of.
type ledger struct {
	t       *testing.T
	refused error // what Keep fails with

	mu      sync.Mutex
	records []audit.Record
	again   map[uuid.UUID]int
}

func (l *ledger) Keep(_ context.Context, r audit.Record) (audit.Ref, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refused != nil {
		return audit.Ref{}, l.refused
	}
	r.ID = uuid.New()
	l.records = append(l.records, r)
	return audit.Ref{ID: r.ID, At: noon}, nil
}

func (l *ledger) Again(ref audit.Ref) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.records {
		if r.ID == ref.ID {
			l.again[ref.ID]++
			return
		}
	}
	l.t.Error("an answer counts for a record that was never kept")
}

// audited has a world keep account.
func audited(w *world) *ledger {
	l := &ledger{t: w.t, again: map[uuid.UUID]int{}}
	w.config.Journal = l
	return l
}

func TestARecordSaysWhoWishedForWhatAndGotWhatByWhichGrants(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := audited(w)
	w.answer.Grants = []rolestore.Grant{
		grant("reader", everyone), grant("editor", priority(5), group(groupID)), grant("editor"), grant("owner"), grant("oncall", until(noon.Add(-time.Hour))),
	}
	d, err := w.exchange(t.Context(), issuer.Request{
		SubjectToken: subjectToken, Scope: []string{"reader", "editor"}, Door: issuer.DoorToken, Address: "192.0.2.7", RequestID: "r-1", TraceID: "t-1",
	})
	if err != nil {
		t.Fatal(err)
	}
	expiry := noon.Add(5 * time.Minute).Truncate(time.Second)
	want := audit.Record{
		Kind: audit.KindExchange, Door: "token", Outcome: audit.Granted, Reason: "none", TenantID: tenantID, ObjectID: objectID, Caller: "user",
		ClientID: clientID, AskedRoles: []string{"reader", "editor"}, Roles: []string{"editor", "reader"},
		Grants: []string{"reader by everyone", "editor by group " + groupID, "editor by user " + objectID},
		KID:    "k1", JTI: d.JTI, ExpiresAt: &expiry, TokenSHA256: d.TokenHash, SubjectTokenID: "uti-1",
		Address: "192.0.2.7", RequestID: "r-1", TraceID: "t-1",
	}
	want.ID = l.records[0].ID
	if diff := cmp.Diff([]audit.Record{want}, l.records); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if strings.Contains(fmt.Sprint(l.records), subjectToken) || strings.Contains(fmt.Sprint(l.records), d.Token) {
		t.Error("a token is in the record")
	}
}

// TestARecordRepeatsNothingThatIsNoRolesName: a client may put a token or a mail address where a role is wanted.
func TestARecordRepeatsNothingThatIsNoRolesName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := audited(w)
	asked := []string{"owner", "alice@contoso.example", strings.Repeat("a", 129), "reader"}
	_, err := w.exchange(t.Context(), issuer.Request{SubjectToken: subjectToken, Scope: slices.Clone(asked), Role: asked[1], Door: issuer.DoorToken})
	if err == nil || len(l.records) != 1 {
		t.Fatalf("%v, %d records", err, len(l.records))
	}
	const none = "(no role's name)"
	if diff := cmp.Diff([]string{"owner", none, none, "reader"}, l.records[0].AskedRoles); diff != "" || l.records[0].AskedRole != none {
		t.Errorf("asked for %q (-want +got):\n%s", l.records[0].AskedRole, diff)
	}
}

func TestOnlyWhatWasJudgedLeavesARecord(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	block := rolestore.Block{Tenant: tenantID, Principal: rolestore.Principal{Kind: rolestore.KindUser, ID: objectID}}
	for name, c := range map[string]struct {
		alter  func(*world)
		scope  string
		record string // its reason; empty: there is none
	}{
		"granted":                       {func(*world) {}, "", "none"},
		"no role":                       {func(w *world) { w.answer.Grants = nil }, "", "no_roles"},
		"blocked":                       {func(w *world) { w.answer.Blocks = []rolestore.Block{block} }, "", "blocked"},
		"a role that is not held":       {func(*world) {}, "owner", "role_not_granted"},
		"a token that would be too big": {func(w *world) { w.length = issuer.MaxToken + 1 }, "", "too_many_roles"},
		"the policy refuses":            {func(w *world) { w.decides(policy.Verdict{Decision: "p-1"}, nil) }, "", "policy_denied"},
		"a bad token":                   {func(w *world) { w.verify = &idp.TokenError{Reason: idp.ReasonTokenExpired, Err: broken} }, "", ""},
		"Entra is gone":                 {func(w *world) { w.verify = idp.ErrUnavailable }, "", ""},
		"the roles are gone":            {func(w *world) { w.look = broken }, "", ""},
		"the keys are gone":             {func(w *world) { w.write = broken }, "", ""},
		"too often":                     {func(w *world) { w.waits = map[issuer.Limit]time.Duration{issuer.LimitCaller: time.Second} }, "", ""},
		"too often for a role":          {func(w *world) { w.waits = map[issuer.Limit]time.Duration{issuer.LimitRole: time.Second} }, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			l := audited(w)
			c.alter(w)
			_, err := w.exchange(t.Context(), issuer.Request{SubjectToken: subjectToken, Scope: strings.Fields(c.scope), Door: issuer.DoorToken})
			if (err == nil) != (c.record == "none") {
				t.Fatalf("the exchange ended with %v", err)
			}
			var reasons []string
			for _, r := range l.records {
				reasons = append(reasons, r.Reason)
				if granted := r.Outcome == audit.Granted; granted != (err == nil) || granted != (r.JTI != "") || granted != (r.ExpiresAt != nil) {
					t.Errorf("the record says %+v of %v", r, err)
				}
			}
			if diff := cmp.Diff(strings.Fields(c.record), append([]string{}, reasons...)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// auditedGateway keeps account of what it is asked, and remembers.
func auditedGateway(t *testing.T) (*gateway, *ledger) {
	t.Helper()
	g := newGateway(t)
	l := audited(g.world)
	var err error
	if g.issuer, err = issuer.New(g.config, g, g, g, g); err != nil {
		t.Fatal(err)
	}
	return g, l
}

// token and session ask for one, as a gateway and as an engine do.
func (g *gateway) token() (issuer.Decision, error) {
	d, _, err := g.ask(issuer.Request{})
	return d, err
}

func (g *gateway) session(role string) (issuer.Decision, error) {
	g.steps, g.uses = "", nil
	return g.issuer.Decide(g.t.Context(), issuer.Request{SubjectToken: subjectToken, Role: role, Reuse: true})
}

func TestWithoutARecordNothingIsHandedOutAndNothingRemembered(t *testing.T) {
	t.Parallel()
	g, l := auditedGateway(t)
	defaultSession := func() (issuer.Decision, error) { return g.session("") }
	l.refused = audit.ErrNotKept
	for _, ask := range []func() (issuer.Decision, error){g.token, defaultSession} {
		d, err := ask()
		if got := refusalOf(t, err); got != (refusal{issuer.ReasonAuditUnavailable, true}) {
			t.Fatalf("got %+v", got)
		}
		if d.Token != "" || d.Session != nil || d.Role != "" || d.JTI != "" || d.Lifetime != 0 {
			t.Errorf("handed out all the same: %+v", d)
		}
	}
	l.refused = nil
	for _, ask := range []func() (issuer.Decision, error){g.token, g.token, defaultSession} {
		if _, err := ask(); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.records) != 1 || l.again[l.records[0].ID] != 2 {
		t.Errorf("%d records, repeated %v times; want one that was repeated twice", len(l.records), l.again)
	}
}

func TestASessionThatWasRefusedIsNotHandedOutFromMemory(t *testing.T) {
	t.Parallel()
	g, l := auditedGateway(t)
	if _, err := g.session("owner"); refusalOf(t, err).Reason != issuer.ReasonRoleNotGranted {
		t.Fatalf("got %v", err)
	}
	if _, err := g.session("reader"); err != nil {
		t.Fatal(err)
	}
	if len(l.records) != 2 || l.records[0].Outcome != audit.Refused || l.records[1].Outcome != audit.Granted || l.records[1].AskedRole != "reader" {
		t.Errorf("got %+v", l.records)
	}
}

// TestWhoIsKnownTriesNoRoleWithoutARecord: a good request before it does not keep the wish for a role that is not held out of the
// records, and asking on counts.
func TestWhoIsKnownTriesNoRoleWithoutARecord(t *testing.T) {
	t.Parallel()
	g, l := auditedGateway(t)
	for range 2 {
		if _, err := g.session("reader"); err != nil {
			t.Fatal(err)
		}
	}
	counted := 0
	for range 3 {
		_, err := g.session("owner")
		if refusalOf(t, err).Reason != issuer.ReasonRoleNotGranted {
			t.Fatalf("got %v", err)
		}
		counted += len(g.uses)
	}
	var got []string
	for _, r := range l.records {
		got = append(got, fmt.Sprintf("%s %s %s", r.Outcome, r.Reason, r.AskedRole))
	}
	want := []string{"granted none reader", "refused role_not_granted owner", "refused role_not_granted owner", "refused role_not_granted owner"}
	if diff := cmp.Diff(want, got); diff != "" || l.again[l.records[0].ID] != 1 || counted == 0 {
		t.Errorf("(-want +got):\n%s\nthe first was answered again %d times, and %d uses were counted", diff, l.again[l.records[0].ID], counted)
	}
}

func TestAnExplanationLeavesNoRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := audited(w)
	i, err := issuer.New(w.config, w, w, w, w)
	if err != nil {
		t.Fatal(err)
	}
	w.tokenless = true
	if _, err := i.Explain(t.Context(), issuer.Question{Caller: w.subject}); err != nil {
		t.Fatal(err)
	}
	if len(l.records) != 0 {
		t.Errorf("got %+v", l.records)
	}
}
