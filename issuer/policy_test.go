package issuer_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/policy"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// policyFunc is a policy of a test's own.
type policyFunc func(context.Context, policy.Input) (policy.Verdict, error)

func (f policyFunc) Decide(ctx context.Context, in policy.Input) (policy.Verdict, error) {
	return f(ctx, in)
}

// decides has a world's policy answer with v, and returns what it was asked.
func (w *world) decides(v policy.Verdict, err error) *policy.Input {
	asked := &policy.Input{}
	w.config.Policy = policyFunc(func(_ context.Context, in policy.Input) (policy.Verdict, error) {
		w.step("p")
		*asked = in
		return v, err
	})
	return asked
}

func TestThePolicyIsAskedAboutWhatTheTokenWouldSay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.answer.Grants = []rolestore.Grant{
		grant("reader"), grant("editor", priority(5), func(g *rolestore.Grant) {
			g.Session = map[string]rolestore.Value{"x-hasura-org-id": rolestore.Text("42"), "x-hasura-none": rolestore.List()}
		}), grant("owner"),
	}
	asked := w.decides(policy.Verdict{Allow: true, Decision: "d-1"}, nil)
	d, err := w.exchange(t.Context(), issuer.Request{
		SubjectToken: subjectToken, Scope: []string{"reader", "editor"}, Door: issuer.DoorToken, Address: "192.0.2.7",
	})
	if err != nil || d.PolicyDecision != "d-1" {
		t.Fatalf("%+v, %v", d, err)
	}
	want := policy.Input{
		Caller: policy.Caller{TenantID: tenantID, ObjectID: objectID, Kind: "user", ClientID: clientID, Groups: []string{groupID}, AppRoles: []string{"Hasura.Reader"}},
		Roles:  []string{"editor", "reader"}, DefaultRole: "editor", Address: "192.0.2.7", Door: "token", Time: noon,
		Session: map[string]policy.Value{
			"x-hasura-user-id": {Text: objectID}, "x-hasura-tenant-id": {Text: tenantID},
			"x-hasura-org-id": {Text: "42"}, "x-hasura-none": {List: []string{}},
		},
	}
	if diff := cmp.Diff(want, *asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// own are the session variables of a grant, a text each.
func own(name string) func(*rolestore.Grant) { return session(name, "grant") }

func TestAPolicyOnlyTakesAway(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		verdict  policy.Verdict
		roles    string
		session  map[string]string // beside what comes from claims
		lifetime time.Duration
	}{
		"nothing": {policy.Verdict{}, "editor reader", map[string]string{"x-hasura-e": "grant", "x-hasura-r": "grant"}, 2 * time.Minute},
		"a role, with its variables and its end": {
			policy.Verdict{Roles: []string{"reader"}}, "reader", map[string]string{"x-hasura-r": "grant"}, 5 * time.Minute,
		},
		"and gives none": {
			policy.Verdict{Roles: []string{"owner", "reader", "admin"}}, "reader", map[string]string{"x-hasura-r": "grant"}, 5 * time.Minute,
		},
		"some of the life": {
			policy.Verdict{TTL: 90 * time.Second}, "editor reader", map[string]string{"x-hasura-e": "grant", "x-hasura-r": "grant"}, 90 * time.Second,
		},
		"and lengthens none": {
			policy.Verdict{TTL: time.Hour}, "editor reader", map[string]string{"x-hasura-e": "grant", "x-hasura-r": "grant"}, 2 * time.Minute,
		},
		"and adds variables, but to those that grants set": {
			policy.Verdict{Session: map[string]policy.Value{"x-hasura-e": {Text: "policy"}, "x-hasura-p": {Text: "policy"}, "x-hasura-l": {List: []string{"a"}}}},
			"editor reader",
			map[string]string{"x-hasura-e": "grant", "x-hasura-r": "grant", "x-hasura-p": "policy", "x-hasura-l": `{"a"}`},
			2 * time.Minute,
		},
		"and may set one that left with a role": {
			policy.Verdict{Roles: []string{"reader"}, Session: map[string]policy.Value{"x-hasura-e": {Text: "policy"}}},
			"reader",
			map[string]string{"x-hasura-e": "policy", "x-hasura-r": "grant"},
			5 * time.Minute,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.config.SessionClaims = nil
			w.answer.Grants = []rolestore.Grant{
				grant("editor", priority(5), own("x-hasura-e"), until(noon.Add(2*time.Minute))), grant("reader", own("x-hasura-r")),
			}
			c.verdict.Allow = true
			w.decides(c.verdict, nil)
			d, err := w.exchange(t.Context(), issuer.Request{SubjectToken: subjectToken})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(d.Roles, " "); got != c.roles || d.Lifetime != c.lifetime {
				t.Errorf("%q for %v, want %q for %v", got, d.Lifetime, c.roles, c.lifetime)
			}
			if diff := cmp.Diff(c.session, w.variables()); diff != "" {
				t.Errorf("session (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWithoutThePolicysConsentThereIsNoToken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		verdict policy.Verdict
		err     error
		want    refusal
		word    string
	}{
		"it refuses":                        {policy.Verdict{}, nil, refusal{issuer.ReasonPolicyDenied, false}, "refuses"},
		"it refuses and says why":           {policy.Verdict{Reason: "office hours"}, nil, refusal{issuer.ReasonPolicyDenied, false}, "office hours"},
		"it leaves no role":                 {policy.Verdict{Allow: true, Roles: []string{}}, nil, refusal{issuer.ReasonPolicyDenied, false}, "no role"},
		"it leaves roles that are not held": {policy.Verdict{Allow: true, Roles: []string{"owner"}, Reason: "why"}, nil, refusal{issuer.ReasonPolicyDenied, false}, "why"},
		"it cannot be asked, whatever it says": {
			policy.Verdict{Allow: true}, errors.New("connection refused"), refusal{issuer.ReasonPolicyUnavailable, true}, "connection refused",
		},
		"it sets a reserved variable":     {added("x-hasura-role"), nil, refusal{issuer.ReasonPolicyUnavailable, true}, "not allowed"},
		"it sets the roles":               {added("x-hasura-allowed-roles"), nil, refusal{issuer.ReasonPolicyUnavailable, true}, "not allowed"},
		"it sets what claims set":         {added("x-hasura-user-id"), nil, refusal{issuer.ReasonPolicyUnavailable, true}, "claims"},
		"it sets what the token lacks":    {added("x-hasura-team"), nil, refusal{issuer.ReasonPolicyUnavailable, true}, "claims"},
		"it sets a variable in capitals":  {added("X-Hasura-Org"), nil, refusal{issuer.ReasonPolicyUnavailable, true}, "not allowed"},
		"it sets a claim of the token's":  {added("exp"), nil, refusal{issuer.ReasonPolicyUnavailable, true}, "not allowed"},
		"it sets a variable and refuses ": {policy.Verdict{Session: map[string]policy.Value{"x-hasura-a": {}}}, nil, refusal{issuer.ReasonPolicyDenied, false}, "refuses"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.config.SessionClaims = append(w.config.SessionClaims, issuer.SessionClaim{Variable: "x-hasura-team", Claim: "team"})
			c.verdict.Decision = "d-1"
			w.decides(c.verdict, c.err)
			d, err := w.exchange(t.Context(), issuer.Request{SubjectToken: subjectToken})
			wantRefusal(t, err, c.want)
			if d.Token != "" || w.payload != "" || len(d.Roles) > 0 || !strings.Contains(err.Error(), c.word) {
				t.Errorf("%+v, %v", d, err)
			}
			if refused := c.want.Reason == issuer.ReasonPolicyDenied; refused != (d.PolicyDecision == "d-1") {
				t.Errorf("the decision's name is %q", d.PolicyDecision)
			}
		})
	}
}

func added(name string) policy.Verdict {
	return policy.Verdict{Allow: true, Session: map[string]policy.Value{name: {Text: "1"}}}
}

func TestThePolicyIsAskedOnlyWhereWeAllowSomething(t *testing.T) {
	t.Parallel()
	for _, spoil := range []func(*world){
		func(w *world) { w.answer.Grants = nil },
		func(w *world) { w.subject.Expiry = noon },
		func(w *world) { w.look = errors.New("down") },
	} {
		w := newWorld(t)
		w.decides(policy.Verdict{Allow: true}, nil)
		spoil(w)
		if _, err := w.exchange(t.Context(), issuer.Request{SubjectToken: subjectToken}); err == nil || strings.Contains(w.steps, "p") {
			t.Errorf("steps %q, %v", w.steps, err)
		}
	}
}

// TestTheWaitForThePolicyCountsAgainstTheToken: what runs out meanwhile is not in it, and nor is what begins meanwhile, of
// which the policy knows nothing.
func TestTheWaitForThePolicyCountsAgainstTheToken(t *testing.T) {
	t.Parallel()
	now := noon
	w := newWorld(t)
	w.config.Now = func() time.Time { return now }
	w.answer.Grants = []rolestore.Grant{
		grant("reader"), grant("oncall", until(noon.Add(time.Second))), grant("owner", from(noon.Add(time.Second))),
	}
	w.config.Policy = policyFunc(func(_ context.Context, in policy.Input) (policy.Verdict, error) {
		w.step("p")
		if diff := cmp.Diff([]string{"oncall", "reader"}, in.Roles); diff != "" {
			t.Errorf("asked about (-want +got):\n%s", diff)
		}
		now = noon.Add(2 * time.Second)
		return policy.Verdict{Allow: true}, nil
	})
	w.subject.Expiry = noon.Add(time.Minute)
	d, err := w.exchange(t.Context(), issuer.Request{SubjectToken: subjectToken})
	if err != nil || strings.Join(d.Roles, " ") != "reader" || d.Lifetime != 58*time.Second {
		t.Errorf("%v for %v, %v", d.Roles, d.Lifetime, err)
	}
}

func TestAPolicySeesAllGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := w.decides(policy.Verdict{Allow: true}, nil)
	w.omit() // grants name none
	w.members = []string{groupID, otherGroupID}
	if _, err := w.exchange(t.Context(), issuer.Request{SubjectToken: subjectToken}); err != nil {
		t.Fatal(err)
	}
	if w.steps != "vgrps" || w.among != nil || len(asked.Caller.Groups) != 2 {
		t.Errorf("steps %q among %v, asked about %v", w.steps, w.among, asked.Caller.Groups)
	}
}

func TestExplainShowsThePolicysPart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.SessionClaims = nil
	w.answer.Grants = []rolestore.Grant{
		grant("editor", priority(5)), grant("owner"), grant("reader"), grant("intern", until(noon)), grant("oncall"),
	}
	w.decides(policy.Verdict{
		Allow: true, Roles: []string{"owner", "reader", "oncall"}, Session: map[string]policy.Value{"x-hasura-p": {Text: "1"}}, TTL: time.Minute,
		Reason: "no editing today", Decision: "d-1",
	}, nil)
	e := w.explain(issuer.Question{SubjectToken: subjectToken, Scope: []string{"editor", "owner", "reader"}})
	want := []string{
		"owner (default) user " + objectID + " in_force", "reader (in the token) user " + objectID + " in_force",
		"editor (held) user " + objectID + " policy", "intern user " + objectID + " over", "oncall (held) user " + objectID + " not_in_scope",
	}
	if diff := cmp.Diff(want, standings(e)); diff != "" {
		t.Errorf("standings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&issuer.ExplainedPolicy{
		Allowed: true, Reason: "no editing today", Decision: "d-1", Withheld: []string{"editor"}, Added: []string{"x-hasura-p"},
	}, e.Policy); diff != "" {
		t.Errorf("policy (-want +got):\n%s", diff)
	}
	if len(e.Session) != 1 || e.Session[0].From != "the policy" || e.Token.EndsBy != "the policy" {
		t.Errorf("session %+v, token %+v", e.Session, e.Token)
	}
}

