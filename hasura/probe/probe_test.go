package probe_test

import (
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/hasura/hasuratest"
	"github.com/hasura-issuer/hasura-issuer/hasura/probe"
)

// odd are the findings that are not ok, each as its status, what it is of, and the word of the cure that the case wants
// in it.
func odd(t *testing.T, all []probe.Finding, words map[string]string) []string {
	t.Helper()
	var list []string
	for _, f := range all {
		if strings.Contains(f.Detail+f.Code+f.Cure, "eyJ") || strings.Contains(f.Detail+f.Code+f.Cure, secret) {
			t.Errorf("something secret is shown: %+v", f)
		}
		if f.Detail == "" || (f.Cure == "") != (f.Status == probe.OK || f.Status == probe.Off) {
			t.Errorf("a finding without words, or a cure for nothing: %+v", f)
		}
		if f.Status == probe.OK {
			continue
		}
		list = append(list, string(f.Status)+" "+f.Of)
		if word := words[f.Of]; !strings.Contains(f.Detail+" "+f.Cure, word) {
			t.Errorf("%s says nothing of %q: %s; %s", f.Of, word, f.Detail, f.Cure)
		}
	}
	return list
}

// gateway adds the admin secret to the requests that it likes.
func gateway(likes func(*http.Request) bool) func(http.Handler) http.Handler {
	return func(engine http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if likes(r) {
				r.Header.Set("X-Hasura-Admin-Secret", secret)
			}
			engine.ServeHTTP(w, r)
		})
	}
}

