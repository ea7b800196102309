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
	return playground.RingState{Keys: []keys.Info{{Generation: 7}}, Ahead: 60}, s.broke
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
