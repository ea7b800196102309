package issuer_test

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

const (
	tenantID     = "7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901"
	objectID     = "11d3e5f7-0b1c-4d2e-8f3a-4b5c6d7e8f90"
	clientID     = "5a5a5a5a-1111-4222-8333-444455556666"
	groupID      = "d1000001-0000-4000-8000-000000000001"
	subjectToken = "header.payload.signature"
)

// noon is the time of all tests here, with a fraction of a second, as clocks have it.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 400_000_000, time.UTC)

func user() idp.Subject {
	return idp.Subject{
		TenantID: tenantID, ObjectID: objectID, Kind: idp.KindUser, ClientID: clientID,
		AppRoles: []string{"Hasura.Reader"}, Groups: []string{groupID}, TokenID: "uti-1", Expiry: noon.Add(time.Hour),
		Claims: map[string]string{"department": "R&D"},
	}
}

func grant(role string, alter ...func(*rolestore.Grant)) rolestore.Grant {
	g := rolestore.Grant{Tenant: tenantID, Principal: rolestore.Principal{Kind: rolestore.KindUser, ID: objectID}, Role: role}
	for _, f := range alter {
		f(&g)
	}
	return g
}

func priority(p int) func(*rolestore.Grant)    { return func(g *rolestore.Grant) { g.Priority = p } }
func from(t time.Time) func(*rolestore.Grant)  { return func(g *rolestore.Grant) { g.From = t } }
func until(t time.Time) func(*rolestore.Grant) { return func(g *rolestore.Grant) { g.Until = t } }
func session(kv ...string) func(*rolestore.Grant) {
	return func(g *rolestore.Grant) {
		g.Session = map[string]rolestore.Value{}
		for i := 0; i < len(kv); i += 2 {
			g.Session[kv[i]] = rolestore.Text(kv[i+1])
		}
	}
}

func group(id string) func(*rolestore.Grant) {
	return func(g *rolestore.Grant) { g.Principal = rolestore.Principal{Kind: rolestore.KindGroup, ID: id} }
}

func everyone(g *rolestore.Grant) { g.Principal = rolestore.Principal{Kind: rolestore.KindEveryone} }

// world is everything an Issuer stands on. Its parts fail the test when they are asked in a way their contracts forbid,
// or out of order.
type world struct {
	t      *testing.T
	config issuer.Config

	subject             idp.Subject
	answer              rolestore.Answer
	named               rolestore.NamedGroups
	members             []string // the groups that the caller is in, so far as Graph knows
	graphless           bool     // there is nobody to ask for groups
	tokenless           bool     // the caller has shown no token, which only an explanation does without
	verify, look, write error    // what each part fails with
	list, ask           error
	length              int    // that the signed token is padded to
	signed              string // the token, as it was handed over
	steps               string // who was asked: v, n, g, r, p, s
	among               []string
	query               rolestore.Query
	payload             string
	waits               map[issuer.Limit]time.Duration // what the limits say
	uses                []use                          // what they were asked
	revoked             bool                           // the key that signs is gone from the key set
}

// use is a question to a limit, and who had been asked before.
type use struct {
	issuer.Use
	After string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{
		t: t, subject: user(), answer: rolestore.Answer{Grants: []rolestore.Grant{grant("reader")}},
		config: issuer.Config{
			URL: "https://auth.example.com", Audience: "hasura", TTL: 5 * time.Minute,
			ClaimsNamespace: "https://hasura.io/jwt/claims", ArrayFormat: issuer.ArrayPostgres,
			SessionClaims: []issuer.SessionClaim{{Variable: "x-hasura-user-id", Claim: "oid"}, {Variable: "x-hasura-tenant-id", Claim: "tid"}},
			Now:           func() time.Time { return noon },
		},
	}
}

