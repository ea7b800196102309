package playground_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/playground"
	"github.com/hasura-issuer/hasura-issuer/hasura"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/keys"
)

// stand is what a playground stands on here: it says back what it is asked.
type stand struct {
	early bool // a rotation comes too early, unless it is forced
	broke error
}

func (s stand) Token(persona string) (string, error) {
	if persona != "editor" {
		return "", errors.New("no such persona")
	}
	return "token-of-" + persona, nil
}

func (s stand) Break(persona, fault string) (string, error) {
	if fault != "expired" {
		return "", errors.New("no such fault")
	}
	return fault + "-token-of-" + persona, nil
}

func (s stand) Explain(_ context.Context, token string, scope []string, role string) (issuer.Explanation, error) {
	return issuer.Explanation{Reason: issuer.ReasonNoRoles, Finding: fmt.Sprint(token, scope, role)}, s.broke
}

func (s stand) Cure(token string, reason issuer.Reason) string {
	return "a cure of " + string(reason) + " for " + token
}

func (s stand) State(context.Context) (playground.RingState, error) {
	return playground.RingState{Keys: []keys.Info{{Generation: 7}}}, s.broke
}

func (s stand) Rotate(_ context.Context, force bool) error {
	if s.early && !force {
		return &keys.TooEarlyError{Why: "it is early", From: time.Unix(1800000000, 0)}
	}
	return s.broke
}

func (s stand) Pass(_ context.Context, d time.Duration) error {
	if d != time.Hour {
		return errors.New("another span was asked for")
	}
	return s.broke
}

// behind stands for the public routes.
var behind = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	form, _ := io.ReadAll(r.Body)
	if r.URL.Path != "/oauth2/token" {
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL, form)
		return
	}
	w.WriteHeader(http.StatusForbidden)
	fmt.Fprintf(w, `{"reason":"no_roles","peer":%q,"origin":%q,"form":%q}`, r.RemoteAddr, r.Header.Get("Origin"), form)
})

func open(t *testing.T, s stand) http.Handler {
	t.Helper()
	v2, err := hasura.ParseV2Config([]byte(`{"jwk_url":"http://127.0.0.1:1/jwks","issuer":"http://127.0.0.1:1","audience":"hasura"}`))
	if err != nil {
		t.Fatal(err)
	}
	v3, err := hasura.ParseV3Config([]byte(`{"version":"v4","definition":{"mode":{"jwt":{"key":{"jwkFromUrl":"http://127.0.0.1:1/jwks"},"audience":["hasura"],` +
		`"tokenLocation":{"type":"BearerAuthorization"},"claimsConfig":{"namespace":{"claimsFormat":"Json","location":"/c"}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	page, err := playground.New(playground.Config{
		World: playground.World{Issuer: "http://127.0.0.1:1", Entra: playground.Entra{URL: "https://127.0.0.1:8081/x"}}, Tenant: s, Explainer: s, Ring: s,
		Engines: playground.Engines{V2: v2, V3: v3, JWKS: func() ([]byte, error) { return []byte(`{"keys":[]}`), s.broke }}, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return page.Before(behind)
}

// ask sends a request as the page would, with headers changed in pairs; an empty value takes one away.
func ask(h http.Handler, method, path, body string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host, r.RemoteAddr = "127.0.0.1:8080", "127.0.0.1:5555"
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", "http://127.0.0.1:8080")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		switch name := headers[i]; {
		case name == "Host":
			r.Host = headers[i+1]
		case headers[i+1] == "":
			r.Header.Del(name)
		default:
			r.Header.Set(name, headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	all, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

func TestWhatIsNotThePlaygroundsIsAnsweredBehindIt(t *testing.T) {
	t.Parallel()
	h := open(t, stand{})
	for _, request := range []string{"POST /", "OPTIONS /", "GET /livez", "GET /playground", "GET /Playground/", "POST /hasura/webhook?a=b", "GET /%70layground/api/world", "GET //", "GET /playgrounds/x"} {
		method, path, _ := strings.Cut(request, " ")
		response := ask(h, method, path, "as it was", "Host", "elsewhere.example", "Origin", "https://elsewhere.example")
		if got := text(t, response); response.StatusCode != http.StatusTeapot || got != request+" as it was" || response.Header.Get("Content-Security-Policy") != "" {
			t.Errorf("%s: %s %q", request, response.Status, got)
		}
	}
}

func TestThePageAndWhatItLoadsAreThere(t *testing.T) {
	t.Parallel()
	h := open(t, stand{})
	page := ask(h, http.MethodGet, "/", "")
	source := text(t, page)
	if page.StatusCode != http.StatusOK || page.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("%s %v", page.Status, page.Header)
	}
	if policy := page.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "connect-src 'self' https://127.0.0.1:8081;") {
		t.Errorf("policy %s", policy)
	}
	if inline := regexp.MustCompile(`(?i)<style|<script>| style=| on[a-z]+=|https?:`).FindString(source); inline != "" {
		t.Errorf("the page holds %q, which its policy forbids", inline)
	}
	for _, m := range regexp.MustCompile(`(?:href|src)="(/[^"]+)"`).FindAllStringSubmatch(source, -1) {
		if response := ask(h, http.MethodGet, m[1], ""); response.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", m[1], response.Status)
		}
	}
	for path, want := range map[string]int{"/playground/msal.txt": 200, "/playground/msal.d.ts": 404, "/playground/browser/package.json": 404, "/playground/": 404, "/playground/../page.css": 404} {
		if response := ask(h, http.MethodGet, path, ""); response.StatusCode != want && (want != 404 || response.StatusCode != http.StatusTemporaryRedirect) {
			t.Errorf("%s: %s, want %d", path, response.Status, want)
		}
	}
}

