package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/policy/policytest"
)

// nobodyEdits takes editor away, adds a variable, and refuses guests with a reason.
const nobodyEdits = `package issuer

default decision := {"allow": false, "reason": "no policy for this"}

decision := {"allow": true, "roles": [role | some role in input.roles; role != "editor"], "session": {"x-hasura-desk": "7"}, "ttl_seconds": 90} if {
	input.door == "token"
	input.address == "127.0.0.1"
	not "guest" in input.roles
}
`

// policies are the settings of both ways to the policy in dir.
func policies(t *testing.T, dir string) map[string][]string {
	t.Helper()
	server := httptest.NewServer(policytest.Serve(t, dir))
	t.Cleanup(server.Close)
	return map[string][]string{
		"by a server": {"ISSUER_POLICY_URL=" + server.URL + "/v1/data/issuer/decision", "ISSUER_POLICY_TIMEOUT=5s"},
		"in process":  {"ISSUER_POLICY_DIR=" + dir, "ISSUER_POLICY_TIMEOUT=5s"},
	}
}

func TestAPolicyHasTheLastWord(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	policytest.Write(t, dir, "policy.rego", nobodyEdits)
	tenant, server := entra(t)
	for name, settings := range policies(t, dir) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, onFiles(t, server.URL, settings...))
			if got := s.exchange(t, personaToken(t, tenant, "editor")); got.Status != http.StatusOK || got.Scope != "reader" || got.ExpiresIn != 90 {
				t.Errorf("an editor: %+v", got)
			}
			if got := s.exchange(t, personaToken(t, tenant, "guest")); got.Status != http.StatusForbidden || got.Error != "access_denied" || got.Reason != "policy_denied" {
				t.Errorf("a guest: %+v", got)
			}
			if got := s.exchange(t, personaToken(t, tenant, "nobody")); got.Reason != "no_roles" {
				t.Errorf("nobody: %+v", got)
			}
			for door, ask := range map[string]func(testing.TB, string) doorAnswer{"forward_auth": s.forwardAuth, "webhook": s.webhook} {
				if got := ask(t, personaToken(t, tenant, "editor")); got.status == http.StatusOK || got.reason != "policy_denied" || got.token != "" {
					t.Errorf("by %s, which the policy refuses: %+v", door, got)
				}
			}
			s.awaitBody(t, "/readyz", `"policy":"ok"`)
			wantMetric(t, s, `issuer_policy_decisions_total{outcome="unavailable"} 0`)
			wantMetric(t, s, `issuer_policy_decisions_total{outcome="denied"} 3`)
			wantMetric(t, s, `issuer_policy_decisions_total{outcome="allowed"} 1`)
			s.end()
			log := s.stderr.String()
			if !strings.Contains(log, "no policy for this") || strings.Count(log, `"policy_decision"`) != 4 {
				t.Errorf("the log does not say what the policy decided:\n%s", log)
			}
			for _, taboo := range []string{"x-hasura-desk", "d1000001", "Example", "@", "eyJ"} {
				if strings.Contains(log, taboo) {
					t.Errorf("%q is in the log:\n%s", taboo, log)
				}
			}
		})
	}
}

// TestWithoutThePolicyThereIsNoToken: it is gone, it comes, it answers nonsense.
func TestWithoutThePolicyThereIsNoToken(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-maria@example.com"
	tenant, entra := entra(t)
	var text atomic.Value
	text.Store("<html>" + secret)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer opensesame" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = w.Write([]byte(text.Load().(string)))
	}))
	t.Cleanup(server.Close)
	s := serveCold(t, onFiles(t, entra.URL, "ISSUER_POLICY_URL="+server.URL+"/v1/data/issuer/decision", "ISSUER_POLICY_TOKEN=opensesame", "ISSUER_POLICY_TIMEOUT=5s"))
	s.awaitBody(t, "/readyz?full", `"policy":"does not work at the moment, see the log"`)
	s.awaitStatus(t, "/readyz", http.StatusOK)
	s.awaitEntra(t)
	unavailable := func() {
		t.Helper()
		got := s.exchange(t, personaToken(t, tenant, "editor"))
		if got.Status != http.StatusServiceUnavailable || got.Error != "temporarily_unavailable" || got.Reason != "policy_unavailable" || got.RetryAfter == "" {
			t.Errorf("%+v", got)
		}
	}
	unavailable()
	text.Store(`{"result": true}`)
	if got := s.exchange(t, personaToken(t, tenant, "editor")); got.Status != http.StatusOK || got.Scope != "editor reader" {
		t.Errorf("once it answers: %+v", got)
	}
	s.awaitBody(t, "/readyz?full", `"policy":"ok"`)
	server.Close()
	unavailable()
	if response, _ := s.get(t, "/.well-known/jwks.json"); response.StatusCode != http.StatusOK {
		t.Errorf("the key set: %s", response.Status)
	}
	s.end()
	for _, taboo := range []string{secret, "opensesame", "hunter2"} {
		if strings.Contains(s.stderr.String(), taboo) {
			t.Errorf("%q is in the log:\n%s", taboo, s.stderr)
		}
	}
}

func TestAPolicyInAFolderIsReadAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	policytest.Write(t, dir, "policy.rego", nobodyEdits)
	tenant, server := entra(t)
	s := serve(t, onFiles(t, server.URL, "ISSUER_POLICY_DIR="+dir))
	policytest.Write(t, dir, "policy.rego", "package issuer\n\ndecision := \n")
	s.awaitBody(t, "/readyz?full", `"policy":"does not work at the moment, see the log"`)
	if got := s.exchange(t, personaToken(t, tenant, "editor")); got.Scope != "reader" {
		t.Errorf("with a broken version: %+v", got)
	}
	if log := s.stderr.await(t, "the policy needs attention", s.ended); !strings.Contains(log, "policy.rego:") {
		t.Errorf("the log does not say what is wrong:\n%s", log)
	}
	policytest.Write(t, dir, "policy.rego", "package issuer\n\ndecision := true\n")
	s.stderr.await(t, "policy read, it works again", s.ended)
	if got := s.exchange(t, personaToken(t, tenant, "editor")); got.Scope != "editor reader" {
		t.Errorf("with a good one: %+v", got)
	}
}

func TestASettingOfThePolicyThatIsWrongIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	policytest.Write(t, dir, "policy.rego", "package issuer\n\ndecision := http.send({}).body\n")
	for name, c := range map[string]struct {
		settings []string
		words    []string
	}{
		"both ways at once":       {[]string{"ISSUER_POLICY_URL=https://opa.example.com/v1/data/issuer/decision", "ISSUER_POLICY_DIR=/etc/issuer"}, []string{"ISSUER_POLICY_URL and ISSUER_POLICY_DIR are both set"}},
		"a server in the clear":   {[]string{"ISSUER_POLICY_URL=http://opa.example.com/v1/data/issuer/decision"}, []string{"ISSUER_POLICY_URL", "https"}},
		"a server with a query":   {[]string{"ISSUER_POLICY_URL=https://opa.example.com/v1/data/issuer/decision?pretty"}, []string{"ISSUER_POLICY_URL"}},
		"a token and no server":   {[]string{"ISSUER_POLICY_TOKEN=opensesame"}, []string{"ISSUER_POLICY_TOKEN is set, and there is no policy server"}},
		"a token of two lines":    {[]string{"ISSUER_POLICY_URL=https://opa.example.com/d", "ISSUER_POLICY_TOKEN=opensesame\nX: 1"}, []string{"ISSUER_POLICY_TOKEN", "not shown"}},
		"a folder that is none":   {[]string{"ISSUER_POLICY_DIR=" + dir + "/none"}, []string{"ISSUER_POLICY_DIR: read the policy", dir + "/none"}},
		"a policy that is none":   {[]string{"ISSUER_POLICY_DIR=" + dir}, []string{"ISSUER_POLICY_DIR: compile the policy", "policy.rego:3", "http.send"}},
		"patience without end":    {[]string{"ISSUER_POLICY_TIMEOUT=1m"}, []string{"ISSUER_POLICY_TIMEOUT", "5s"}},
		"patience for one stroke": {[]string{"ISSUER_POLICY_TIMEOUT=1ms"}, []string{"ISSUER_POLICY_TIMEOUT"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := onFiles(t, "https://login.microsoftonline.com", c.settings...)
			for _, command := range []string{"check", "serve"} {
				code, _, stderr := execute(t, settings, command)
				if code != exitUsage || strings.Contains(stderr, "opensesame") {
					t.Errorf("issuer %s: exit code %d, stderr %s", command, code, stderr)
				}
				for _, word := range c.words {
					if !strings.Contains(stderr, word) {
						t.Errorf("issuer %s: want %q in %s", command, word, stderr)
					}
				}
			}
		})
	}
}

