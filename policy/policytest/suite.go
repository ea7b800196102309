package policytest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/policy"
)

// Decider is a policy part.
type Decider interface {
	Decide(ctx context.Context, in policy.Input) (policy.Verdict, error)
}

// rego decides by the door: most decisions lie in data.json, which holds what no policy should say, too.
const rego = `package issuer

decision := data.answers[input.door]

decision := {"allow": input == data.expected} if input.door == "echo"

decision := true if input.door == "conflict"

decision := false if input.door == "conflict"

decision := {"allow": count([x | some x in numbers.range(1, 100000000); x % 7 == 8]) == 0} if input.door == "slow"
`

// expected is the input that the door "echo" wants, as the documents show it.
const expected = `{
	"caller": {
		"tenant": "7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901", "object_id": "11d3e5f7-0b1c-4d2e-8f3a-4b5c6d7e8f90", "kind": "user",
		"client": "5a5a5a5a-1111-4222-8333-444455556666", "groups": [], "app_roles": ["Hasura.Reader"]
	},
	"roles": ["editor", "reader"], "default_role": "editor",
	"session": {"x-hasura-org-id": "42", "x-hasura-regions": ["eu", "us"], "x-hasura-none": []},
	"address": "192.0.2.7", "door": "echo", "time": "2026-11-23T12:00:00Z"
}`

// Input is a question like the one that expected shows, by another door.
func Input(door string) policy.Input {
	return policy.Input{
		Caller: policy.Caller{
			TenantID: "7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901", ObjectID: "11d3e5f7-0b1c-4d2e-8f3a-4b5c6d7e8f90", Kind: "user",
			ClientID: "5a5a5a5a-1111-4222-8333-444455556666", AppRoles: []string{"Hasura.Reader"},
		},
		Roles: []string{"editor", "reader"}, DefaultRole: "editor",
		Session: map[string]policy.Value{"x-hasura-org-id": {Text: "42"}, "x-hasura-regions": {List: []string{"eu", "us"}}, "x-hasura-none": {List: []string{}}},
		Address: "192.0.2.7", Door: door, Time: time.Date(2026, 11, 23, 13, 0, 0, 400_000_000, time.FixedZone("", 3600)),
	}
}

// answers are results of a policy, and what is made of them; nil: that there is no decision.
var answers = map[string]struct {
	result string
	want   *policy.Verdict
}{
	"true":                          {`true`, &policy.Verdict{Allow: true}},
	"false":                         {`false`, &policy.Verdict{}},
	"allowed":                       {`{"allow": true}`, &policy.Verdict{Allow: true}},
	"refused, with a reason":        {`{"allow": false, "reason": "only in office hours"}`, &policy.Verdict{Reason: "only in office hours"}},
	"some roles":                    {`{"allow": true, "roles": ["reader", "owner"]}`, &policy.Verdict{Allow: true, Roles: []string{"reader", "owner"}}},
	"no roles":                      {`{"allow": true, "roles": []}`, &policy.Verdict{Allow: true, Roles: []string{}}},
	"a shorter life":                {`{"allow": true, "ttl_seconds": 60}`, &policy.Verdict{Allow: true, TTL: time.Minute}},
	"a whole number, written oddly": {`{"allow": true, "ttl_seconds": 6.0e1}`, &policy.Verdict{Allow: true, TTL: time.Minute}},
	"a life beyond all bounds":      {`{"allow": true, "ttl_seconds": 1e30}`, &policy.Verdict{Allow: true, TTL: 24 * time.Hour}},
	"more variables": {`{"allow": true, "session": {"x-hasura-a": "1", "x-hasura-b": ["2", "3"], "x-hasura-c": []}}`, &policy.Verdict{
		Allow: true, Session: map[string]policy.Value{"x-hasura-a": {Text: "1"}, "x-hasura-b": {List: []string{"2", "3"}}, "x-hasura-c": {List: []string{}}},
	}},
	"no variables": {`{"allow": true, "session": {}}`, &policy.Verdict{Allow: true, Session: map[string]policy.Value{}}},

	"null":                              {`null`, nil},
	"a text":                            {`"true"`, nil},
	"a number":                          {`1`, nil},
	"a list":                            {`[true]`, nil},
	"an empty object":                   {`{}`, nil},
	"an object without allow":           {`{"roles": ["reader"]}`, nil},
	"allow as a text":                   {`{"allow": "true"}`, nil},
	"allow as null":                     {`{"allow": null}`, nil},
	"allow in other letters":            {`{"Allow": true}`, nil},
	"a member that is misspelt":         {`{"allow": true, "rolse": ["reader"]}`, nil},
	"roles as null":                     {`{"allow": true, "roles": null}`, nil},
	"roles as a text":                   {`{"allow": true, "roles": "reader"}`, nil},
	"roles with a null":                 {`{"allow": true, "roles": ["reader", null]}`, nil},
	"roles with a number":               {`{"allow": true, "roles": [1]}`, nil},
	"a life of no seconds":              {`{"allow": true, "ttl_seconds": 0}`, nil},
	"a life of fewer":                   {`{"allow": true, "ttl_seconds": -1}`, nil},
	"a life of half a second":           {`{"allow": true, "ttl_seconds": 0.5}`, nil},
	"a life in a text":                  {`{"allow": true, "ttl_seconds": "60"}`, nil},
	"variables as a list":               {`{"allow": true, "session": ["x-hasura-a"]}`, nil},
	"a variable that is a number":       {`{"allow": true, "session": {"x-hasura-a": 1}}`, nil},
	"a variable that is null":           {`{"allow": true, "session": {"x-hasura-a": null}}`, nil},
	"a variable of two lines":           {`{"allow": true, "session": {"x-hasura-a": "1\n2"}}`, nil},
	"a list with a line too many":       {`{"allow": true, "session": {"x-hasura-a": ["1\n2"]}}`, nil},
	"a variable that is too long":       {`{"allow": true, "session": {"x-hasura-a": "` + strings.Repeat("x", 4097) + `"}}`, nil},
	"more variables than a grant has":   {`{"allow": true, "session": {` + variables(65) + `}}`, nil},
	"a reason that is none":             {`{"allow": true, "reason": 7}`, nil},
	"a reason that would forge a line":  {`{"allow": false, "reason": "a\nb"}`, nil},
	"a reason that is too long":         {`{"allow": false, "reason": "` + strings.Repeat("x", 257) + `"}`, nil},
	"refused, by an answer of no worth": {`{"allow": false, "roles": null}`, nil},
}

