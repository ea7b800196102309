package issuer_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

const ttl = 5 * time.Minute

func block(until time.Time) rolestore.Block {
	return rolestore.Block{Tenant: tenantID, Principal: rolestore.Principal{Kind: rolestore.KindUser, ID: objectID}, Until: until}
}

func TestEntitleRefuses(t *testing.T) {
	t.Parallel()
	second := noon.Truncate(time.Second)
	reader := []rolestore.Grant{grant("reader")}
	for name, c := range map[string]struct {
		grants  []rolestore.Grant
		blocks  []rolestore.Block
		wish    []string
		expiry  time.Time
		want    issuer.Reason
		granted bool
	}{
		"a block without an end":                      {grants: reader, blocks: []rolestore.Block{block(time.Time{})}, want: issuer.ReasonBlocked},
		"a block that ends later":                     {grants: reader, blocks: []rolestore.Block{block(noon.Add(time.Nanosecond))}, want: issuer.ReasonBlocked},
		"a block of somebody without roles":           {blocks: []rolestore.Block{block(time.Time{})}, want: issuer.ReasonBlocked},
		"one block in force beside one that is over":  {grants: reader, blocks: []rolestore.Block{block(noon.Add(-time.Hour)), block(time.Time{})}, want: issuer.ReasonBlocked},
		"not a block that ends now":                   {grants: reader, blocks: []rolestore.Block{block(noon)}, granted: true},
		"nobody's roles":                              {want: issuer.ReasonNoRoles},
		"no roles, whatever the wish":                 {wish: []string{"reader"}, want: issuer.ReasonNoRoles},
		"a grant that has not begun":                  {grants: []rolestore.Grant{grant("reader", from(noon.Add(time.Nanosecond)))}, want: issuer.ReasonNoRoles},
		"not a grant that begins now":                 {grants: []rolestore.Grant{grant("reader", from(noon))}, granted: true},
		"a grant that ended now":                      {grants: []rolestore.Grant{grant("reader", until(noon))}, want: issuer.ReasonNoRoles},
		"a grant that ended at this second's start":   {grants: []rolestore.Grant{grant("reader", until(second))}, want: issuer.ReasonNoRoles},
		"a grant that ends within this second":        {grants: []rolestore.Grant{grant("reader", until(second.Add(900*time.Millisecond)))}, want: issuer.ReasonNoRoles},
		"not a grant that ends with the next second":  {grants: []rolestore.Grant{grant("reader", until(second.Add(time.Second)))}, granted: true},
		"a role that is not held":                     {grants: reader, wish: []string{"editor"}, want: issuer.ReasonRoleNotGranted},
		"a role that is not held beside one that is":  {grants: reader, wish: []string{"reader", "editor"}, want: issuer.ReasonRoleNotGranted},
		"a role that is held no longer":               {grants: []rolestore.Grant{grant("reader"), grant("editor", until(noon))}, wish: []string{"editor"}, want: issuer.ReasonRoleNotGranted},
		"a role in other letters":                     {grants: reader, wish: []string{"Reader"}, want: issuer.ReasonRoleNotGranted},
		"a wish for the role without a name":          {grants: reader, wish: []string{""}, want: issuer.ReasonRoleNotGranted},
		"not the same wish twice":                     {grants: reader, wish: []string{"reader", "reader"}, granted: true},
		"a role name that breaks the pattern":         {grants: []rolestore.Grant{grant("reader"), grant("a b")}, want: issuer.ReasonRolesUnavailable},
		"a role name that ends in a line":             {grants: []rolestore.Grant{grant("reader\n")}, want: issuer.ReasonRolesUnavailable},
		"a role without a name":                       {grants: []rolestore.Grant{grant("")}, want: issuer.ReasonRolesUnavailable},
		"a strange role that was not wished for":      {grants: []rolestore.Grant{grant("reader"), grant("1st")}, wish: []string{"reader"}, want: issuer.ReasonRolesUnavailable},
		"a grant that sets the allowed roles":         {grants: []rolestore.Grant{grant("reader", session("x-hasura-allowed-roles", "admin"))}, want: issuer.ReasonRolesUnavailable},
		"a grant that sets the default role":          {grants: []rolestore.Grant{grant("reader", session("x-hasura-default-role", "admin"))}, want: issuer.ReasonRolesUnavailable},
		"a grant that sets the role":                  {grants: []rolestore.Grant{grant("reader", session("x-hasura-role", "admin"))}, want: issuer.ReasonRolesUnavailable},
		"a grant that sets a claim outside":           {grants: []rolestore.Grant{grant("reader", session("sub", "somebody"))}, want: issuer.ReasonRolesUnavailable},
		"a variable in capital letters":               {grants: []rolestore.Grant{grant("reader", session("X-Hasura-Role", "admin"))}, want: issuer.ReasonRolesUnavailable},
		"a subject token that has run out":            {grants: reader, expiry: noon, want: issuer.ReasonTokenExpired},
		"a subject token that ends within the second": {grants: reader, expiry: second.Add(999 * time.Millisecond), want: issuer.ReasonTokenExpired},
		"not one that ends with the next second":      {grants: reader, expiry: second.Add(time.Second), granted: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			subject := user()
			if !c.expiry.IsZero() {
				subject.Expiry = c.expiry
			}
			_, err := issuer.Entitle(subject, rolestore.Answer{Grants: c.grants, Blocks: c.blocks}, c.wish, issuer.NewTerms(ttl), noon)
			wantRefusal(t, err, refusal{c.want, c.want == issuer.ReasonRolesUnavailable})
			if c.granted != (err == nil) {
				t.Errorf("granted: %v, want %v", err == nil, c.granted)
			}
		})
	}
}

