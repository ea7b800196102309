package main

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
	"github.com/hasura-issuer/hasura-issuer/keys"
)

// consoleOf asks for something of the console by a name of the host, and follows no redirect.
func consoleOf(t *testing.T, base, host, method, path string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response
}

// TestTheConsoleIsForOperatorsAndTheirMachine: the page is on their listener alone, under its policy, and by no foreign name.
func TestTheConsoleIsForOperatorsAndTheirMachine(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	s := serve(t, onFiles(t, server.URL))
	wide := serve(t, onFiles(t, server.URL, "ISSUER_ADMIN_LISTEN=:0"))
	wide.admin = "http://127.0.0.1:" + wide.admin[strings.LastIndex(wide.admin, ":")+1:]
	for name, tc := range map[string]struct {
		base, host, method, path string
		want                     int
	}{
		"the page":                          {s.admin, "", "GET", "/console/", 200},
		"a module":                          {s.admin, "", "GET", "/console/main.js", 200},
		"a part":                            {s.admin, "localhost:9090", "GET", "/console/parts/timeline.js", 200},
		"without its slash":                 {s.admin, "", "GET", "/console", 308},
		"no file":                           {s.admin, "", "GET", "/console/none.js", 404},
		"no folder":                         {s.admin, "", "GET", "/console/parts/", 404},
		"another spelling":                  {s.admin, "", "GET", "/console/%2e/main.js", 404},
		"a way up":                          {s.admin, "", "GET", "/console/../metrics", 404},
		"a POST":                            {s.admin, "", "POST", "/console/", 405},
		"a name that was made to lead here": {s.admin, "attacker.example:9090", "GET", "/console/", 403},
		"such a name for a module":          {s.admin, "attacker.example", "GET", "/console/main.js", 403},
		"a name of a host of its own":       {wide.admin, "issuer-admin.example", "GET", "/console/", 200},
		"the public listener":               {s.base, "", "GET", "/console/", 404},
		"what only begins like it":          {s.admin, "", "GET", "/consoles/", 404},
	} {
		got := consoleOf(t, tc.base, tc.host, tc.method, tc.path)
		if got.StatusCode != tc.want {
			t.Errorf("%s: %s, want %d", name, got.Status, tc.want)
		}
		policy := got.Header.Get("Content-Security-Policy")
		if tc.want < 400 && (!strings.HasPrefix(policy, "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; ") || strings.Contains(policy, "unsafe")) {
			t.Errorf("%s: the policy is %q", name, policy)
		}
	}
}

// TestWithoutCredentialsTheConsoleShowsNothing: what the page asks for is refused to who is no operator, and the page is the same for all.
func TestWithoutCredentialsTheConsoleShowsNothing(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	s := serve(t, onFiles(t, server.URL, "ISSUER_RELYING_PARTIES=prod"))
	if got := s.exchange(t, personaToken(t, tenant, "nobody")); got.Reason != "no_roles" {
		t.Fatalf("an exchange: %d %s", got.Status, got.Reason)
	}
	for _, path := range []string{"replica", "keys", "grants", "blocks", "history", "explain"} {
		for token, want := range map[string]int{"": 401, "guess": 401, personaToken(t, tenant, "editor"): 403} {
			if status, text := s.operate(t, token, http.MethodGet, path, ""); status != want || !strings.Contains(text, `"reason":"`) {
				t.Errorf("%s: %d %s, want %d", path, status, text, want)
			}
		}
	}
	_, before := get(t, s.admin+"/console/")
	var replica adminapi.Replica
	status, text := s.operate(t, personaToken(t, tenant, "operator"), http.MethodGet, "replica", "")
	if err := json.Unmarshal([]byte(text), &replica); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s %v", status, text, err)
	}
	if len(replica.Exchanges) != 1 || replica.Exchanges[0].Reason != "no_roles" || replica.Exchanges[0].Total != 1 || replica.Exchanges[0].Cure == "" {
		t.Errorf("exchanges: %+v", replica.Exchanges)
	}
	if !replica.Ready || len(replica.Checks) < 4 || replica.Checks[0] != (adminapi.Check{Name: "keys", State: "ok"}) || len(replica.Tenants) != 1 {
		t.Errorf("the replica: %+v", replica)
	}
	if _, after := get(t, s.admin+"/console/"); string(after) != string(before) {
		t.Error("the page is another one after a decision")
	}
}

type noKeys struct{}

func (noKeys) JWKS(string) (body []byte, etag string, err error) {
	return nil, "", errors.New("there are none")
}

func TestAReplicaSaysSinceWhenItRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		svc, start := &service{api: api.New(api.Config{}, nil, noKeys{}), metrics: newMetrics(nil)}, time.Now()
		time.Sleep(time.Hour)
		if got := svc.described(); !got.StartedAt.Equal(start) || !got.Now.Equal(start.Add(time.Hour)) {
			t.Errorf("since %v, and it is %v", got.StartedAt, got.Now)
		}
	})
}

