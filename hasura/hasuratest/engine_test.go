package hasuratest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/hasura/hasuratest"
)

const (
	secret   = "the-admin-secret"
	question = `{"query":"query Q { __typename }"}`
	location = `"claimsConfig":{"namespace":{"claimsFormat":"Json","location":"/https:~1~1hasura.io~1jwt~1claims"}},"tokenLocation":{"type":"BearerAuthorization"}`
)

// bench is an issuer and what engines of it are set to.
type bench struct {
	*hasuratest.Issuer
	v2, v3 hasuratest.Options
}

func newBench(t *testing.T) bench {
	t.Helper()
	issuer, err := hasuratest.NewIssuer()
	if err != nil {
		t.Fatal(err)
	}
	jwks := httptest.NewServer(issuer)
	t.Cleanup(jwks.Close)
	return bench{
		issuer,
		hasuratest.Options{AdminSecret: secret, JWTSecret: `{"jwk_url":"` + jwks.URL + `","issuer":"https://issuer.example","audience":"hasura"}`},
		hasuratest.Options{V3: true, JWTSecret: `{"version":"v4","definition":{"mode":{"jwt":{"key":{"jwkFromUrl":"` + jwks.URL + `"},"audience":["hasura"],` + location + `}}}}`},
	}
}

func (b bench) bearer(t *testing.T, change map[string]any, more ...string) http.Header {
	t.Helper()
	token, err := b.Token(change, "user", "editor")
	if err != nil {
		t.Fatal(err)
	}
	return headers(append(more, "Authorization", "Bearer "+token)...)
}

func headers(pairs ...string) http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

// ask returns the status and the body of an answer.
func ask(t *testing.T, e *hasuratest.Engine, method, path, body string, header http.Header) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header = header
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	text, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(w.Header().Get("Content-Type"), "json") && !json.Valid(text) {
		t.Errorf("%s is no JSON", text)
	}
	return w.Code, strings.TrimSpace(string(text))
}

func start(t *testing.T, o hasuratest.Options) *hasuratest.Engine {
	t.Helper()
	e, err := hasuratest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestTheEnginesAnswerAsTheFactsSay holds statuses, codes and shapes against the rows of hasura/testdata/cases.json that
// the names begin with, and against what the engines' sources say of their other routes.
func TestTheEnginesAnswerAsTheFactsSay(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	with := func(o hasuratest.Options, change func(*hasuratest.Options)) hasuratest.Options {
		change(&o)
		return o
	}
	public := with(b.v2, func(o *hasuratest.Options) { o.UnauthorizedRole = "anonymous" })
	hook := with(b.v2, func(o *hasuratest.Options) { o.JWTSecret, o.AuthHook = "", true })
	old := map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}
	stranger, err := hasuratest.NewIssuer()
	if err != nil {
		t.Fatal(err)
	}
	forged := bench{Issuer: stranger}.bearer(t, nil)
	for name, test := range map[string]struct {
		options      hasuratest.Options
		method, path string
		body         string
		header       http.Header
		status       int
		word         string
	}{
		"T001 a good token":                {b.v2, "POST", "/v1/graphql", question, b.bearer(t, nil), 200, `"data":{"__typename":"query_root"}`},
		"T003 another role":                {b.v2, "POST", "/v1/graphql", question, b.bearer(t, nil, "X-Hasura-Role", "r00t"), 200, `"code":"access-denied"`},
		"R001 expired":                     {b.v2, "POST", "/v1/graphql", question, b.bearer(t, old), 200, `"code":"invalid-jwt","path":"$"},"message":"Could not verify JWT: JWTExpired"`},
		"R018 another audience":            {b.v2, "POST", "/v1/graphql", question, b.bearer(t, map[string]any{"aud": "x"}), 200, "JWTNotInAudience"},
		"H013 no token":                    {b.v2, "POST", "/v1/graphql", question, headers(), 200, `"code":"invalid-headers"`},
		"H014 no token, and a role for it": {public, "POST", "/v1/graphql", question, headers(), 200, `"data"`},
		"H015 a bad token, and a role":     {public, "POST", "/v1/graphql", question, b.bearer(t, old), 200, "JWTExpired"},
		"H016 the admin secret":            {b.v2, "POST", "/v1/metadata", `{"type":"get_inconsistent_metadata","args":{}}`, headers("X-Hasura-Admin-Secret", secret), 200, "is_consistent"},
		"K003 a hook says no":              {hook, "POST", "/v1/graphql", question, b.bearer(t, nil), 200, "Authentication hook unauthorized this request"},
		"another's signature":              {b.v2, "POST", "/v1/graphql", question, forged, 200, "JWSInvalidSignature"},
		"metadata without a secret":        {b.v2, "POST", "/v1/metadata", `{"type":"get_inconsistent_metadata","args":{}}`, headers(), 400, `"code":"invalid-headers","error":"Missing`},
		"metadata with a token":            {b.v2, "POST", "/v1/metadata", `{"type":"get_inconsistent_metadata","args":{}}`, b.bearer(t, nil), 400, `restricted access : admin only`},
		"metadata, a hook says no":         {hook, "POST", "/v1/metadata", `{"type":"get_inconsistent_metadata","args":{}}`, headers(), 401, `"code":"access-denied"`},
		"config with a token":              {b.v2, "GET", "/v1alpha1/config", "", b.bearer(t, nil), 400, "access-denied"},
		"no console":                       {b.v2, "GET", "/console", "", headers(), 404, `"code":"not-found"`},
		"a body that is no question":       {b.v2, "POST", "/v1/graphql", `{}`, b.bearer(t, nil), 200, "parse-failed"},
		"v3: T001 a good token":            {b.v3, "POST", "/graphql", question, b.bearer(t, nil), 200, `"data":{"__typename":"Query"}`},
		"v3: T003 another role":            {b.v3, "POST", "/graphql", question, b.bearer(t, nil, "X-Hasura-Role", "r00t"), 401, "cannot be authorized as role: r00t"},
		"v3: R001 expired":                 {b.v3, "POST", "/graphql", question, b.bearer(t, old), 400, "ExpiredSignature"},
		"v3: H013 no token":                {b.v3, "POST", "/graphql", question, headers(), 400, "token source"},
		"v3: another's signature":          {b.v3, "POST", "/graphql", question, forged, 400, "InvalidSignature"},
		"v3: a body that is no question":   {b.v3, "POST", "/graphql", `{}`, b.bearer(t, nil), 422, ""},
		"v3: J the key set is gone": {
			hasuratest.Options{V3: true, JWTSecret: strings.Replace(b.v3.JWTSecret, "http://127.0.0.1:", "http://127.0.0.1:1/", 1)},
			"POST", "/graphql", question, b.bearer(t, nil), 500, "Internal Error - Received unsuccessful response",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t, test.options)
			status, body := ask(t, e, test.method, test.path, test.body, test.header)
			if status != test.status || !strings.Contains(body, test.word) {
				t.Errorf("%d %s, want %d with %s", status, body, test.status, test.word)
			}
			if faults := e.Faults(); len(faults) > 0 {
				t.Error(faults)
			}
		})
	}
}