func (w *world) exchange(ctx context.Context, r issuer.Request) (issuer.Decision, error) {
	w.t.Helper()
	var groups issuer.Groups
	if !w.graphless {
		groups = w
	}
	w.config.Limiter = w
	i, err := issuer.New(w.config, w, groups, w, w)
	if err != nil {
		w.t.Fatal(err)
	}
	return i.Exchange(ctx, r)
}

func (w *world) step(name string) {
	if strings.Contains(w.steps, name) {
		w.t.Errorf("step %s was taken twice", name)
	}
	w.steps += name
}

func (w *world) Allow(_ context.Context, asked issuer.Use) time.Duration {
	if asked.Who == "" {
		w.t.Errorf("a limit was asked about nobody: %+v", asked)
	}
	w.uses = append(w.uses, use{asked, w.steps})
	return w.waits[asked.Limit]
}

func (w *world) Verify(_ context.Context, raw string) (idp.Subject, error) {
	w.step("v")
	if raw != subjectToken {
		w.t.Errorf("the verifier was given another token than the caller's")
	}
	if w.verify != nil {
		return idp.Subject{}, w.verify
	}
	return w.subject, nil
}

func (w *world) NamedGroups(_ context.Context, tenant string, most int) (rolestore.NamedGroups, error) {
	w.step("n")
	if tenant != w.subject.TenantID || most < 20 {
		w.t.Errorf("asked for %d groups of tenant %q", most, tenant)
	}
	return w.named, w.list
}

func (w *world) Groups(_ context.Context, caller idp.Subject, among []string) ([]string, error) {
	w.step("g")
	if caller.TenantID == "" || caller.ObjectID == "" {
		w.t.Errorf("asked for the groups of nobody: %+v", caller)
	}
	w.among = among
	return w.members, w.ask
}

func (w *world) Grants(_ context.Context, query rolestore.Query) (rolestore.Answer, error) {
	w.step("r")
	if query.TenantID == "" || query.ObjectID == "" {
		w.t.Errorf("the store was asked about nobody: %+v", query)
	}
	w.query = query
	return w.answer, w.look
}

func (w *world) Sign(_ context.Context, payload []byte) (string, string, error) {
	w.step("s")
	sound := []string{"vrs", "vngrs", "vnrs"}
	if w.config.Policy != nil {
		sound = []string{"vrps", "vgrps"}
	}
	if w.tokenless {
		sound = []string{"rs", "rps"}
	}
	if !slices.Contains(sound, w.steps) {
		w.t.Errorf("signed after steps %q, not after verifying and looking up", w.steps)
	}
	if !jsontext.Value(payload).IsValid() {
		w.t.Errorf("the payload is not JSON: %s", payload)
	}
	w.payload = string(payload)
	w.signed = "signed." + base64.RawURLEncoding.EncodeToString(payload) + "."
	w.signed += strings.Repeat("x", max(0, w.length-len(w.signed)))
	clear(payload) // the signer owns it now: whoever keeps it sees zeroes
	if w.write != nil {
		return "half.a.token", "k1", w.write
	}
	return w.signed, "k1", nil
}

func (w *world) Holds(kid string) bool {
	if kid != "k1" {
		w.t.Errorf("asked about the key %q, which has signed nothing", kid)
	}
	return !w.revoked
}

// refusal is what an error tells the caller.
type refusal struct {
	Reason issuer.Reason
	Retry  bool
}

func refusalOf(t *testing.T, err error) refusal {
	t.Helper()
	if err == nil {
		return refusal{}
	}
	e, ok := errors.AsType[*issuer.Error](err)
	if !ok {
		t.Fatalf("the error is a %T, not an *issuer.Error: %v", err, err)
	}
	return refusal{e.Reason, e.RetryAfter > 0}
}

func wantRefusal(t *testing.T, err error, want refusal) {
	t.Helper()
	if diff := cmp.Diff(want, refusalOf(t, err)); diff != "" {
		t.Errorf("refusal (-want +got):\n%s\nerror: %v", diff, err)
	}
}