// TestEachMistakeOfAV2EngineIsFoundAndNoneBesides starts a hardened engine, makes one mistake, and wants that one found.
func TestEachMistakeOfAV2EngineIsFoundAndNoneBesides(t *testing.T) {
	t.Parallel()
	w, other := newWorld(t), newWorld(t)
	type mistake = func(*hasuratest.Options)
	jwt := func(change map[string]any) mistake {
		return func(o *hasuratest.Options) { o.JWTSecret = w.secret(t, change) }
	}
	for name, test := range map[string]struct {
		mistake mistake
		front   func(http.Handler) http.Handler
		want    map[string]string // by status and finding; a word of its cure
	}{
		"none":                            {func(*hasuratest.Options) {}, nil, nil},
		"none, and GraphQL is all it has": {func(o *hasuratest.Options) { o.GraphQLOnly = true }, nil, nil},
		"none, and an allow list":         {func(o *hasuratest.Options) { o.AllowList = true }, nil, nil},
		"no admin secret": {
			func(o *hasuratest.Options) { *o = hasuratest.Options{} }, nil,
			map[string]string{"failed admin-secret": "set HASURA_GRAPHQL_ADMIN_SECRET", "off token": "administrator"},
		},
		"a proxy that adds the admin secret": {
			func(*hasuratest.Options) {}, gateway(func(*http.Request) bool { return true }),
			map[string]string{"failed admin-secret": "adds X-Hasura-Admin-Secret", "off token": "administrator"},
		},
		"the console is on": {func(o *hasuratest.Options) { o.Console = true }, nil, map[string]string{"note console": "HASURA_GRAPHQL_ENABLE_CONSOLE=false"}},
		"a public role":     {func(o *hasuratest.Options) { o.UnauthorizedRole = "anonymous" }, nil, map[string]string{"note public-role": "unset HASURA_GRAPHQL_UNAUTHORIZED_ROLE"}},
		"introspection is on for the role": {
			func(o *hasuratest.Options) { o.NoIntrospection = []string{"viewer"} }, nil, map[string]string{"note introspection": "disabled_for_roles"},
		},
		"dev mode": {
			func(o *hasuratest.Options) { o.DevMode, o.AllowList = true, true }, nil, map[string]string{"note errors": "HASURA_GRAPHQL_DEV_MODE=false"},
		},
		"no audience":         {jwt(map[string]any{"audience": nil}), nil, map[string]string{"failed audience": "ISSUER_TOKEN_AUDIENCE"}},
		"no issuer":           {jwt(map[string]any{"issuer": nil}), nil, map[string]string{"failed issuer": "HASURA_GRAPHQL_JWT_SECRET"}},
		"a skew of a day":     {jwt(map[string]any{"allowed_skew": 86400}), nil, map[string]string{"failed expiry": "allowed_skew"}},
		"another audience":    {jwt(map[string]any{"audience": "other"}), nil, map[string]string{"failed token": "another audience"}},
		"another issuer":      {jwt(map[string]any{"issuer": hasuratest.IssuerURL + "/"}), nil, map[string]string{"failed token": "byte by byte"}},
		"another's key set":   {jwt(map[string]any{"jwk_url": other.jwks}), nil, map[string]string{"failed token": "jwk_url"}},
		"another namespace":   {jwt(map[string]any{"claims_namespace": "claims"}), nil, map[string]string{"failed token": "claims_namespace"}},
		"stringified claims":  {jwt(map[string]any{"claims_format": "stringified_json"}), nil, map[string]string{"failed token": "claims_format"}},
		"a cookie for tokens": {jwt(map[string]any{"header": map[string]any{"type": "Cookie", "name": "t"}}), nil, map[string]string{"failed token": "take header out"}},
		"its clock is behind": {func(o *hasuratest.Options) { o.Ahead = -24 * time.Hour }, nil, map[string]string{"failed token": "time service"}},
		"no JWT secret":       {func(o *hasuratest.Options) { o.JWTSecret = "" }, nil, map[string]string{"failed token": "not in JWT mode"}},
		"a webhook":           {func(o *hasuratest.Options) { o.JWTSecret, o.AuthHook = "", true }, nil, map[string]string{"off token": "HASURA_GRAPHQL_AUTH_HOOK"}},
		"public, and no JWT mode": {
			func(o *hasuratest.Options) { o.JWTSecret, o.UnauthorizedRole = "", "anonymous" }, nil,
			map[string]string{"note public-role": "HASURA_GRAPHQL_UNAUTHORIZED_ROLE", "failed signature": "reads no token", "off token": "signature"},
		},
		"a gateway that vouches for any bearer": {
			func(*hasuratest.Options) {}, gateway(func(r *http.Request) bool { return r.URL.Path == "/v1/graphql" && r.Header.Get("Authorization") != "" }),
			map[string]string{"failed signature": "vouch", "off token": "signature"},
		},
		"a gateway that believes X-Hasura-Role": {
			func(*hasuratest.Options) {}, gateway(func(r *http.Request) bool { return r.Header.Get("X-Hasura-Role") == "admin" }),
			map[string]string{"failed role": "drop every X-Hasura- header"},
		},
		"a gateway that believes what roles are allowed": {
			func(*hasuratest.Options) {}, gateway(func(r *http.Request) bool { return r.Header.Get("X-Hasura-Allowed-Roles") == "admin" }),
			map[string]string{"failed role": "drop every X-Hasura- header"},
		},
		"a gateway that believes in roles that nobody has": {
			func(*hasuratest.Options) {}, gateway(func(r *http.Request) bool { return strings.HasPrefix(r.Header.Get("X-Hasura-Role"), "reader_") }),
			map[string]string{"failed role": "does not hold"},
		},
		"a gateway that lets bearers administer": {
			func(*hasuratest.Options) {}, gateway(func(r *http.Request) bool { return r.URL.Path != "/v1/graphql" && r.Header.Get("Authorization") != "" }),
			map[string]string{"failed admin-api": "HASURA_GRAPHQL_ENABLED_APIS"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := hasuratest.Options{JWTSecret: w.secret(t, nil), AdminSecret: secret, NoIntrospection: []string{"reader"}}
			test.mistake(&o)
			engine := probe.Engine{URL: run(t, o, test.front), Client: client(), KnowsRole: true}
			wantExactly(t, engine.Check(t.Context(), w.tokens(t, "reader")), test.want)
		})
	}
}

// TestEachOfTheAdministratorsRoutesIsTried opens one at a time, to strangers and to bearers.
func TestEachOfTheAdministratorsRoutesIsTried(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/v1/metadata", "/v1/query", "/v2/query", "/v1/graphql/explain", "/v1alpha1/config"} {
		for _, bearers := range []bool{false, true} {
			open := gateway(func(r *http.Request) bool {
				return r.URL.Path == path && bearers == (r.Header.Get("Authorization") != "")
			})
			o := hasuratest.Options{JWTSecret: w.secret(t, nil), AdminSecret: secret, NoIntrospection: []string{"reader"}}
			engine := probe.Engine{URL: run(t, o, open), Client: client(), KnowsRole: true}
			want := map[string]string{"failed admin-secret": "at " + path, "off token": ""}
			if bearers {
				want = map[string]string{"failed admin-api": "at " + path}
			}
			wantExactly(t, engine.Check(t.Context(), w.tokens(t, "reader")), want)
		}
	}
}

// wantExactly wants these findings and no other that is not ok.
func wantExactly(t *testing.T, all []probe.Finding, want map[string]string) {
	t.Helper()
	words, left := map[string]string{}, map[string]bool{}
	for line, word := range want {
		_, of, _ := strings.Cut(line, " ")
		words[of], left[line] = word, true
	}
	got := map[string]bool{}
	for _, line := range odd(t, all, words) {
		got[line] = true
	}
	if diff := cmp.Diff(left, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s\n%+v", diff, all)
	}
}

