package main

import (
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// The people and moments of these texts.
var (
	sixOClock = time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	erin      = issuer.ExplainedCaller{Tenant: "contoso", ObjectID: "erin", Kind: idp.KindUser, Client: "spa", Groups: []string{"g1", "g2"}, AppRoles: []string{"Reader"}}
	robot     = issuer.ExplainedCaller{Tenant: "contoso", ObjectID: "sp", Kind: idp.KindApp, Client: "robot"}
)

func granted(role string, alter ...func(*issuer.ExplainedRole)) issuer.ExplainedRole {
	r := issuer.ExplainedRole{Role: role, Held: true, InToken: true}
	for _, f := range alter {
		f(&r)
	}
	return r
}

func lacked(role string, grants ...issuer.ExplainedGrant) issuer.ExplainedRole {
	return issuer.ExplainedRole{Role: role, Grants: grants}
}

func by(principal string, priority int, standing issuer.Standing) func(*issuer.ExplainedRole) {
	return func(r *issuer.ExplainedRole) {
		r.Grants = append(r.Grants, issuer.ExplainedGrant{Principal: principal, Priority: priority, Standing: standing})
	}
}

func isDefault(r *issuer.ExplainedRole) { r.Default = true }
func leftOut(r *issuer.ExplainedRole)   { r.InToken = false }

// explanationTexts are explanations and what a person reads of them.
var explanationTexts = map[string]struct {
	explained explained
	want      string
}{
	"a token": {explained{Explanation: issuer.Explanation{
		Caller: erin, Granted: true, DefaultBy: "priority 10, before reader with 0",
		Roles: []issuer.ExplainedRole{
			granted("editor", isDefault, by("group g1", 10, issuer.InForce), by("group g9", 0, issuer.NotMember)),
			granted("reader", by("app_role Reader", 0, issuer.InForce)),
			granted("auditor", leftOut, by("everyone", -1, issuer.Narrowed)),
			lacked("owner"),
		},
		Session: []issuer.ExplainedVariable{
			{Name: "x-hasura-org", Value: rolestore.Text("42"), From: "editor by group g1", Overruled: []issuer.OverruledValue{
				{Value: rolestore.List("a", "b"), From: "reader by app_role Reader"}, {Value: rolestore.Text(""), From: "auditor by everyone"},
			}},
			{Name: "x-hasura-user-id", Value: rolestore.Text("erin"), From: "claim oid"},
		},
		Token: &issuer.ExplainedToken{Claims: jsontext.Value(`{"sub":"erin","roles":[]}`), Expires: sixOClock, EndsBy: "the token lifetime", Bytes: 700},
	}}, `granted: editor, reader

caller     user erin in tenant contoso, by the client spa
groups     g1, g2
app roles  Reader
default    editor: priority 10, before reader with 0
ends       2026-11-23T18:00:00Z, by the token lifetime
size       700 bytes of at most 6144

ROLE     HELD              GRANTED TO       PRIORITY  STANDING                              REASON
editor   yes, the default  group g1         10        in force                              -
                           group g9         0         the caller is not in this group       -
reader   yes               app_role Reader  0         in force                              -
auditor  yes, left out     everyone         -1        in force, and not asked for by scope  -
owner    no                -                -         no grant of it in this tenant         -

SESSION VARIABLE  VALUE  FROM                OVERRULED
x-hasura-org      42     editor by group g1  [a,b] (reader by app_role Reader); "" (auditor by everyone)
x-hasura-user-id  erin   claim oid           -

the token would say:
{
  "sub": "erin",
  "roles": []
}
`},
	"a refusal": {explained{Explanation: issuer.Explanation{
		Caller: robot, Reason: issuer.ReasonNoRoles, Finding: "no grant of the caller is in force",
		Roles: []issuer.ExplainedRole{
			lacked("audit", issuer.ExplainedGrant{Principal: "app robot", Until: sixOClock, Standing: issuer.Over, Reason: "2025"}),
			lacked("batch", issuer.ExplainedGrant{Principal: "app robot", From: sixOClock, Standing: issuer.NotYet}),
			lacked("owner", issuer.ExplainedGrant{Principal: "user erin", Standing: issuer.NotMember}, issuer.ExplainedGrant{Principal: "app_role Owner", Standing: issuer.NotMember}),
		},
		Blocks: []issuer.ExplainedBlock{{Principal: "app robot", Until: sixOClock, Reason: "leak"}},
	}, Cure: "grant something", Notes: []string{"one", "two"}}, `refused (no_roles): no grant of the caller is in force

what to do  grant something
caller      app robot in tenant contoso
groups      none
app roles   none
block       app robot, over since 2026-11-23T18:00:00Z: leak

ROLE   HELD  GRANTED TO      PRIORITY  STANDING                         REASON
audit  no    app robot       0         ended 2026-11-23T18:00:00Z       2025
batch  no    app robot       0         begins 2026-11-23T18:00:00Z      -
owner  no    user erin       0         somebody else                    -
             app_role Owner  0         the caller has no such app role  -

note: one
note: two
`},
	"a block": {explained{Explanation: issuer.Explanation{
		Caller: issuer.ExplainedCaller{Tenant: "contoso", ObjectID: "gus", Kind: idp.KindUser, Guest: true}, Reason: issuer.ReasonBlocked, Finding: "a block of the caller is in force",
		Roles: []issuer.ExplainedRole{granted("reader", leftOut, func(r *issuer.ExplainedRole) {
			r.Grants = []issuer.ExplainedGrant{{Principal: "everyone", Until: sixOClock, Standing: issuer.InForce}}
		})},
		Blocks: []issuer.ExplainedBlock{{Principal: "user gus", InForce: true}, {Principal: "user gus", Until: sixOClock, InForce: true, Reason: "leave"}},
	}}, `refused (blocked): a block of the caller is in force

caller     user gus (a guest) in tenant contoso
groups     none
app roles  none
block      user gus, without end
block      user gus, until 2026-11-23T18:00:00Z: leave

ROLE    HELD  GRANTED TO  PRIORITY  STANDING                             REASON
reader  yes   everyone    0         in force until 2026-11-23T18:00:00Z  -
`},
	"groups that nobody knows": {explained{Explanation: issuer.Explanation{
		Caller: issuer.ExplainedCaller{Tenant: "contoso", ObjectID: "erin", Kind: idp.KindUser, GroupsUnknown: true}, Granted: true, DefaultBy: "the only role of the token",
		Roles: []issuer.ExplainedRole{granted("reader", isDefault, by("everyone", 0, issuer.InForce)), lacked("owner", issuer.ExplainedGrant{Principal: "group g1", Standing: issuer.NotMember})},
	}}, `granted: reader, and whatever the caller's groups give

caller     user erin in tenant contoso
groups     not known
app roles  none
default    reader: the only role of the token

ROLE    HELD              GRANTED TO  PRIORITY  STANDING                                 REASON
reader  yes, the default  everyone    0         in force                                 -
owner   not known         group g1    0         not known: is the caller in this group?  -
`},
	"groups that could give what is refused": {explained{Explanation: issuer.Explanation{
		Caller: issuer.ExplainedCaller{Tenant: "contoso", ObjectID: "erin", Kind: idp.KindUser, GroupsUnknown: true}, Reason: issuer.ReasonNoRoles, Finding: "no", Open: true,
		Roles: []issuer.ExplainedRole{lacked("owner", issuer.ExplainedGrant{Principal: "group g1", Standing: issuer.NotMember}), lacked("reader", issuer.ExplainedGrant{Principal: "user gus", Standing: issuer.NotMember})},
	}}, `not known (no_roles without the caller's groups): which groups the caller is in was not said

caller     user erin in tenant contoso
groups     not known
app roles  none

ROLE    HELD       GRANTED TO  PRIORITY  STANDING                                 REASON
owner   not known  group g1    0         not known: is the caller in this group?  -
reader  no         user gus    0         somebody else                            -
`},
	"groups of Microsoft Graph": {explained{Explanation: issuer.Explanation{
		Caller: issuer.ExplainedCaller{Tenant: "contoso", ObjectID: "erin", Kind: idp.KindUser, Groups: []string{"g1"}, GroupsAsked: true}, Reason: issuer.ReasonRoleNotGranted, Finding: "no",
		Roles: []issuer.ExplainedRole{lacked("owner")},
	}, queried: true}, `refused (role_not_granted): no

caller     user erin in tenant contoso
groups     g1 (of those that grants name, by Microsoft Graph)
app roles  none

ROLE   HELD  GRANTED TO  PRIORITY  STANDING                    REASON
owner  no    -           -         the query does not give it  -
`},
	"a policy that takes a role away": {explained{Explanation: issuer.Explanation{
		Caller: issuer.ExplainedCaller{Tenant: "contoso", ObjectID: "erin", Kind: idp.KindUser, Groups: []string{"g1"}, GroupsAsked: true}, Granted: true,
		Roles:  []issuer.ExplainedRole{granted("reader", isDefault, by("everyone", 0, issuer.InForce)), granted("editor", leftOut, by("everyone", 0, issuer.Withheld))},
		Policy: &issuer.ExplainedPolicy{Allowed: true, Reason: "not\x1b[A today", Decision: "d-1", Withheld: []string{"editor"}, Added: []string{"x-hasura-a", "x-hasura-b"}},
	}, policed: true}, `granted: reader

caller     user erin in tenant contoso
groups     g1 (by Microsoft Graph)
app roles  none
policy     allows, without editor, with x-hasura-a, x-hasura-b: not\x1b[A today

ROLE    HELD              GRANTED TO  PRIORITY  STANDING                                REASON
reader  yes, the default  everyone    0         in force                                -
editor  yes, left out     everyone    0         in force, and the policy takes it away  -
`},
	"a policy that refuses": {explained{Explanation: issuer.Explanation{
		Caller: robot, Reason: issuer.ReasonPolicyDenied, Finding: "the policy refuses",
		Roles:  []issuer.ExplainedRole{granted("reader", leftOut, by("everyone", 0, issuer.Withheld))},
		Policy: &issuer.ExplainedPolicy{Withheld: []string{"reader"}},
	}, policed: true}, `refused (policy_denied): the policy refuses

caller     app robot in tenant contoso
groups     none
app roles  none
policy     refuses

ROLE    HELD  GRANTED TO  PRIORITY  STANDING                                REASON
reader  yes   everyone    0         in force, and the policy takes it away  -
`},
	"what did not answer": {explained{Explanation: issuer.Explanation{
		Caller: issuer.ExplainedCaller{Tenant: "contoso", ObjectID: "erin", Kind: idp.KindUser, GroupsAsked: true}, Reason: issuer.ReasonGroupsUnavailable, Finding: "down", Unjudged: true,
	}}, `not judged (groups_unavailable): down

caller     user erin in tenant contoso
groups     not known
app roles  none
`},
	"a token that is refused": {explained{Explanation: issuer.Explanation{Reason: issuer.ReasonTokenExpired, Finding: "over"}, Cure: "get another"}, `refused (token_expired): over

what to do  get another
caller      not known: no token of theirs was accepted
`},
	"what would move a cursor": {explained{Explanation: issuer.Explanation{
		Caller: issuer.ExplainedCaller{Tenant: "t\x1b[A", ObjectID: "o\n", Kind: idp.KindUser, Client: "c\r", Groups: []string{"\x1b"}, AppRoles: []string{"\x1b"}}, Granted: true, DefaultBy: "\x1b",
		Roles: []issuer.ExplainedRole{granted("\x1br", isDefault, func(r *issuer.ExplainedRole) {
			r.Grants = []issuer.ExplainedGrant{{Principal: "user \x1b", Standing: issuer.InForce, Reason: "\x1b"}}
		})},
		Blocks:  []issuer.ExplainedBlock{{Principal: "\x1b", Reason: "\x1b"}},
		Session: []issuer.ExplainedVariable{{Name: "\x1b", Value: rolestore.Text("\x1b"), From: "\x1b", Overruled: []issuer.OverruledValue{{Value: rolestore.Text("\x1b"), From: "\x1b"}}}},
		Token:   &issuer.ExplainedToken{Claims: jsontext.Value(`{"a":"` + "\u202e" + `"}`), Expires: sixOClock, EndsBy: "\x1b"},
	}, Notes: []string{"\x1b"}}, `granted: \x1br

caller     user o\n in tenant t\x1b[A, by the client c\r
groups     \x1b
app roles  \x1b
block      \x1b, over since -: \x1b
default    \x1br: \x1b
ends       2026-11-23T18:00:00Z, by \x1b
size       0 bytes of at most 6144

ROLE   HELD              GRANTED TO  PRIORITY  STANDING  REASON
\x1br  yes, the default  user \x1b   0         in force  \x1b

SESSION VARIABLE  VALUE  FROM  OVERRULED
\x1b              \x1b   \x1b  \x1b (\x1b)

the token would say:
{
  "a": "\u202e"
}

note: \x1b
`},
}

func TestATiredOperatorReadsWhyACallerHasARoleOrNot(t *testing.T) {
	t.Parallel()
	for name, test := range explanationTexts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			if err := test.explained.write(&out); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, out.String()); diff != "" {
				t.Errorf("text (-want +got):\n%s\n%s", diff, &out)
			}
		})
	}
}
