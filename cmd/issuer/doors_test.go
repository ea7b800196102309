package main

import (
	"bytes"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/hasura"
)

// doorAnswer is what a door answered, of either kind.
type doorAnswer struct {
	status int
	token  string // that a gateway is to pass on
	body   string
	reason string
}

// send sends a request and reads the answer.
func (s served) send(t testing.TB, method, path string, header http.Header, body []byte) doorAnswer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.base+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := response.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("%s %s: Cache-Control %q", method, path, got)
	}
	token, _ := strings.CutPrefix(response.Header.Get("Authorization"), "Bearer ")
	a := doorAnswer{status: response.StatusCode, token: token, body: string(text)}
	var refusal struct {
		Reason string `json:"reason"`
	}
	if response.StatusCode != http.StatusOK {
		if err := json.Unmarshal(text, &refusal); err != nil {
			t.Fatalf("%s %s: %s, and the body is no JSON: %v", method, path, response.Status, err)
		}
	}
	a.reason = refusal.Reason
	return a
}

func bearer(token string, more ...string) http.Header {
	header := http.Header{"Authorization": {"Bearer " + token}}
	for i := 0; i+1 < len(more); i += 2 {
		header.Set(more[i], more[i+1])
	}
	return header
}

func (s served) forwardAuth(t testing.TB, token string) doorAnswer {
	t.Helper()
	return s.send(t, http.MethodGet, "/forward-auth", bearer(token), nil)
}

func (s served) webhook(t testing.TB, token string) doorAnswer {
	t.Helper()
	return s.send(t, http.MethodGet, "/hasura/webhook", bearer(token), nil)
}

// asEngine asks the webhook as an engine does, and returns the answer as engines read it.
func (s served) asEngine(t testing.TB, r hasura.HookRequest) hasura.HookAnswer {
	t.Helper()
	got := s.send(t, r.Method, "/hasura/webhook", r.Header, r.Body)
	return hasura.HookAnswer{Status: got.status, Body: []byte(got.body)}
}

// TestBothEnginesTakeTheirUsersFromTheWebhook has clients talk to engines that ask the webhook, by either method.
func TestBothEnginesTakeTheirUsersFromTheWebhook(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	graphql := []byte(`{"query":"query q { a }","operationName":"q"}`)
	for arrays, regions := range map[string]string{"postgres": `{"eu","us"}`, "json": `["eu","us"]`} {
		s := serve(t, environ(server.URL, "ISSUER_ROLES_FILE="+rolesFile(t), "ISSUER_KEYS_FILE="+filepath.Join(t.TempDir(), "keys.json"), "ISSUER_ARRAY_FORMAT="+arrays))
		for _, c := range []struct{ persona, asks, role string }{
			{"editor", "", "editor"},
			{"editor", "reader", "reader"},
			{"editor", "editor", "editor"},
			{"editor", "admin", ""},
			{"reader", "", "reader"},
			{"reader", "editor", ""},
			{"daemon", "", "service"},
			{"nobody", "", ""},
			{"", "", ""},
		} {
			client := http.Header{"User-Agent": {"x"}, "Cookie": {"a=b"}, "Content-Type": {"application/json"}}
			if c.persona != "" {
				client.Set("Authorization", "Bearer "+personaToken(t, tenant, c.persona))
			}
			if c.asks != "" {
				client.Set("X-Hasura-Role", c.asks)
			}
			for how, verdict := range map[string]hasura.HookVerdict{
				"v2 GET":                  hasura.V2Hook(s.asEngine(t, hasura.V2HookRequest(http.MethodGet, client, nil))),
				"v2 POST":                 hasura.V2Hook(s.asEngine(t, hasura.V2HookRequest(http.MethodPost, client, graphql))),
				"v2 POST without request": hasura.V2Hook(s.asEngine(t, hasura.V2HookRequest(http.MethodPost, client, nil))),
				"v2 socket":               hasura.V2Hook(s.asEngine(t, hasura.V2HookRequest(http.MethodPost, client, []byte("no JSON")))),
				"v3 GET":                  hasura.V3Hook(s.asEngine(t, hasura.V3HookRequest(http.MethodGet, client)), c.asks),
				"v3 POST":                 hasura.V3Hook(s.asEngine(t, hasura.V3HookRequest(http.MethodPost, client)), c.asks),
			} {
				at := arrays + ", " + how + ", " + c.persona + " as " + c.asks
				if verdict.Accepted != (c.role != "") || verdict.Role != c.role {
					t.Errorf("%s: accepted %v as %q, want %q: %s", at, verdict.Accepted, verdict.Role, c.role, verdict.Message)
					continue
				}
				if !verdict.Accepted && verdict.HTTP != http.StatusUnauthorized && verdict.HTTP != http.StatusForbidden {
					t.Errorf("%s: the client is answered %d", at, verdict.HTTP)
				}
				if verdict.Accepted && strings.HasPrefix(how, "v2") && (!verdict.Expires || verdict.MaxAge < 4*time.Minute || verdict.MaxAge > 5*time.Minute) {
					t.Errorf("%s: a socket lives for %v (%v)", at, verdict.MaxAge, verdict.Expires)
				}
				if c.persona == "editor" && verdict.Accepted {
					delete(verdict.Session, "cache-control") // just another variable to v3
					want := map[string]any{
						"x-hasura-user-id": personaObject(t, tenant, "editor"), "x-hasura-tenant-id": "7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901",
						"x-hasura-org-id": "42", "x-hasura-regions": regions,
					}
					if diff := cmp.Diff(want, verdict.Session); diff != "" {
						t.Errorf("%s: session (-want +got):\n%s", at, diff)
					}
				}
			}
		}
	}
}

