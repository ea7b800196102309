package issuer_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// explain asks about the caller of a world.
func (w *world) explain(q issuer.Question) issuer.Explanation {
	w.t.Helper()
	i, err := issuer.New(w.config, w, w, w, w)
	if err != nil {
		w.t.Fatal(err)
	}
	e, err := i.Explain(w.t.Context(), q)
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

// standings lists what becomes of each grant: role, principal, standing.
func standings(e issuer.Explanation) []string {
	var list []string
	for _, role := range e.Roles {
		mark := ""
		switch {
		case role.Default:
			mark = " (default)"
		case role.InToken:
			mark = " (in the token)"
		case role.Held:
			mark = " (held)"
		}
		for _, g := range role.Grants {
			list = append(list, role.Role+mark+" "+g.Principal+" "+string(g.Standing))
		}
	}
	return list
}

// TestGroupsThatNobodySaidLeaveARefusalOpen: where one of them could give the role that is missing.
func TestGroupsThatNobodySaidLeaveARefusalOpen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*world)
		q      issuer.Question
		open   bool
	}{
		"a group is named":          {func(w *world) { w.named.IDs = []string{groupID} }, issuer.Question{GroupsUnknown: true}, true},
		"more than are listed":      {func(w *world) { w.named.More = true }, issuer.Question{GroupsUnknown: true}, true},
		"that cannot be told":       {func(w *world) { w.list = errors.New("gone") }, issuer.Question{GroupsUnknown: true}, true},
		"no group is named":         {func(*world) {}, issuer.Question{GroupsUnknown: true}, false},
		"the groups were said":      {func(w *world) { w.named.IDs = []string{groupID} }, issuer.Question{}, false},
		"a wish that none gives":    {func(w *world) { w.named.IDs = []string{groupID} }, issuer.Question{GroupsUnknown: true, Scope: []string{"editro"}}, false},
		"a wish that a group gives": {func(w *world) { w.named.IDs = []string{groupID} }, issuer.Question{GroupsUnknown: true, Scope: []string{"editor"}, Beside: []rolestore.Grant{grant("editor", group(groupID))}}, true},
		"a wish, one half of which": {func(w *world) { w.named.IDs = []string{groupID} }, issuer.Question{GroupsUnknown: true, Scope: []string{"editor", "chief"}, Beside: []rolestore.Grant{grant("editor", group(groupID))}}, false},
		"a wish to a query":         {func(w *world) { w.named.More = true }, issuer.Question{GroupsUnknown: true, Scope: []string{"editor"}}, true},
		"it is refused otherwise":   {func(w *world) { w.named.IDs = []string{groupID} }, issuer.Question{GroupsUnknown: true, Refusal: &issuer.Error{Reason: issuer.ReasonAppOnlyRefused}}, false},
	} {
		w := newWorld(t)
		w.answer = rolestore.Answer{Grants: []rolestore.Grant{grant("reader")}}
		if len(c.q.Scope) == 0 {
			w.answer = rolestore.Answer{}
		}
		c.change(w)
		c.q.Caller = w.subject
		if e := w.explain(c.q); e.Granted || e.Open != c.open {
			t.Errorf("%s: open is %v, %+v", name, e.Open, e)
		}
	}
}

func TestExplainTellsWhyARoleIsHeldOrNot(t *testing.T) {
	t.Parallel()
	stranger := rolestore.Principal{Kind: rolestore.KindGroup, ID: "d2000002-0000-4000-8000-000000000002"}
	w := newWorld(t)
	w.answer = rolestore.Answer{
		Grants: []rolestore.Grant{
			grant("editor", priority(5)), grant("editor", group(groupID)), grant("reader"), grant("intern", until(noon)),
			grant("oncall", from(noon.Add(time.Hour))),
		},
		Blocks: []rolestore.Block{block(noon)},
	}
	beside := []rolestore.Grant{grant("editor", priority(5)), grant("editor", group(stranger.ID)), grant("owner", everyone)}
	e := w.explain(issuer.Question{SubjectToken: subjectToken, Scope: []string{"editor"}, Beside: beside})
	want := []string{
		"editor (default) user " + objectID + " in_force",
		"editor (default) group " + groupID + " in_force",
		"editor (default) group " + stranger.ID + " not_the_principal",
		"intern user " + objectID + " over",
		"oncall user " + objectID + " not_yet",
		"owner everyone not_the_principal",
		"reader (held) user " + objectID + " not_in_scope",
	}
	if diff := cmp.Diff(want, standings(e)); diff != "" {
		t.Errorf("standings (-want +got):\n%s", diff)
	}
	if !e.Granted || len(e.Blocks) != 1 || e.Blocks[0].InForce {
		t.Errorf("granted %v, blocks %+v", e.Granted, e.Blocks)
	}
}

func TestExplainNamesWhoHasTheSay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.answer.Grants = []rolestore.Grant{
		grant("a", session("x-hasura-org", "low", "x-hasura-user-id", "somebody")),
		grant("b", priority(1), session("x-hasura-org", "high")), grant("a", everyone, session("x-hasura-org", "high")),
	}
	e := w.explain(issuer.Question{SubjectToken: subjectToken})
	a := "a by user " + objectID
	want := []issuer.ExplainedVariable{
		{Name: "x-hasura-org", Value: rolestore.Text("high"), From: "b by user " + objectID, Overruled: []issuer.OverruledValue{{Value: rolestore.Text("low"), From: a}}},
		{Name: "x-hasura-tenant-id", Value: rolestore.Text(tenantID), From: "claim tid"},
		{Name: "x-hasura-user-id", Value: rolestore.Text(objectID), From: "claim oid", Overruled: []issuer.OverruledValue{{Value: rolestore.Text("somebody"), From: a}}},
	}
	if diff := cmp.Diff(want, e.Session); diff != "" {
		t.Errorf("session (-want +got):\n%s", diff)
	}
}