func TestExplainShowsARefusalOfThePolicys(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		verdict policy.Verdict
		err     error
		reason  issuer.Reason
		policy  *issuer.ExplainedPolicy
		stands  string
	}{
		"all is refused": {
			policy.Verdict{Reason: "office hours"}, nil, issuer.ReasonPolicyDenied, &issuer.ExplainedPolicy{Reason: "office hours", Withheld: []string{"reader"}}, "policy",
		},
		"no role is left": {
			policy.Verdict{Allow: true, Roles: []string{}}, nil, issuer.ReasonPolicyDenied, &issuer.ExplainedPolicy{Allowed: true, Withheld: []string{"reader"}}, "policy",
		},
		"it cannot be asked": {policy.Verdict{}, errors.New("gone"), issuer.ReasonPolicyUnavailable, nil, "in_force"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.decides(c.verdict, c.err)
			e := w.explain(issuer.Question{SubjectToken: subjectToken})
			if e.Granted || e.Reason != c.reason || e.Finding == "" {
				t.Errorf("%+v", e)
			}
			if diff := cmp.Diff(c.policy, e.Policy, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("policy (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"reader (held) user " + objectID + " " + c.stands}, standings(e)); diff != "" {
				t.Errorf("standings (-want +got):\n%s", diff)
			}
		})
	}
}

