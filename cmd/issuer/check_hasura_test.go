package main

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/hasura/hasuratest"
	"github.com/hasura-issuer/hasura-issuer/keys"
)

const engineSecret = "hunter2-the-admin-secret"

// engineFor starts an engine that trusts the issuer with these settings as `issuer hasura-config` has it, once change is
// done, and returns its URL.
func engineFor(t *testing.T, settings []string, change func(*hasuratest.Options)) string {
	t.Helper()
	code, stdout, stderr := execute(t, settings, "hasura-config", "--json")
	if code != exitDone {
		t.Fatalf("hasura-config: %s", stderr)
	}
	var config struct {
		V2 jsontext.Value `json:"v2"`
		V3 jsontext.Value `json:"v3"`
	}
	if err := json.Unmarshal([]byte(stdout), &config); err != nil {
		t.Fatal(err)
	}
	o := hasuratest.Options{AdminSecret: engineSecret, NoIntrospection: []string{"editor"}}
	change(&o)
	o.JWTSecret = string(config.V2)
	if o.V3 {
		o.JWTSecret = string(config.V3)
	}
	engine, err := hasuratest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(engine)
	t.Cleanup(func() {
		server.Close()
		for _, fault := range engine.Faults() {
			t.Error(fault)
		}
	})
	return server.URL
}

// serving is a cloud with a service on it whose key set is at ISSUER_URL, with its ring in Postgres.
func serving(t *testing.T, more ...string) cloud {
	t.Helper()
	c := newCloud(t)
	proxy, to := ahead(t)
	c.settings = slices.Concat(c.settings, []string{"ISSUER_URL=" + proxy, "ISSUER_KEYS_FILE=", "ISSUER_DATABASE_URL=" + pgtest.New(t), "ISSUER_KEYS_ENCRYPTION_KEY=" + goodKEK}, more)
	s := listening(t, startProgram(t, program{environ: c.settings, azure: c.Client()}, "serve"))
	s.awaitReady(t)
	to(s.base)
	return c
}

// TestAnEngineThatIsSetUpByHasuraConfigPassesTheCheck does so with every form of claims, of either engine.
func TestAnEngineThatIsSetUpByHasuraConfigPassesTheCheck(t *testing.T) {
	t.Parallel()
	for name, more := range map[string][]string{
		"as it comes":        nil,
		"stringified claims": {"ISSUER_CLAIMS_FORMAT=stringified_json", "ISSUER_TOKEN_ALG=EdDSA"},
		"a path":             {"ISSUER_CLAIMS_NAMESPACE_PATH=$.hasura.claims", "ISSUER_TOKEN_ALG=RS256", "ISSUER_TOKEN_AUDIENCE=graphql"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := serving(t, more...)
			for _, v3 := range []bool{false, true} {
				url := engineFor(t, c.settings, func(o *hasuratest.Options) { o.V3 = v3 })
				code, found := c.check(t, "", nil, "--hasura-url", url)
				if code != exitDone {
					t.Errorf("v3 is %v: exit code %d", v3, code)
				}
				found.want(t, "hasura", ok, "tokens", "minted 4 for the role issuer_check of nobody", "issuer-check-", "1m0s")
				found.want(t, "hasura", ok, "engine")
				found.want(t, "hasura", off, "introspection", "--hasura-role")
				for _, of := range []string{"public-role", "token", "signature", "issuer", "audience", "expiry", "role"} {
					found.want(t, "hasura", ok, of)
				}
				if !v3 {
					for _, of := range []string{"admin-secret", "admin-api", "console", "errors"} {
						found.want(t, "hasura", ok, of)
					}
				}
			}
		})
	}
}