// most is what a first visit and a sign-in may transfer.
const most = 200_000

func TestAllOfThePageIsSmall(t *testing.T) {
	t.Parallel()
	h := open(t, stand{})
	seen := map[string]bool{}
	sum := int64(0)
	queue := []string{"/"}
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		packed := ask(h, http.MethodGet, path, "", "Accept-Encoding", "gzip")
		if packed.StatusCode != http.StatusOK || packed.Header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("%s: %s, %v", path, packed.Status, packed.Header)
		}
		sum += packed.ContentLength + 1000 // and more for headers than there are
		folder := path[:strings.LastIndexByte(path, '/')+1]
		for _, m := range regexp.MustCompile(`(?:href|src)="(/[^"]+)"|(?:from |import\()"(\./[^"]+)"`).FindAllStringSubmatch(text(t, ask(h, http.MethodGet, path, "")), -1) {
			if next := m[1]; next != "" {
				queue = append(queue, next)
			} else if path != "/playground/msal.js" {
				queue = append(queue, folder+strings.TrimPrefix(m[2], "./"))
			}
		}
	}
	for _, want := range []string{"/playground/msal.js", "/playground/parts/claims.js", "/playground/parts/jwt.js", "/playground/page.css", "/playground/icon.svg"} {
		if !seen[want] {
			t.Errorf("%s was not counted; counted were %v", want, seen)
		}
	}
	if sum > most {
		t.Errorf("%d bytes are transferred, of at most %d", sum, most)
	}
}

func TestEachQuestionIsAnsweredByWhoKnows(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		method, path, body string
		stand              stand
		status             int
		says               string // a part of the answer
	}{
		"the world":                   {"GET", "world", "", stand{}, 200, `"issuer":"http://127.0.0.1:1"`},
		"a token":                     {"POST", "token", `{"persona":"editor"}`, stand{}, 200, `{"token":"token-of-editor"}`},
		"a broken one":                {"POST", "token", `{"persona":"editor","fault":"expired"}`, stand{}, 200, `{"token":"expired-token-of-editor"}`},
		"a token of nobody's":         {"POST", "token", `{"persona":"x"}`, stand{}, 400, `no such persona`},
		"broken as nothing breaks":    {"POST", "token", `{"persona":"editor","fault":"x"}`, stand{}, 400, `no such fault`},
		"an exchange":                 {"POST", "exchange", `{"token":"t","scope":["a","b"]}`, stand{}, 200, `"status":403,"body":{"reason":"no_roles","peer":"127.0.0.1:5555","origin":"","form":"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&scope=a+b&subject_token=t&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token"},"cure":"a cure of no_roles for t"`},
		"an explanation":              {"POST", "explain", `{"token":"t","scope":["a"],"role":"r"}`, stand{}, 200, `"finding":"t[a]r"`},
		"with its cure":               {"POST", "explain", `{"token":"t","scope":[],"role":""}`, stand{}, 200, `"cure":"a cure of no_roles for t"`},
		"one that fails":              {"POST", "explain", `{"token":"t"}`, stand{broke: errors.New("it broke")}, 500, `it broke`},
		"verdicts":                    {"POST", "verdicts", `{"token":"t","role":"r"}`, stand{}, 200, `"v2":{"accepted":false,"http":400,"code":"invalid-jwt"`},
		"verdicts without a key set":  {"POST", "verdicts", `{"token":"t"}`, stand{broke: errors.New("no keys")}, 500, `no keys`},
		"the keys":                    {"GET", "keys", "", stand{}, 200, `"generation":7`},
		"a rotation":                  {"POST", "rotate", `{}`, stand{}, 200, `"generation":7`},
		"one that comes early":        {"POST", "rotate", `{}`, stand{early: true}, 200, `"refused":"it is early","from":"2027-01-15T08:00:00Z"`},
		"and is forced":               {"POST", "rotate", `{"force":true}`, stand{early: true}, 200, `"generation":7`},
		"a rotation that fails":       {"POST", "rotate", `{}`, stand{broke: errors.New("it broke")}, 500, `it broke`},
		"an hour":                     {"POST", "pass", `{"seconds":3600}`, stand{}, 200, `"generation":7`},
		"no time at all":              {"POST", "pass", `{"seconds":0}`, stand{}, 400, `a week`},
		"too much time":               {"POST", "pass", `{"seconds":604801}`, stand{}, 400, `a week`},
		"a question nobody knows":     {"GET", "secrets", "", stand{}, 404, `no such route`},
		"by another method":           {"GET", "token", "", stand{}, 404, `no such route`},
		"what is no JSON":             {"POST", "token", `persona=editor`, stand{}, 400, `cannot be read`},
		"what nobody asked for":       {"POST", "token", `{"person":"editor"}`, stand{}, 400, `cannot be read`},
		"what is longer than a token": {"POST", "token", `{"persona":"` + strings.Repeat("x", 1<<18) + `"}`, stand{}, 400, `cannot be read`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response := ask(open(t, test.stand), test.method, "/playground/api/"+test.path, test.body)
			got := text(t, response)
			if response.StatusCode != test.status || !strings.Contains(got, test.says) {
				t.Errorf("%s %s", response.Status, got)
			}
			if refused := strings.Contains(got, `"refused"`); refused != strings.Contains(test.says, `"refused"`) {
				t.Errorf("refused %t: %s", refused, got)
			}
			var any map[string]any
			if err := json.Unmarshal([]byte(got), &any); err != nil {
				t.Errorf("no JSON: %v", err)
			}
			for header, want := range map[string]string{"Cache-Control": "no-store", "Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": ""} {
				if response.Header.Get(header) != want {
					t.Errorf("%s: %q", header, response.Header.Get(header))
				}
			}
		})
	}
}