// variables returns the session variables of the token, which has no lists as JSON.
func (w *world) variables() map[string]string {
	w.t.Helper()
	variables := map[string]string{}
	for name, value := range w.claims()["https://hasura.io/jwt/claims"].(map[string]any) {
		if text, ok := value.(string); ok && name != "x-hasura-default-role" {
			variables[name] = text
		}
	}
	return variables
}

// TestAPolicyIsAskedBeforeATokenIsHandedOutAgain: its answer counts at once, whatever is remembered.
func TestAPolicyIsAskedBeforeATokenIsHandedOutAgain(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	verdict := policy.Verdict{Allow: true, Session: map[string]policy.Value{"x-hasura-desk": {Text: "7"}}, TTL: time.Minute, Decision: "d-1"}
	g.config.Policy = policyFunc(func(context.Context, policy.Input) (policy.Verdict, error) {
		g.step("p")
		return verdict, nil
	})
	var err error
	if g.issuer, err = issuer.New(g.config, g, g, g, g); err != nil {
		t.Fatal(err)
	}
	first, _ := g.mustAsk()
	verdict.Decision = "d-2"
	g.now = noon.Add(10 * time.Second)
	again, steps := g.mustAsk()
	if first.Lifetime != time.Minute || !again.Reused || again.Lifetime != 50*time.Second || steps != "vrp" || again.PolicyDecision != "d-2" {
		t.Errorf("the first time %+v; the second time %+v after steps %q", first, again, steps)
	}
	verdict.Session = map[string]policy.Value{"x-hasura-desk": {Text: "8"}}
	if other, _ := g.mustAsk(); other.Reused {
		t.Error("a token with another session variable was handed out again")
	}
	verdict.TTL = 5 * time.Second
	if other, _ := g.mustAsk(); other.Reused || other.Lifetime != 5*time.Second {
		t.Errorf("a token was handed out again that outlives what the policy allows: %+v", other)
	}
	verdict.Allow = false
	if d, _, err := g.ask(issuer.Request{}); d.Token != "" || refusalOf(t, err).Reason != issuer.ReasonPolicyDenied {
		t.Errorf("refused: %+v, %v", d, err)
	}
}