func TestEachMistakeOfAV3EngineIsFoundAndNoneBesides(t *testing.T) {
	t.Parallel()
	w, other := newWorld(t), newWorld(t)
	type mistake = func(*hasuratest.Options)
	jwt := func(change map[string]any) mistake {
		return func(o *hasuratest.Options) { o.JWTSecret = w.authConfig(t, change) }
	}
	for name, test := range map[string]struct {
		mistake mistake
		want    map[string]string
	}{
		"none":                {func(*hasuratest.Options) {}, nil},
		"everybody may come":  {func(o *hasuratest.Options) { o.NoAuth = true }, map[string]string{"note public-role": "noAuth", "failed signature": "mode jwt", "off token": ""}},
		"no issuer":           {jwt(map[string]any{"issuer": nil}), map[string]string{"failed issuer": "AuthConfig"}},
		"an old date":         {func(o *hasuratest.Options) { o.AudienceOptional = true }, map[string]string{"failed audience": "2025-03-11"}},
		"a skew of a day":     {jwt(map[string]any{"allowedSkew": 86400}), map[string]string{"failed expiry": "allowedSkew"}},
		"another audience":    {jwt(map[string]any{"audience": []string{"other"}}), map[string]string{"failed token": "another audience"}},
		"another issuer":      {jwt(map[string]any{"issuer": hasuratest.IssuerURL + "/"}), map[string]string{"failed token": "byte by byte"}},
		"another's key set":   {jwt(map[string]any{"key": map[string]any{"jwkFromUrl": other.jwks}}), map[string]string{"failed token": "jwkFromUrl"}},
		"no key set":          {jwt(map[string]any{"key": map[string]any{"jwkFromUrl": "http://127.0.0.1:1/"}}), map[string]string{"failed token": "reach"}},
		"another place":       {jwt(map[string]any{"claimsConfig": map[string]any{"namespace": map[string]any{"claimsFormat": "Json", "location": "/x"}}}), map[string]string{"failed token": "claimsConfig"}},
		"a cookie for tokens": {jwt(map[string]any{"tokenLocation": map[string]any{"type": "Cookie", "name": "t"}}), map[string]string{"failed token": "tokenLocation"}},
		"its clock is ahead":  {func(o *hasuratest.Options) { o.Ahead = time.Hour }, map[string]string{"failed token": "time service"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := hasuratest.Options{V3: true, JWTSecret: w.authConfig(t, nil)}
			test.mistake(&o)
			engine := probe.Engine{URL: run(t, o, nil) + "/graphql", Client: client()}
			want := map[string]string{}
			maps.Copy(want, test.want)
			if _, ends := want["failed token"]; !ends && want["failed signature"] == "" {
				want["off introspection"] = "--hasura-role"
			}
			wantExactly(t, engine.Check(t.Context(), w.tokens(t, "reader")), want)
		})
	}
}

func TestAV3EngineShowsItsSchemaToARoleItKnows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	engine := probe.Engine{URL: run(t, hasuratest.Options{V3: true, JWTSecret: w.authConfig(t, nil)}, nil), Client: client(), KnowsRole: true}
	wantExactly(t, engine.Check(t.Context(), w.tokens(t, "reader")), map[string]string{"note introspection": "__schema"})
}

func TestWithoutTokensOnlyStrangersAreTried(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	engine := probe.Engine{URL: run(t, hasuratest.Options{JWTSecret: w.secret(t, nil), AdminSecret: secret, Console: true}, nil), Client: client()}
	wantExactly(t, engine.Check(t.Context(), nil), map[string]string{"note console": "", "off token": "no ring"})
}

// TestTheURLMayBeThatOfTheEndpoint takes what people copy.
func TestTheURLMayBeThatOfTheEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	url := run(t, hasuratest.Options{JWTSecret: w.secret(t, nil), AdminSecret: secret}, nil)
	for _, end := range []string{"", "/", "/v1/graphql", "/v1/graphql/", "/console"} {
		all := probe.Engine{URL: url + end, Client: client()}.Check(t.Context(), w.tokens(t, "reader"))
		if all[0].Of != "engine" || !strings.Contains(all[0].Detail, "v2.48.4") {
			t.Errorf("%q: %+v", end, all[0])
		}
		wantExactly(t, all, map[string]string{"off introspection": "--hasura-role"})
	}
}