// TestATokenOfAGatewayIsTheOneThatHasuraTakes, and a second request gets it again.
func TestATokenOfAGatewayIsTheOneThatHasuraTakes(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	for name, settings := range stores(t, server.URL) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v2, v3 := engines(t, settings)
			s := serve(t, settings)
			_, jwks := s.get(t, "/.well-known/jwks.json")
			token := personaToken(t, tenant, "editor")
			first, second := s.forwardAuth(t, token), s.send(t, http.MethodPost, "/forward-auth", bearer(token, "X-Hasura-Role", "admin"), []byte(`{"query":"{a}"}`))
			if first.status != http.StatusOK || first.body != "" || second != first {
				t.Errorf("%+v, and again %+v", first, second)
			}
			wantAccepted(t, hasura.V2(v2, jwks, first.token, "reader", time.Now()), "reader", `{"eu","us"}`)
			wantAccepted(t, hasura.V3(v3, jwks, first.token, "", time.Now()), "editor", `{"eu","us"}`)
			for persona, want := range map[string]doorAnswer{
				"nobody": {status: http.StatusForbidden, reason: "no_roles"}, "reader": {status: http.StatusOK},
			} {
				if got := s.forwardAuth(t, personaToken(t, tenant, persona)); got.status != want.status || got.reason != want.reason || got.token == first.token {
					t.Errorf("%s: %d %s", persona, got.status, got.reason)
				}
			}
			if got := s.exchange(t, token); got.AccessToken == first.token {
				t.Error("the token endpoint hands out what a gateway got")
			}
			wantMetric(t, s, `issuer_exchanges_total{door="forward_auth",outcome="granted",reason="none"} 3`)
			wantMetric(t, s, `issuer_exchanges_total{door="forward_auth",outcome="refused",reason="no_roles"} 1`)
			if strings.Contains(s.stderr.String(), token) || strings.Contains(s.stderr.String(), first.token) {
				t.Error("a token stands in the log")
			}
		})
	}
}