func TestASubjectWithoutAnExpiryGetsNothing(t *testing.T) {
	t.Parallel()
	subject := user()
	subject.Expiry = time.Time{}
	_, err := issuer.Entitle(subject, rolestore.Answer{Grants: []rolestore.Grant{grant("reader")}}, nil, issuer.NewTerms(ttl), noon)
	wantRefusal(t, err, refusal{issuer.ReasonTokenExpired, false})
}

func TestEntitleGrants(t *testing.T) {
	t.Parallel()
	second := noon.Truncate(time.Second)
	list := func(items ...string) func(*rolestore.Grant) {
		return func(g *rolestore.Grant) {
			g.Session = map[string]rolestore.Value{"x-hasura-regions": rolestore.List(items...)}
		}
	}
	type got struct {
		Roles   []string
		Session map[string]rolestore.Value
		Expiry  time.Time
	}
	for name, c := range map[string]struct {
		grants []rolestore.Grant
		wish   []string
		claims []issuer.SessionClaim
		expiry time.Time // of the subject token
		want   got
	}{
		"the default role is that of the highest priority, ties go by name": {
			grants: []rolestore.Grant{grant("b"), grant("c", priority(1)), grant("a"), grant("low", priority(-1))},
			want:   got{Roles: []string{"c", "a", "b", "low"}},
		},
		"a role granted twice is there once, at its highest priority": {
			grants: []rolestore.Grant{grant("a", priority(1)), grant("b", priority(2)), grant("a", priority(3), everyone)},
			want:   got{Roles: []string{"a", "b"}},
		},
		"a wish narrows, and its own order means nothing": {
			grants: []rolestore.Grant{grant("a"), grant("b", priority(1)), grant("c", priority(2))},
			wish:   []string{"a", "b"},
			want:   got{Roles: []string{"b", "a"}},
		},
		"of variables that disagree the higher priority has the say": {
			grants: []rolestore.Grant{
				grant("a", session("x-hasura-org", "low", "x-hasura-team", "t")), grant("b", priority(1), session("x-hasura-org", "high")),
			},
			want: got{Roles: []string{"b", "a"}, Session: map[string]rolestore.Value{"x-hasura-org": rolestore.Text("high"), "x-hasura-team": rolestore.Text("t")}},
		},
		"of equal priorities the first role has the say": {
			grants: []rolestore.Grant{grant("b", session("x-hasura-org", "b")), grant("a", session("x-hasura-org", "a"))},
			want:   got{Roles: []string{"a", "b"}, Session: map[string]rolestore.Value{"x-hasura-org": rolestore.Text("a")}},
		},
		"of one role the first principal has the say": {
			grants: []rolestore.Grant{grant("a", session("x-hasura-org", "user")), grant("a", everyone, session("x-hasura-org", "everyone"))},
			want:   got{Roles: []string{"a"}, Session: map[string]rolestore.Value{"x-hasura-org": rolestore.Text("everyone")}},
		},
		"of principals the kind counts first, then the id": {
			grants: []rolestore.Grant{
				grant("a", session("x-hasura-org", "user")), grant("a", group("d2"), session("x-hasura-org", "d2")), grant("a", group("d1"), session("x-hasura-org", "d1")),
			},
			want: got{Roles: []string{"a"}, Session: map[string]rolestore.Value{"x-hasura-org": rolestore.Text("d1")}},
		},
		"a narrowed token sheds the other roles' variables and ends": {
			grants: []rolestore.Grant{
				grant("a", session("x-hasura-a", "1")),
				grant("b", priority(1), session("x-hasura-a", "2", "x-hasura-b", "2"), until(second.Add(time.Minute))),
			},
			wish: []string{"a"},
			want: got{Roles: []string{"a"}, Session: map[string]rolestore.Value{"x-hasura-a": rolestore.Text("1")}},
		},
		"grants that are not in force give nothing": {
			grants: []rolestore.Grant{grant("a"), grant("a", everyone, priority(9), until(noon), session("x-hasura-a", "1")), grant("b", from(noon.Add(time.Hour)))},
			want:   got{Roles: []string{"a"}},
		},
		"the earliest end of any grant in the token is the token's": {
			grants: []rolestore.Grant{grant("a", until(second.Add(3*time.Minute))), grant("b", until(second.Add(2*time.Minute+500*time.Millisecond)))},
			want:   got{Roles: []string{"a", "b"}, Expiry: second.Add(2 * time.Minute)},
		},
		"so it is where another grant gives the same role for longer": {
			grants: []rolestore.Grant{grant("a"), grant("a", everyone, until(second.Add(2*time.Minute)))},
			want:   got{Roles: []string{"a"}, Expiry: second.Add(2 * time.Minute)},
		},
		"the subject token's end is the token's": {
			grants: []rolestore.Grant{grant("a")}, expiry: second.Add(90*time.Second + 700*time.Millisecond),
			want: got{Roles: []string{"a"}, Expiry: second.Add(90 * time.Second)},
		},
		"a variable from a claim always wins": {
			grants: []rolestore.Grant{grant("a", priority(9), session("x-hasura-user-id", "somebody", "x-hasura-dep", "mine"))},
			claims: []issuer.SessionClaim{{Variable: "x-hasura-user-id", Claim: "oid"}, {Variable: "x-hasura-dep", Claim: "department"}},
			want: got{Roles: []string{"a"}, Session: map[string]rolestore.Value{
				"x-hasura-user-id": rolestore.Text(objectID), "x-hasura-dep": rolestore.Text("R&D"),
			}},
		},
		"also where the token lacks the claim": {
			grants: []rolestore.Grant{grant("a", session("x-hasura-cost", "42"))},
			claims: []issuer.SessionClaim{{Variable: "x-hasura-cost", Claim: "cost_center"}},
			want:   got{Roles: []string{"a"}},
		},
		"the caller's tenant and app": {
			grants: []rolestore.Grant{grant("a")},
			claims: []issuer.SessionClaim{{Variable: "x-hasura-t", Claim: "tid"}, {Variable: "x-hasura-v2", Claim: "azp"}, {Variable: "x-hasura-v1", Claim: "appid"}},
			want: got{Roles: []string{"a"}, Session: map[string]rolestore.Value{
				"x-hasura-t": rolestore.Text(tenantID), "x-hasura-v2": rolestore.Text(clientID), "x-hasura-v1": rolestore.Text(clientID),
			}},
		},
		"a list stays a list": {
			grants: []rolestore.Grant{grant("a", list("eu", "us"))},
			want:   got{Roles: []string{"a"}, Session: map[string]rolestore.Value{"x-hasura-regions": rolestore.List("eu", "us")}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			subject := user()
			if !c.expiry.IsZero() {
				subject.Expiry = c.expiry
			}
			e, err := issuer.Entitle(subject, rolestore.Answer{Grants: c.grants}, c.wish, issuer.NewTerms(ttl, c.claims...), noon)
			if err != nil {
				t.Fatal(err)
			}
			if c.want.Session == nil {
				c.want.Session = map[string]rolestore.Value{}
			}
			if c.want.Expiry.IsZero() {
				c.want.Expiry = second.Add(ttl)
			}
			if diff := cmp.Diff(c.want, got(e)); diff != "" {
				t.Errorf("entitlement (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEntitleLeavesTheAnswerAsItIs(t *testing.T) {
	t.Parallel()
	answer := rolestore.Answer{Grants: []rolestore.Grant{
		grant("b", session("x-hasura-user-id", "x")), grant("a", priority(1), until(noon)), grant("c", priority(2)),
	}}
	before := rolestore.Answer{Grants: []rolestore.Grant{
		grant("b", session("x-hasura-user-id", "x")), grant("a", priority(1), until(noon)), grant("c", priority(2)),
	}}
	terms := issuer.NewTerms(ttl, issuer.SessionClaim{Variable: "x-hasura-user-id", Claim: "oid"})
	if _, err := issuer.Entitle(user(), answer, []string{"c"}, terms, noon); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, answer); diff != "" {
		t.Errorf("stores share their answers, and this one was changed (-before +after):\n%s", diff)
	}
}

func TestAnAppsSubCannotBeAUsers(t *testing.T) {
	t.Parallel()
	sub := func(alter func(*idp.Subject)) string {
		w := newWorld(t)
		alter(&w.subject)
		if _, err := w.exchange(t.Context(), issuer.Request{SubjectToken: subjectToken}); err != nil {
			t.Fatal(err)
		}
		return w.claims()["sub"].(string)
	}
	person := sub(func(*idp.Subject) {})
	app := sub(func(s *idp.Subject) { s.Kind, s.ObjectID = idp.KindApp, clientID })
	if person != objectID+"."+tenantID || app != clientID+"."+tenantID {
		t.Errorf("user %q, app %q", person, app)
	}
}