func TestAnEngineThatIsSetUpWrongFailsTheCheckWithTheCure(t *testing.T) {
	t.Parallel()
	c := serving(t)
	code, found := c.check(t, "", nil, "--hasura-url", engineFor(t, append(slices.Clone(c.settings), "ISSUER_TOKEN_AUDIENCE=other"), func(*hasuratest.Options) {}))
	found.want(t, "hasura", failed, "token", "another audience (invalid-jwt); ISSUER_TOKEN_AUDIENCE")
	if code != exitFailed {
		t.Errorf("exit code %d", code)
	}

	well := engineFor(t, c.settings, func(*hasuratest.Options) {})
	_, found = c.check(t, "", nil, "--hasura-url", well, "--hasura-role", "editor")
	found.want(t, "hasura", ok, "introspection", "cannot read")
	code, found = c.check(t, "", nil, "--hasura-url", well, "--hasura-role", "reader")
	found.want(t, "hasura", note, "introspection", "disabled_for_roles")
	if code != exitDone {
		t.Errorf("a note is no failure: exit code %d", code)
	}

	another := append(slices.Clone(c.settings), "ISSUER_KEYS_FILE="+t.TempDir()+"/keys.json")
	if code, _, stderr := execute(t, another, "keys", "rotate"); code != exitDone {
		t.Fatal(stderr)
	}
	_, found = c.check(t, "", another[len(another)-1:], "--hasura-url", well)
	found.want(t, "hasura", failed, "token", "does not have the key", "jwk_url")
}

// TestACheckOfAnEngineChangesNothing holds the ring before and after: the check signs with it, and is no replica.
func TestACheckOfAnEngineChangesNothing(t *testing.T) {
	t.Parallel()
	c := serving(t)
	url := engineFor(t, c.settings, func(*hasuratest.Options) {})
	before := storedRing(t, c.settings)
	c.check(t, "", nil, "--hasura-url", url)
	wantSameRing(t, before, storedRing(t, c.settings))

	_, found := c.check(t, "", []string{"ISSUER_TOKEN_TTL=1h"}, "--hasura-url", url)
	found.want(t, "hasura", ok, "token")
	_, found = c.check(t, "", []string{"ISSUER_JWKS_CDN_TTL=10m"}, "--hasura-url", url)
	found.want(t, "hasura", failed, "tokens", "no replica has signed with these settings yet")
	found.want(t, "hasura", off, "token", "no ring")
	wantSameRing(t, before, storedRing(t, c.settings))
}

// storedRing is the ring as it is stored, and who was seen with it, but for when.
func storedRing(t *testing.T, environ []string) keys.State {
	t.Helper()
	s, err := load(environ, needKeys)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := readRing(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func wantSameRing(t *testing.T, before, after keys.State) {
	t.Helper()
	names := func(s keys.State) (names []string) {
		for _, w := range s.Witnesses {
			names = append(names, w.Name)
		}
		return names
	}
	if before.Version != after.Version || !slices.Equal(names(before), names(after)) {
		t.Errorf("version %d became %d, witnesses %v became %v", before.Version, after.Version, names(before), names(after))
	}
}

func TestAnEngineIsTriedWithoutARing(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	_, found := c.check(t, "", nil, "--hasura-url", "http://127.0.0.1:1")
	found.want(t, "hasura", failed, "engine", "connection refused")
	found.want(t, "hasura", failed, "tokens", "issuer keys rotate")
}

func TestAnEngineIsNamedByItsURLAlone(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"offline":             {[]string{"--hasura-url", "https://hasura.example"}, "--online"},
		"no URL":              {[]string{"--online", "--hasura-url", "hasura.example"}, "base URL"},
		"another scheme":      {[]string{"--online", "--hasura-url", "ws://hasura.example"}, "base URL"},
		"with credentials":    {[]string{"--online", "--hasura-url", "https://u:hunter2@hasura.example"}, "without credentials"},
		"with a secret":       {[]string{"--online", "--hasura-url", "https://hasura.example?x-hasura-admin-secret=hunter2"}, "never asked for"},
		"a role and no URL":   {[]string{"--online", "--hasura-role", "reader"}, "--hasura-url"},
		"the role of admins":  {[]string{"--online", "--hasura-url", "https://hasura.example", "--hasura-role", "admin"}, "--hasura-role"},
		"a role that is none": {[]string{"--online", "--hasura-url", "https://hasura.example", "--hasura-role", "a b"}, "--hasura-role"},
	} {
		code, stdout, stderr := execute(t, c.settings, slices.Concat([]string{"check"}, test.args)...)
		if code != exitUsage || !strings.Contains(stderr, test.want) || strings.Contains(stdout+stderr, "hunter2") || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d, stderr %q", name, code, stderr)
		}
	}
}