// until asks again and again, until the answer is as wanted.
func until(t *testing.T, ask func() doorAnswer, wanted func(doorAnswer) bool) doorAnswer {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		got := ask()
		if wanted(got) {
			return got
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatalf("the last answer was %d %s %s", got.status, got.reason, got.body)
		}
	}
}

// headerOf returns a token's kid.
func headerOf(t *testing.T, token string) string {
	t.Helper()
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Signatures[0].Header.KeyID
}

// TestEveryDoorSeesAChangeOfRolesAndARevokedKeyAtOnce: no token is handed out again that rests on what is past.
func TestEveryDoorSeesAChangeOfRolesAndARevokedKeyAtOnce(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	settings := stores(t, server.URL)["postgres"]
	s := serve(t, settings)
	token, editor := personaToken(t, tenant, "editor"), personaObject(t, tenant, "editor")
	run := func(args ...string) {
		t.Helper()
		if code, _, stderr := execute(t, settings, args...); code != exitDone {
			t.Fatalf("%v: exit code %d: %s", args, code, stderr)
		}
	}
	gateway := func() doorAnswer { return s.forwardAuth(t, token) }
	hook := func() doorAnswer { return s.webhook(t, token) }
	known := gateway()
	if known.status != http.StatusOK || gateway() != known {
		t.Fatalf("before: %+v", known)
	}

	run("roles", "grant", "--user", editor, "--role", "oncall", "--priority", "99")
	oncall := until(t, gateway, func(a doorAnswer) bool { return a.token != known.token })
	if again := gateway(); oncall.status != http.StatusOK || again != oncall {
		t.Errorf("with another role: %+v, and again %+v", oncall, again)
	}
	until(t, hook, func(a doorAnswer) bool { return strings.HasPrefix(a.body, `{"X-Hasura-Role":"oncall"`) })

	run("roles", "block", "--user", editor, "--reason", "left")
	until(t, gateway, func(a doorAnswer) bool { return a.status == http.StatusForbidden && a.reason == "blocked" })
	if got := hook(); got.status != http.StatusUnauthorized || got.reason != "blocked" {
		t.Errorf("the webhook, blocked: %+v", got)
	}
	run("roles", "unblock", "--user", editor, "--yes")
	back := until(t, gateway, func(a doorAnswer) bool { return a.status == http.StatusOK })

	run("keys", "revoke", headerOf(t, back.token), "--reason", "leaked", "--yes", "--force")
	fresh := until(t, gateway, func(a doorAnswer) bool { return a.token != back.token })
	if _, jwks := s.get(t, "/.well-known/jwks.json"); fresh.status != http.StatusOK || !strings.Contains(string(jwks), headerOf(t, fresh.token)) || strings.Contains(string(jwks), headerOf(t, back.token)) {
		t.Errorf("after the key was revoked: %+v, key set %s", fresh, jwks)
	}
	if again := gateway(); again != fresh {
		t.Errorf("after the key was revoked, again: %+v", again)
	}
}

// TestAKnownCallerIsAnsweredFromMemory: Entra, Graph and Postgres are counted, and then taken away.
func TestAKnownCallerIsAnsweredFromMemory(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	postgres := pgtest.Start(t)
	settings := environ(server.URL, "ISSUER_DATABASE_URL="+postgres.URL(), "ISSUER_KEYS_ENCRYPTION_KEY="+goodKEK,
		"ISSUER_ROLES_TTL=5m", "ISSUER_ROLES_STALE=5m") // far longer than this takes
	for _, args := range [][]string{{"migrate"}, {"roles", "apply", "--yes", "-f", rolesFile(t)}} {
		if code, _, stderr := execute(t, settings, args...); code != exitDone {
			t.Fatalf("issuer %v: %s", args, stderr)
		}
	}
	s := serve(t, settings)
	token := personaToken(t, tenant, "editor")
	doors := map[string]func(testing.TB, string) doorAnswer{"webhook": s.webhook, "forward_auth": s.forwardAuth}
	for name, door := range doors {
		if got := door(t, token); got.status != http.StatusOK {
			t.Fatalf("%s: %+v", name, got)
		}
	}
	wantMetric(t, s, `issuer_role_answers_total{source="asked"} 1`)
	hits := tenant.Hits("/")
	for range 5 {
		for name, door := range doors {
			if got := door(t, token); got.status != http.StatusOK {
				t.Errorf("%s: %+v", name, got)
			}
		}
	}
	wantMetric(t, s, `issuer_role_answers_total{source="asked"} 1`)
	wantMetric(t, s, `issuer_role_answers_total{source="hit"} 11`)
	if again := tenant.Hits("/"); again != hits {
		t.Errorf("Entra was asked %d times more", again-hits)
	}
	postgres.Stop()
	server.Close()
	for name, door := range doors {
		if got := door(t, token); got.status != http.StatusOK {
			t.Errorf("%s, with nobody to ask: %+v", name, got)
		}
	}
	postgres.Restart()
}