func TestTheOnlineCheckAsksThePolicyAboutNobody(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	_, found := c.check(t, "", nil)
	found.want(t, "policy", off, "none is set")

	dir := t.TempDir()
	policytest.Write(t, dir, "policy.rego", nobodyEdits)
	for way, settings := range policies(t, dir) {
		_, found = c.check(t, "", settings)
		found.want(t, "policy", ok, "would refuse a caller whom nobody knows")
		if t.Failed() {
			t.Fatal(way)
		}
	}

	policytest.Write(t, dir, "policy.rego", "package issuer\n\ndecision := true if input.door == \"token\"\n")
	_, found = c.check(t, "", []string{"ISSUER_POLICY_DIR=" + dir})
	found.want(t, "policy", failed, "undefined", "default", "policy_unavailable")
	_, found = c.check(t, "", []string{"ISSUER_POLICY_URL=http://127.0.0.1:1/v1/data/issuer/decision"})
	found.want(t, "policy", failed, "refused", "policy_unavailable")
}

func TestDevHonoursAPolicy(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		nobodyEdits:                             `scope "reader"`,
		"package issuer\n\ndecision := false\n": "The answer is no, for the reason policy_denied",
	} {
		dir := t.TempDir()
		policytest.Write(t, dir, "policy.rego", text)
		r := start(t, []string{"ISSUER_LISTEN=127.0.0.1:0", "ISSUER_POLICY_DIR=" + dir}, "dev")
		if screen := r.stdout.await(t, "HASURA_GRAPHQL_JWT_SECRET='{", r.ended); !strings.Contains(screen, want) {
			t.Errorf("want %q on the first screen:\n%s", want, screen)
		}
		if code := r.end(); code != exitDone {
			t.Errorf("exit code %d", code)
		}
	}
}

func TestExplainAsksThePolicyToo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	policytest.Write(t, dir, "policy.rego", nobodyEdits)
	tenant, server := entra(t)
	for name, settings := range policies(t, dir) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := program{environ: onFiles(t, server.URL, settings...)}
			editor := personaToken(t, tenant, "editor")
			if _, e := p.explain(t, editor, "--token", "-", "--address", "127.0.0.1"); !e.Granted || e.Policy == nil || strings.Join(e.Policy.Withheld, " ") != "editor" ||
				strings.Join(e.held(), " ") != "reader editor" || e.Roles[0].Role != "reader" || !e.Roles[0].Default || e.noted("address") {
				t.Errorf("from an address that the policy likes: %+v", e)
			}
			if code, e := p.explain(t, editor, "--token", "-"); code != exitDone || e.Granted || e.Reason != issuer.ReasonPolicyDenied || e.Cure == "" || !e.noted("--address") {
				t.Errorf("from nowhere: %+v", e)
			}
			if code, _, stderr := execute(t, p.environ, "roles", "explain", "--user", personaObject(t, tenant, "editor"), "--address", "home"); code != exitUsage || !strings.Contains(stderr, "--address") {
				t.Errorf("exit code %d, %s", code, stderr)
			}
		})
	}
	s := serve(t, onFiles(t, server.URL, "ISSUER_POLICY_DIR="+dir, "ISSUER_ADMIN_TOKEN_SHA256="+hashOf(operatorToken)))
	status, text := s.operate(t, operatorToken, http.MethodPost, "explain", `{"subject_token":"`+personaToken(t, tenant, "editor")+`","address":"127.0.0.1"}`)
	if status != http.StatusOK || !strings.Contains(text, `"withheld":["editor"]`) || !strings.Contains(text, `"added":["x-hasura-desk"]`) || !strings.Contains(text, `"granted":true`) {
		t.Errorf("by the admin API: %d %s", status, text)
	}
	wantMetric(t, s, `issuer_policy_decisions_total{outcome="allowed"} 0`)
	gone := program{environ: onFiles(t, server.URL, "ISSUER_POLICY_URL=http://127.0.0.1:1/v1/data/issuer/decision")}
	if code, e := gone.explain(t, personaToken(t, tenant, "editor"), "--token", "-"); code != exitFailed || !e.Unjudged || e.Reason != issuer.ReasonPolicyUnavailable {
		t.Errorf("without the policy: exit code %d, %+v", code, e)
	}
}