func variables(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`"x-hasura-%d": "1"`, i))
	}
	return strings.Join(all, ", ")
}

// Test wants of a policy part what all of them promise. open opens one on the policy in dir; a question may take timeout.
func Test(t *testing.T, open func(t *testing.T, dir string, timeout time.Duration) Decider) {
	t.Helper()
	dir := t.TempDir()
	var data []string
	for door, a := range answers {
		data = append(data, fmt.Sprintf("%q: %s", door, a.result))
	}
	Write(t, dir, "policy.rego", rego)
	Write(t, dir, "data.json", `{"expected": `+expected+`, "answers": {`+strings.Join(data, ",\n")+`}}`)
	Write(t, dir, "policy_test.rego", "this is a test, and not read")
	p := open(t, dir, time.Minute)

	for door, a := range answers {
		t.Run(door, func(t *testing.T) {
			t.Parallel()
			judge(t, p, door, a.want)
		})
	}
	for door, want := range map[string]*policy.Verdict{"echo": {Allow: true}, "undefined": nil, "conflict": nil} {
		t.Run(door, func(t *testing.T) {
			t.Parallel()
			judge(t, p, door, want)
		})
	}
	t.Run("a question about nobody has an answer", func(t *testing.T) {
		t.Parallel()
		nobody := policy.Nobody(time.Now())
		nobody.Door = "false"
		if _, err := p.Decide(t.Context(), nobody); err != nil {
			t.Error(err)
		}
	})
	t.Run("what is no text is no question", func(t *testing.T) {
		t.Parallel()
		in := Input("true")
		in.Caller.Groups = []string{"secret\xff"}
		if v, err := p.Decide(t.Context(), in); err == nil || v.Allow || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v, %v", v, err)
		}
	})
	t.Run("callers who went away", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if v, err := p.Decide(ctx, Input("slow")); err == nil || v.Allow {
			t.Errorf("%+v, %v", v, err)
		}
	})
	t.Run("many at once", func(t *testing.T) {
		t.Parallel()
		var asking sync.WaitGroup
		for i := range 64 {
			asking.Go(func() {
				door := []string{"true", "false", "null", "echo"}[i%4]
				v, err := p.Decide(t.Context(), Input(door))
				if v.Allow != (door == "true" || door == "echo") || (err != nil) != (door == "null") {
					t.Errorf("%s: %+v, %v", door, v, err)
				}
			})
		}
		asking.Wait()
	})
	t.Run("a policy that takes too long", func(t *testing.T) {
		t.Parallel()
		if v, err := open(t, dir, 50*time.Millisecond).Decide(t.Context(), Input("slow")); err == nil || v.Allow {
			t.Errorf("%+v, %v", v, err)
		}
	})
}

// judge asks by a door. Every decision has a name, and no error says anything of the caller.
func judge(t *testing.T, p Decider, door string, want *policy.Verdict) {
	t.Helper()
	got, err := p.Decide(t.Context(), Input(door))
	if want == nil {
		if err == nil || got.Allow {
			t.Fatalf("it is taken for a decision: %+v", got)
		}
		for _, taboo := range []string{"11d3e5f7", "192.0.2.7", "reader", "xxxx"} {
			if strings.Contains(err.Error(), taboo) {
				t.Errorf("%q is repeated: %v", taboo, err)
			}
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if got.Decision == "" {
		t.Error("the decision has no name")
	}
	got.Decision = ""
	if diff := cmp.Diff(*want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Write writes a file of a policy.
func Write(t testing.TB, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