func TestExplainNamesWhatEndsTheToken(t *testing.T) {
	t.Parallel()
	second := noon.Truncate(time.Second)
	for name, c := range map[string]struct {
		alter func(*world)
		want  string
		at    time.Time
	}{
		"its lifetime":      {func(*world) {}, "the token lifetime", second.Add(5 * time.Minute)},
		"the subject token": {func(w *world) { w.subject.Expiry = second.Add(time.Minute) }, "the subject token", second.Add(time.Minute)},
		"a temporary grant": {func(w *world) {
			w.answer.Grants = []rolestore.Grant{grant("a"), grant("b", until(second.Add(time.Minute)))}
		}, "the grant b by user " + objectID, second.Add(time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.alter(w)
			if e := w.explain(issuer.Question{SubjectToken: subjectToken}); e.Token.EndsBy != c.want || !e.Token.Expires.Equal(c.at) {
				t.Errorf("ends by %s at %s", e.Token.EndsBy, e.Token.Expires)
			}
		})
	}
}

func TestExplainAnswersForACallerWithoutAToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.tokenless = true
	e := w.explain(issuer.Question{Caller: user()})
	if !e.Granted || e.Caller.ObjectID != objectID || e.Token.Bytes == 0 {
		t.Errorf("%+v", e)
	}
	var claims struct {
		Sub string `json:"sub"`
	}
	if err := json.Unmarshal(e.Token.Claims, &claims); err != nil || claims.Sub != objectID+"."+tenantID {
		t.Errorf("claims %s: %v", e.Token.Claims, err)
	}
	if w.steps != "rs" {
		t.Errorf("steps %s", w.steps)
	}
}

// What cannot be judged is explained too.
func TestExplainSaysWhatStandsInTheWay(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	for name, c := range map[string]struct {
		alter func(*world)
		want  issuer.Reason
	}{
		"a token that is refused": {func(w *world) { w.verify = &idp.TokenError{Reason: "token_expired", Err: down} }, issuer.ReasonTokenExpired},
		"Entra":                   {func(w *world) { w.verify = idp.ErrUnavailable }, issuer.ReasonIDPUnavailable},
		"groups": {func(w *world) {
			w.subject.GroupsOmitted, w.named, w.ask = true, rolestore.NamedGroups{IDs: []string{groupID}}, down
		}, issuer.ReasonGroupsUnavailable},
		"the store":                {func(w *world) { w.look = down }, issuer.ReasonRolesUnavailable},
		"a block":                  {func(w *world) { w.answer.Blocks = []rolestore.Block{block(time.Time{})} }, issuer.ReasonBlocked},
		"a token that is too long": {func(w *world) { w.length = issuer.MaxToken + 1 }, issuer.ReasonTooManyRoles},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.alter(w)
			if e := w.explain(issuer.Question{SubjectToken: subjectToken}); e.Granted || e.Reason != c.want || e.Token != nil || e.Finding == "" {
				t.Errorf("%+v, want %s", e, c.want)
			}
		})
	}
}

// TestExplainCannotLie holds explanations to what the same caller gets.
func TestExplainCannotLie(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := drawScene(rt)
		wish := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "r0", "r1"}), 0, 2).Draw(rt, "wish")
		world := func() *world {
			w := newWorld(t)
			w.config.Now, w.config.TTL, w.subject = func() time.Time { return s.now }, s.ttl, s.subject
			w.answer.Grants = slices.Clone(s.grants)
			return w
		}
		w := world()
		d, err := w.exchange(t.Context(), issuer.Request{SubjectToken: subjectToken, Scope: wish})
		e := world().explain(issuer.Question{SubjectToken: subjectToken, Scope: wish})
		if refusal, refused := errors.AsType[*issuer.Error](err); refused {
			if e.Granted || e.Reason != refusal.Reason {
				rt.Fatalf("refused with %v, explained as %+v", err, e)
			}
			return
		}
		var roles []string
		for _, role := range e.Roles {
			held := slices.ContainsFunc(role.Grants, func(g issuer.ExplainedGrant) bool { return g.Standing == issuer.InForce })
			if role.InToken != held {
				rt.Fatalf("%+v", role)
			}
			if role.InToken {
				roles = append(roles, role.Role)
			}
		}
		if !slices.Equal(roles, d.Roles) || !e.Roles[0].Default {
			rt.Fatalf("roles %v, explained as %+v", d.Roles, e.Roles)
		}
		if diff := cmp.Diff(w.claims(), claimsOf(rt, e), ignoreID); diff != "" {
			rt.Fatalf("claims (-want +got):\n%s", diff)
		}
		if got := e.Token.Expires.Sub(s.now.Truncate(time.Second)); got != d.Lifetime {
			rt.Fatalf("lifetime %v, explained as %v", d.Lifetime, got)
		}
	})
}

var ignoreID = cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "" && p.Last().String() == `["jti"]` }, cmp.Ignore())

func claimsOf(t *rapid.T, e issuer.Explanation) map[string]any {
	var claims map[string]any
	if err := json.Unmarshal(e.Token.Claims, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}