func TestAnEngineThatWouldNotStartDoesNot(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, test := range map[string]struct {
		options hasuratest.Options
		word    string
	}{
		"C007 a JWT secret without an admin secret": {hasuratest.Options{JWTSecret: b.v2.JWTSecret}, "require"},
		"C008 a JWT secret and a hook":              {hasuratest.Options{JWTSecret: b.v2.JWTSecret, AdminSecret: secret, AuthHook: true}, "both"},
		"C009 a hook and a public role":             {hasuratest.Options{AdminSecret: secret, AuthHook: true, UnauthorizedRole: "x"}, "unauthorized role"},
		"no JWKS":                                   {hasuratest.Options{AdminSecret: secret, JWTSecret: `{"jwk_url":"http://127.0.0.1:1/"}`}, "Non-2xx"},
		"C017 v3 with a member it does not know":    {hasuratest.Options{V3: true, JWTSecret: `{"version":"v4","definition":{"mode":{"jwt":{"foo":1}}}}`}, "unknown field"},
	} {
		if _, err := hasuratest.New(test.options); err == nil || !strings.Contains(err.Error(), test.word) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAV2EngineKeepsItsKeysForAsLongAsTheirHeaderSays(t *testing.T) {
	t.Parallel()
	for header, fetches := range map[string]int{"public, max-age=300": 1, "no-store": 4, "": 1} {
		issuer, err := hasuratest.NewIssuer()
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		jwks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen++
			recorded := httptest.NewRecorder()
			issuer.ServeHTTP(recorded, r)
			if header != "" {
				w.Header().Set("Cache-Control", header)
			}
			_, _ = w.Write(recorded.Body.Bytes())
		}))
		e := start(t, hasuratest.Options{AdminSecret: secret, JWTSecret: `{"jwk_url":"` + jwks.URL + `"}`})
		for range 3 {
			if _, body := ask(t, e, "POST", "/v1/graphql", question, bench{Issuer: issuer}.bearer(t, nil)); !strings.Contains(body, `"data"`) {
				t.Errorf("%q: %s", header, body)
			}
		}
		jwks.Close()
		if seen != fetches {
			t.Errorf("%q: %d fetches, want %d", header, seen, fetches)
		}
	}
}

func TestTheEngineKeepsAccountOfWhatNobodyShouldAsk(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, test := range map[string]struct {
		path, body string
		header     http.Header
		word       string
	}{
		"a guess of the secret":     {"/v1/graphql", question, headers("X-Hasura-Admin-Secret", "guess"), "guess"},
		"a change of metadata":      {"/v1/metadata", `{"type":"clear_metadata","args":{}}`, headers(), "clear_metadata"},
		"SQL in a database":         {"/v2/query", `{"type":"run_sql","args":{"source":"default","sql":"SELECT 1","read_only":true}}`, headers(), "default"},
		"SQL that writes":           {"/v2/query", `{"type":"run_sql","args":{"source":"nowhere","sql":"DROP TABLE t"}}`, headers(), "run_sql"},
		"a mutation":                {"/v1/graphql", `{"query":"mutation M { x }"}`, b.bearer(t, nil), "something else than a query"},
		"parameters in the URL":     {"/v1/graphql?token=x", question, headers(), "URL"},
		"something that is no JSON": {"/v1/metadata", `{`, headers(), "no JSON"},
	} {
		e := start(t, b.v2)
		ask(t, e, http.MethodPost, test.path, test.body, test.header)
		if faults := strings.Join(e.Faults(), "\n"); !strings.Contains(faults, test.word) {
			t.Errorf("%s: %q", name, faults)
		}
	}
}