func TestOnlyADeveloperAndThePageItselfAreAnswered(t *testing.T) {
	t.Parallel()
	h := open(t, stand{})
	const question = `{"persona":"editor"}`
	for name, test := range map[string]struct {
		method, path string
		status       int
		headers      []string
	}{
		"the page":                          {"POST", "/playground/api/token", 200, nil},
		"the page by localhost":             {"POST", "/playground/api/token", 200, []string{"Host", "localhost:8080", "Origin", "http://localhost:8080"}},
		"the page by IPv6":                  {"POST", "/playground/api/token", 200, []string{"Host", "[::1]:8080", "Origin", "http://[::1]:8080"}},
		"by a forwarded port":               {"POST", "/playground/api/token", 200, []string{"Host", "127.0.0.1:9", "Origin", "http://127.0.0.1:9"}},
		"curl":                              {"POST", "/playground/api/token", 200, []string{"Origin", "", "Sec-Fetch-Site", ""}},
		"a browser that says less":          {"POST", "/playground/api/token", 200, []string{"Sec-Fetch-Site", ""}},
		"a page elsewhere":                  {"POST", "/playground/api/token", 403, []string{"Origin", "https://elsewhere.example", "Sec-Fetch-Site", "cross-site"}},
		"one in an older browser":           {"POST", "/playground/api/token", 403, []string{"Origin", "https://elsewhere.example", "Sec-Fetch-Site", ""}},
		"a page at another port":            {"POST", "/playground/api/rotate", 403, []string{"Origin", "http://127.0.0.1:3000", "Sec-Fetch-Site", "same-site"}},
		"a page without an origin":          {"POST", "/playground/api/rotate", 403, []string{"Origin", "null", "Sec-Fetch-Site", ""}},
		"a name that was made to lead here": {"POST", "/playground/api/token", 403, []string{"Host", "elsewhere.example:8080", "Origin", "http://elsewhere.example:8080"}},
		"such a name for the page":          {"GET", "/", 403, []string{"Host", "elsewhere.example"}},
		"a name that only begins right":     {"GET", "/", 403, []string{"Host", "localhost.elsewhere.example:8080"}},
		"another machine":                   {"GET", "/playground/api/world", 403, []string{"Host", "192.0.2.1:8080"}},
		"a link from elsewhere to the page": {"GET", "/", 200, []string{"Sec-Fetch-Site", "cross-site"}},
		"somebody's own address bar":        {"GET", "/playground/api/keys", 200, []string{"Sec-Fetch-Site", "none"}},
		"a page elsewhere that only reads":  {"GET", "/playground/api/keys", 403, []string{"Sec-Fetch-Site", "cross-site"}},
		"one that loads a script":           {"GET", "/playground/main.js", 403, []string{"Sec-Fetch-Site", "same-site"}},
		"a form":                            {"POST", "/playground/api/token", 415, []string{"Content-Type", "application/x-www-form-urlencoded"}},
		"a form that says it is plain text": {"POST", "/playground/api/token", 415, []string{"Content-Type", "text/plain; application/json"}},
		"what does not say what it is":      {"POST", "/playground/api/token", 415, []string{"Content-Type", ""}},
	} {
		response := ask(h, test.method, test.path, question, test.headers...)
		if got := text(t, response); response.StatusCode != test.status || test.status != 200 && strings.Contains(got, "token-of") {
			t.Errorf("%s: %s %s", name, response.Status, got)
		}
	}
}
