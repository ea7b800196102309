package issuer_test

import (
	"context"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/policy"
	"github.com/hasura-issuer/hasura-issuer/policy/bundle"
	"github.com/hasura-issuer/hasura-issuer/policy/policytest"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// outcome is what an example makes of an exchange.
type outcome struct {
	Roles    string
	Lifetime time.Duration
	Refused  string
}

// exampleCase is an exchange at some time from some address; who asks may be altered.
type exampleCase struct {
	name    string
	at      time.Time
	address string
	caller  func(*idp.Subject)
	want    outcome
}

func berlin(hour, minute int) time.Time {
	return time.Date(2026, 11, 23, hour-1, minute, 0, 400_000_000, time.UTC)
}

// examples are the policies of deploy/policy, each with a caller who holds editor and reader.
var examples = map[string][]exampleCase{
	"office-hours": {
		{"in the middle of the day", berlin(13, 0), "", nil, outcome{"editor reader", 5 * time.Minute, ""}},
		{"at the end of it", berlin(17, 58), "", nil, outcome{"editor reader", 2 * time.Minute, ""}},
		{"at night", berlin(22, 0), "", nil, outcome{Refused: "policy_denied: the policy refuses: only in office hours"}},
		{"an app at night", berlin(22, 0), "", func(s *idp.Subject) { s.Kind = idp.KindApp }, outcome{"editor reader", 5 * time.Minute, ""}},
	},
	"address-list": {
		{"at home", noon, "192.0.2.7", nil, outcome{"editor reader", 5 * time.Minute, ""}},
		{"elsewhere", noon, "198.51.100.7", nil, outcome{Refused: "policy_denied: the policy refuses: the tenant's list does not hold this address"}},
		{"nobody knows where", noon, "", nil, outcome{Refused: "policy_denied: the policy refuses: the tenant's list does not hold this address"}},
	},
	"deny-list": {
		{"somebody", noon, "", nil, outcome{"editor reader", 5 * time.Minute, ""}},
		{"somebody on it", noon, "", func(s *idp.Subject) { s.ObjectID = "33f5a7b9-4c6e-48a0-92d4-f6b8cae20303" }, outcome{Refused: "policy_denied: the policy refuses: has left"}},
	},
	"step-up": {
		{"without it", noon, "", nil, outcome{"reader", 5 * time.Minute, ""}},
		{"with it", noon, "", func(s *idp.Subject) { s.Groups = append(s.Groups, "d1000005-aaaa-4bbb-8ccc-000000000005") }, outcome{"editor reader", time.Minute, ""}},
	},
}

// TestTheExamplesDoWhatTheySay runs each by OPA's server and in process, and each one's own tests by OPA.
func TestTheExamplesDoWhatTheySay(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob("../deploy/policy/*/policy.rego")
	if err != nil || len(dirs) != len(examples) {
		t.Fatalf("%d examples, tests for %d; %v", len(dirs), len(examples), err)
	}
	for name, cases := range examples {
		dir := "../deploy/policy/" + name
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, args := range [][]string{{"test", dir}, {"check", "--strict", dir}, {"fmt", "--fail", "--diff", dir}} {
				if output, ok := policytest.OPA(t, args...); !ok {
					t.Errorf("opa %s: %s", strings.Join(args, " "), output)
				}
			}
			server := httptest.NewServer(policytest.Serve(t, dir))
			t.Cleanup(server.Close)
			inProcess, err := bundle.Open(t.Context(), dir, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			remote := policy.NewRemote(policy.RemoteConfig{URL: server.URL + "/v1/data/issuer/decision", Timeout: time.Minute})
			for way, p := range map[string]issuer.Policy{"by a server": remote, "in process": inProcess} {
				for _, c := range cases {
					t.Run(c.name+" "+way, func(t *testing.T) {
						t.Parallel()
						c.run(t, p)
					})
				}
			}
		})
	}
}

func (c exampleCase) run(t *testing.T, p issuer.Policy) {
	t.Helper()
	w := newWorld(t)
	w.config.Policy = policyFunc(func(ctx context.Context, in policy.Input) (policy.Verdict, error) {
		w.step("p")
		return p.Decide(ctx, in)
	})
	w.config.Now = func() time.Time { return c.at }
	w.subject.Expiry = c.at.Add(time.Hour)
	w.answer.Grants = []rolestore.Grant{grant("reader"), grant("editor", priority(5))}
	if c.caller != nil {
		c.caller(&w.subject)
	}
	d, err := w.exchange(t.Context(), issuer.Request{SubjectToken: subjectToken, Door: issuer.DoorToken, Address: c.address})
	got := outcome{Roles: strings.Join(d.Roles, " "), Lifetime: d.Lifetime}
	if err != nil {
		got.Refused = err.Error()
	}
	if diff := cmp.Diff(c.want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
