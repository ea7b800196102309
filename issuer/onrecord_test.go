package issuer_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/audit"
	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// act asks in which role somebody acts from an address, as an engine does.
func (g *gateway) act(role, address string) error {
	g.t.Helper()
	g.steps, g.uses = "", nil
	_, err := g.issuer.Decide(g.t.Context(), issuer.Request{SubjectToken: subjectToken, Role: role, Address: address, Reuse: true})
	return err
}

func (g *gateway) mustAct(role, address string) {
	g.t.Helper()
	if err := g.act(role, address); err != nil {
		g.t.Fatalf("%q from %s: %v", role, address, err)
	}
}

// told is what a ledger says of who acted in which role from where, and how often again.
func told(l *ledger) (list []string) {
	for _, r := range l.records {
		list = append(list, fmt.Sprintf("%s %s +%d", r.AskedRole, r.Address, l.again[r.ID]))
	}
	return list
}

// actors is a gateway that keeps account of somebody who has three roles.
func actors(t *testing.T) (*gateway, *ledger) {
	t.Helper()
	g, l := auditedGateway(t)
	g.answer.Grants = []rolestore.Grant{grant("reader", priority(5)), grant("editor"), grant("owner")}
	return g, l
}

func TestAnAnswerFromMemoryAddsToARecordThatSaysTheSame(t *testing.T) {
	t.Parallel()
	const home, away = "192.0.2.1", "203.0.113.66"
	for name, c := range map[string]struct {
		asked [][2]string // the role, and from where
		want  []string
	}{
		"the same":                       {[][2]string{{"", home}, {"", home}, {"", home}}, []string{" 192.0.2.1 +2"}},
		"in another role":                {[][2]string{{"", home}, {"owner", home}}, []string{" 192.0.2.1 +0", "owner 192.0.2.1 +0"}},
		"from another address":           {[][2]string{{"owner", home}, {"owner", away}}, []string{"owner 192.0.2.1 +0", "owner 203.0.113.66 +0"}},
		"in another role from elsewhere": {[][2]string{{"", home}, {"owner", away}}, []string{" 192.0.2.1 +0", "owner 203.0.113.66 +0"}},
		"back and forth": {
			[][2]string{{"", home}, {"owner", away}, {"", home}, {"owner", away}, {"", home}, {"owner", home}, {"", away}, {"owner", home}},
			[]string{" 192.0.2.1 +2", "owner 203.0.113.66 +1", "owner 192.0.2.1 +1", " 203.0.113.66 +0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, l := actors(t)
			for n, asked := range c.asked {
				if g.mustAct(asked[0], asked[1]); n > 0 && len(g.uses) > 0 {
					t.Errorf("an answer from memory counts for %v", g.uses)
				}
			}
			if diff := cmp.Diff(c.want, told(l)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestWhoMovesAboutWritesAFewRecordsAndOneMoreForEachRole, until it is decided anew. Each answer is on one of them.
func TestWhoMovesAboutWritesAFewRecordsAndOneMoreForEachRole(t *testing.T) {
	t.Parallel()
	g, l := actors(t)
	for range 3 {
		for n := range 20 {
			g.mustAct("editor", fmt.Sprintf("192.0.2.%d", n))
		}
	}
	for _, role := range []string{"owner", "reader", "owner", "reader"} {
		g.mustAct(role, "203.0.113.66")
		g.mustAct(role, "203.0.113.67")
	}
	var want []string
	for n := range 8 {
		want = append(want, fmt.Sprintf("editor 192.0.2.%d +2", n))
	}
	want[7] = "editor 192.0.2.7 +38" // and those of the other twelve
	want = append(want, "owner 203.0.113.66 +3", "reader 203.0.113.66 +3")
	if diff := cmp.Diff(want, told(l)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	g.now = noon.Add(200 * time.Second)
	g.mustAct("editor", "192.0.2.19")
	g.mustAct("editor", "192.0.2.20")
	if got := told(l)[len(want):]; len(got) != 2 {
		t.Errorf("after it was decided anew: %q, want two records", got)
	}
}

// TestARecordOfATokenThatIsHandedOutAgainIsOfThatToken, and not of one that would be minted now.
func TestARecordOfATokenThatIsHandedOutAgainIsOfThatToken(t *testing.T) {
	t.Parallel()
	g, l := auditedGateway(t)
	for n, address := range []string{"192.0.2.1", "203.0.113.66"} {
		g.now = noon.Add(time.Duration(n) * time.Minute)
		if _, _, err := g.ask(issuer.Request{Address: address}); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.records) != 2 || l.records[1].Address != "203.0.113.66" {
		t.Fatalf("got %+v", l.records)
	}
	first, second := l.records[0], l.records[1]
	if second.JTI == "" || second.JTI != first.JTI || second.KID != first.KID || !second.ExpiresAt.Equal(*first.ExpiresAt) {
		t.Errorf("of %s until %v, want %s until %v", second.JTI, second.ExpiresAt, first.JTI, first.ExpiresAt)
	}
}

// TestAnAnswerFromMemoryIsWithheldWhereItsOwnRecordIsNotKept. What is on record already is not.
func TestAnAnswerFromMemoryIsWithheldWhereItsOwnRecordIsNotKept(t *testing.T) {
	t.Parallel()
	g, l := actors(t)
	g.mustAct("", "192.0.2.1")
	l.refused = audit.ErrNotKept
	wantRefusal(t, g.act("owner", "192.0.2.1"), refusal{issuer.ReasonAuditUnavailable, true})
	g.mustAct("", "192.0.2.1")
	l.refused = nil
	g.mustAct("owner", "192.0.2.1")
	if diff := cmp.Diff([]string{" 192.0.2.1 +1", "owner 192.0.2.1 +0"}, told(l)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// hasty is a ledger to which something happens while a record is kept.
type hasty struct {
	*ledger
	meanwhile func()
	lose      bool // it loses the record without a word, as where nobody waits for it
}

func (h *hasty) Keep(ctx context.Context, r audit.Record) (audit.Ref, error) {
	meanwhile := h.meanwhile
	h.meanwhile = func() {}
	meanwhile()
	if h.lose {
		return audit.Ref{}, nil
	}
	return h.ledger.Keep(ctx, r)
}

func hastily(t *testing.T) (*gateway, *hasty) {
	t.Helper()
	g, l := actors(t)
	h := &hasty{ledger: l, meanwhile: func() {}}
	g.config.Journal = h
	var err error
	if g.issuer, err = issuer.New(g.config, g, g, g, g); err != nil {
		t.Fatal(err)
	}
	return g, h
}

// TestNothingAddsToARecordThatWasLost: the next answer from memory leaves a record, if that can be kept.
func TestNothingAddsToARecordThatWasLost(t *testing.T) {
	t.Parallel()
	g, h := hastily(t)
	h.lose = true
	g.mustAct("", "192.0.2.1")
	g.mustAct("", "192.0.2.1")
	h.lose = false
	for range 3 {
		if g.mustAct("", "192.0.2.1"); len(g.uses) > 0 {
			t.Errorf("it is not remembered, and counts for %v", g.uses)
		}
	}
	if diff := cmp.Diff([]string{" 192.0.2.1 +2"}, told(h.ledger)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestARecordIsNotedForItsOwnDecisionAlone: while it is kept, that may be forgotten, or another one takes its place.
func TestARecordIsNotedForItsOwnDecisionAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meanwhile func(*gateway)
		counted   bool // the next request: nothing is remembered
	}{
		"forgotten": {func(g *gateway) {
			g.verify = &idp.TokenError{Reason: idp.ReasonTokenExpired, Err: errors.New("over")}
			_ = g.act("", "192.0.2.1")
			g.verify = nil
		}, true},
		"decided anew": {func(g *gateway) {
			g.now = noon.Add(200 * time.Second)
			g.mustAct("", "192.0.2.1")
		}, false},
	} {
		g, h := hastily(t)
		g.mustAct("", "192.0.2.1")
		h.meanwhile = func() { c.meanwhile(g) }
		g.mustAct("owner", "192.0.2.1")
		before := len(h.records)
		if g.mustAct("owner", "192.0.2.1"); len(h.records) != before+1 || (len(g.uses) > 0) != c.counted {
			t.Errorf("%s: the next request left %d records and counts for %v", name, len(h.records)-before, g.uses)
		}
	}
}