func TestWhatAnswersThatIsNoEngineIsOneFinding(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	serving := func(status int, contentType, location, body string) string {
		server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "" {
				t.Errorf("%s was sent a token", r.URL.Path)
			}
			rw.Header().Set("Content-Type", contentType)
			if location != "" {
				rw.Header().Set("Location", location)
			}
			rw.WriteHeader(status)
			_, _ = rw.Write([]byte(body))
		}))
		t.Cleanup(server.Close)
		return server.URL
	}
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(slow.Close)
	for name, test := range map[string]struct{ url, word string }{
		"something else that greets":   {speaking(t, "SSH-2.0-x\r\n"), "no HTTP"},
		"something else that hangs up": {speaking(t, ""), "no HTTP"},
		"something else, by TLS":       {strings.Replace(speaking(t, "SSH-2.0-x\r\n"), "http:", "https:", 1), "no HTTP"},
		"HTTP, by TLS":                 {strings.Replace(slow.URL, "http:", "https:", 1), "no TLS"},
		"nobody":                       {"http://127.0.0.1:1", "connection refused"},
		"a name that nobody knows":     {"http://" + unknownHost, "nobody knows its host name"},
		"an untrusted certificate":     {secure.URL, "SSL_CERT_FILE"},
		"somebody slow":                {slow.URL, "in time"},
		"a web server":                 {serving(200, "text/html", "", "<html>"), "no engine"},
		"a redirect":                   {serving(301, "text/html", w.jwks, ""), "own URL"},
		"a proxy without a door":       {serving(404, "text/plain", "", ""), "/v1/graphql"},
		"too much":                     {serving(200, "application/json", "", `{"padding":"`+strings.Repeat(" ", 2<<20)+`","version":"v2.48.4"}`), "no engine"},
		"a version with a message":     {serving(200, "application/json", "", `{"version":"come to evil.example now"}`), "no engine"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asking := client()
			if test.url == slow.URL {
				asking.Timeout = time.Second / 10
			}
			all := probe.Engine{URL: test.url, Client: asking}.Check(t.Context(), w.tokens(t, "reader"))
			wantExactly(t, all, map[string]string{"failed engine": test.word})
		})
	}
}

// speaking is the URL of something that says its words to whoever comes, once they have spoken, and hangs up.
func speaking(t *testing.T, words string) string {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = conn.Write([]byte(words))
			_ = conn.Close()
		}
	}()
	return "http://" + listener.Addr().String()
}

// TestAProxyThatAnswersInPlaceOfTheEngineIsNotTakenForIt lets one path through less, or answers it with something else.
func TestAProxyThatAnswersInPlaceOfTheEngineIsNotTakenForIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	behind, err := url.Parse(run(t, hasuratest.Options{JWTSecret: w.secret(t, nil), AdminSecret: secret}, nil))
	if err != nil {
		t.Fatal(err)
	}
	through := httputil.NewSingleHostReverseProxy(behind)
	for name, test := range map[string]struct {
		when func(*http.Request) bool
		with http.HandlerFunc
		want map[string]string
	}{
		"a page for GraphQL": {
			func(r *http.Request) bool { return r.URL.Path == "/v1/graphql" },
			func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) },
			map[string]string{"failed public-role": "502", "failed signature": "502", "off token": ""},
		},
		"a page for bearers": {
			func(r *http.Request) bool { return r.Header.Get("X-Hasura-Role") != "" },
			func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusBadGateway) },
			map[string]string{"failed role": "502", "off introspection": ""},
		},
		"a page for everything but GraphQL": {
			func(r *http.Request) bool { return r.URL.Path != "/v1/graphql" },
			func(rw http.ResponseWriter, _ *http.Request) {
				rw.Header().Set("Content-Type", "text/html")
				rw.WriteHeader(http.StatusForbidden)
			},
			map[string]string{"off introspection": ""},
		},
		"401 for bearers, by a gateway": {
			func(r *http.Request) bool { return r.Header.Get("Authorization") != "" },
			func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusUnauthorized) },
			map[string]string{"failed token": "own URL"},
		},
		"401 for strangers, by a gateway": {
			func(r *http.Request) bool { return r.URL.Path == "/v1/graphql" && r.Header.Get("Authorization") == "" },
			func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusUnauthorized) },
			map[string]string{"off introspection": ""},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if test.when(r) {
					test.with(rw, r)
					return
				}
				through.ServeHTTP(rw, r)
			}))
			defer server.Close()
			wantExactly(t, probe.Engine{URL: server.URL, Client: client()}.Check(t.Context(), w.tokens(t, "reader")), test.want)
		})
	}
}