// TestTheKeysSayWhoHasFetchedThem: by the clock of the store, so that a page can draw them.
func TestTheKeysSayWhoHasFetchedThem(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	s := serve(t, onFiles(t, server.URL, "ISSUER_RELYING_PARTIES=prod,stage", "ISSUER_ROTATE_EVERY=48h"))
	if response, _ := get(t, s.base+"/.well-known/jwks.json?rp=prod"); response.StatusCode != http.StatusOK {
		t.Fatalf("the key set: %s", response.Status)
	}
	var ring adminapi.Ring
	before := time.Now().Truncate(time.Millisecond)
	eventually(t, "the fetch is known", func() bool {
		_, text := s.operate(t, personaToken(t, tenant, "operator"), http.MethodGet, "keys", "")
		return json.Unmarshal([]byte(text), &ring) == nil && len(ring.Parties) == 2 && ring.Parties[0].FetchedAt != nil
	})
	if ring.Period != 48*3600 || ring.Now.Before(before) || ring.Now.After(time.Now()) || len(ring.Keys) != 3 {
		t.Errorf("period %v, now %v, %d keys", ring.Period, ring.Now, len(ring.Keys))
	}
	if prod, stage := ring.Parties[0], ring.Parties[1]; prod.Name != "prod" || prod.Generation != 3 || stage.FetchedAt != nil || stage.Generation != 0 || stage.Late {
		t.Errorf("parties: %+v", ring.Parties)
	}
	if late := partyOf(keys.Party{Name: "engine", Late: true}); late != (adminapi.Party{Name: "engine", Late: true}) {
		t.Errorf("one that is late: %+v", late)
	}
}

// TestDevHasAConsoleAndSaysHowToSeeIt follows what the first screen says.
func TestDevHasAConsoleAndSaysHowToSeeIt(t *testing.T) {
	t.Parallel()
	d := develop(t)
	page, hint, _ := strings.Cut(after(d.screen, "console       "), " ")
	d.admin = strings.TrimSuffix(page, "/console/")
	if response, _ := get(t, page); response.StatusCode != http.StatusOK || !strings.HasPrefix(page, "http://127.0.0.1:") {
		t.Errorf("%q: %s", page, response.Status)
	}
	if want := "(its token: curl -s " + d.entra + "/personas/operator/token)"; hint != want {
		t.Errorf("the hint is %q, want %q", hint, want)
	}
	for persona, want := range map[string]int{"operator": 200, "editor": 403} {
		if status, text := d.operate(t, d.token(t, persona), http.MethodGet, "grants?role=editor", ""); status != want || want == 200 && strings.Count(text, `"role":"editor"`) != 1 {
			t.Errorf("%s: %d %s", persona, status, text)
		}
	}
	operator := d.token(t, "operator")
	if status, text := d.operate(t, operator, http.MethodGet, "history", ""); status != http.StatusConflict {
		t.Errorf("the history of roles in memory: %d %s", status, text)
	}
	if status, text := d.operate(t, operator, http.MethodPut, "blocks/7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901/user:11d3e5f7-2a4c-46e8-90b2-d4f6a8c0e101", "{}"); status != http.StatusConflict {
		t.Errorf("a change of roles in memory: %d %s", status, text)
	}
}

// TestDevListensForOperatorsTwoPortsUp: so that the console has an address that one can remember.
func TestDevListensForOperatorsTwoPortsUp(t *testing.T) {
	t.Parallel()
	for range 20 { // somebody else may have the port
		issuer, err := listen(t.Context(), "the issuer", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer issuer.Close()
		of := issuer.Addr().(*net.TCPAddr)
		operators, err := devAdmin(t.Context(), nil, of)
		if err != nil {
			t.Fatal(err)
		}
		defer operators.Close()
		if operators.Addr().(*net.TCPAddr).Port == of.Port+2 {
			return
		}
	}
	t.Error("never in 20 tries")
}

// TestDevListensForOperatorsOnLoopbackAlone: where it is told to, and nowhere that others could reach.
func TestDevListensForOperatorsOnLoopbackAlone(t *testing.T) {
	t.Parallel()
	r := start(t, []string{"ISSUER_LISTEN=127.0.0.1:0", "ISSUER_ADMIN_LISTEN=localhost:0"}, "dev")
	screen := r.stdout.await(t, "HASURA_GRAPHQL_JWT_SECRET='{", r.ended)
	page, _, _ := strings.Cut(after(screen, "console       "), " ")
	if response, _ := get(t, page); response.StatusCode != http.StatusOK {
		t.Errorf("%q: %s", page, response.Status)
	}
	for _, address := range []string{"0.0.0.0:9090", "9090", "192.0.2.1:9090"} {
		code, _, stderr := execute(t, []string{"ISSUER_LISTEN=127.0.0.1:0", "ISSUER_ADMIN_LISTEN=" + address}, "dev")
		if code != exitUsage || !strings.Contains(stderr, "ISSUER_ADMIN_LISTEN") {
			t.Errorf("%s: exit code %d, stderr %q", address, code, stderr)
		}
	}
}
