package issuer_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

func (w *world) decide(r issuer.Request) (issuer.Decision, error) {
	w.t.Helper()
	i, err := issuer.New(w.config, w, w, w, w)
	if err != nil {
		w.t.Fatal(err)
	}
	r.SubjectToken = subjectToken
	return i.Decide(w.t.Context(), r)
}

func TestADecisionSaysWhatATokenWouldAndNeedsNoKey(t *testing.T) {
	t.Parallel()
	regions := func(g *rolestore.Grant) {
		g.Session = map[string]rolestore.Value{"x-hasura-regions": rolestore.List("eu", `u"s`), "x-hasura-none": rolestore.List()}
	}
	for name, c := range map[string]struct {
		request issuer.Request
		arrays  issuer.ArrayFormat
		want    issuer.Decision
	}{
		"the default role": {want: issuer.Decision{Role: "editor", Roles: []string{"editor", "reader"}}},
		"the role that is asked for, with the variables of all": {
			request: issuer.Request{Role: "reader"}, want: issuer.Decision{Role: "reader", Roles: []string{"editor", "reader"}},
		},
		"lists as JSON": {arrays: issuer.ArrayJSON, want: issuer.Decision{Role: "editor", Roles: []string{"editor", "reader"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.answer.Grants = []rolestore.Grant{grant("reader", until(noon.Add(90*time.Second))), grant("editor", priority(5), regions)}
			c.want.Session = map[string]string{
				"x-hasura-user-id": objectID, "x-hasura-tenant-id": tenantID, "x-hasura-regions": `{"eu","u\"s"}`, "x-hasura-none": "{}",
			}
			if c.arrays != "" {
				w.config.ArrayFormat = c.arrays
				c.want.Session["x-hasura-regions"], c.want.Session["x-hasura-none"] = `["eu","u\"s"]`, "[]"
			}
			got, err := w.decide(c.request)
			if err != nil {
				t.Fatal(err)
			}
			c.want.Lifetime = 90 * time.Second
			c.want.TenantID, c.want.ObjectID, c.want.Kind, c.want.ClientID = tenantID, objectID, "user", clientID
			c.want.SubjectTokenID, c.want.TokenHash = "uti-1", "256d04db4e5e4ac3"
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("decision (-want +got):\n%s", diff)
			}
			if w.steps != "vr" {
				t.Errorf("steps %q, want to verify and to look up", w.steps)
			}
		})
	}
}

func TestADecisionIsRefusedAsAnExchangeIs(t *testing.T) {
	t.Parallel()
	block := rolestore.Block{Tenant: tenantID, Principal: rolestore.Principal{Kind: rolestore.KindUser, ID: objectID}}
	for name, c := range map[string]struct {
		world   func(*world)
		request issuer.Request
		want    issuer.Reason
	}{
		"a role that is not held":                    {request: issuer.Request{Role: "admin"}, want: issuer.ReasonRoleNotGranted},
		"a role in other letters":                    {request: issuer.Request{Role: "Reader"}, want: issuer.ReasonRoleNotGranted},
		"somebody without roles who asks for one":    {world: func(w *world) { w.answer.Grants = nil }, request: issuer.Request{Role: "reader"}, want: issuer.ReasonNoRoles},
		"somebody who is blocked":                    {world: func(w *world) { w.answer.Blocks = append(w.answer.Blocks, block) }, want: issuer.ReasonBlocked},
		"a token that has run out":                   {world: func(w *world) { w.subject.Expiry = noon }, want: issuer.ReasonTokenExpired},
		"a variable that no token could hold":        {world: func(w *world) { w.subject.Claims["department"] = "\xff" }, want: issuer.ReasonInternal},
		"a list with an item that is no text":        {world: func(w *world) { w.answer.Grants[0].Session = list("\xff") }, want: issuer.ReasonInternal},
		"and so with lists that are written as JSON": {world: func(w *world) { w.answer.Grants[0].Session = list("\xff"); w.config.ArrayFormat = issuer.ArrayJSON }, want: issuer.ReasonInternal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.config.SessionClaims = []issuer.SessionClaim{{Variable: "x-hasura-department", Claim: "department"}}
			if c.world != nil {
				c.world(w)
			}
			got, err := w.decide(c.request)
			wantRefusal(t, err, refusal{Reason: c.want})
			if got.Role != "" || got.Session != nil || got.TokenHash == "" {
				t.Errorf("%+v", got)
			}
		})
	}
}

func list(items ...string) map[string]rolestore.Value {
	return map[string]rolestore.Value{"x-hasura-list": rolestore.List(items...)}
}