func TestATokenThatWeMintedIsNoSubjectTokenAtAnyDoor(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	roles := rolesFile(t)
	for _, alg := range []string{"ES256", "RS256", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			s := serve(t, environ(server.URL, "ISSUER_ROLES_FILE="+roles, "ISSUER_KEYS_FILE="+filepath.Join(t.TempDir(), "keys.json"),
				"ISSUER_TOKEN_ALG="+alg, "ISSUER_CLAIMS_NAMESPACE_PATH=$"))
			minted := s.forwardAuth(t, personaToken(t, tenant, "editor")).token
			if minted == "" {
				t.Fatal("no token was minted")
			}
			want := map[string]string{"ES256": "algorithm_not_allowed", "EdDSA": "algorithm_not_allowed", "RS256": "claim_missing"}[alg]
			if got := s.exchange(t, minted); got.Status != http.StatusBadRequest || got.Reason != want {
				t.Errorf("the token endpoint: %d %s", got.Status, got.Reason)
			}
			if got := s.forwardAuth(t, minted); got.status != http.StatusUnauthorized || got.reason != want || got.token != "" {
				t.Errorf("forward-auth: %d %s", got.status, got.reason)
			}
			if got := s.webhook(t, minted); got.status != http.StatusUnauthorized || got.reason != want {
				t.Errorf("the webhook: %d %s", got.status, got.reason)
			}
		})
	}
}

// TestEnginesAndGatewaysMayAskAsOftenAsTheirClientsDo: only what is decided in full counts against the caller.
func TestEnginesAndGatewaysMayAskAsOftenAsTheirClientsDo(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	s := serve(t, environ(server.URL, "ISSUER_ROLES_FILE="+rolesFile(t), "ISSUER_KEYS_FILE="+filepath.Join(t.TempDir(), "keys.json"),
		"ISSUER_RATE_LIMIT_SUBJECT=2/h", "ISSUER_RATE_LIMIT_IP=3/h"))
	token := personaToken(t, tenant, "editor")
	for range 10 {
		if got := s.webhook(t, token); got.status != http.StatusOK {
			t.Errorf("the webhook: %d %s", got.status, got.reason)
		}
		if got := s.forwardAuth(t, token); got.status != http.StatusOK {
			t.Errorf("forward-auth: %d %s", got.status, got.reason)
		}
	}
	if got := s.exchange(t, token); got.Status != http.StatusTooManyRequests || got.Reason != "rate_limited" {
		t.Errorf("the token endpoint, the third that was decided in full: %d %s", got.Status, got.Reason)
	}
	another := personaToken(t, tenant, "editor")
	if got := s.forwardAuth(t, another); got.status != http.StatusTooManyRequests {
		t.Errorf("forward-auth, with another Entra token: %d %s", got.status, got.reason)
	}
	if got := s.webhook(t, another); got.status != http.StatusUnauthorized || got.reason != "rate_limited" {
		t.Errorf("the webhook, with another Entra token: %d %s", got.status, got.reason)
	}
}
