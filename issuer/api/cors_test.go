package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

func TestABrowserOfAKnownOriginCanReadEveryAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, path string
		refuse       issuer.Reason
		status       int
	}{
		"a token":           {http.MethodPost, token, "", 200},
		"a refusal":         {http.MethodPost, token, issuer.ReasonBlocked, 403},
		"an outage":         {http.MethodPost, token, issuer.ReasonRolesUnavailable, 503},
		"a wrong method":    {http.MethodGet, token, "", 405},
		"another, likewise": {http.MethodDelete, token, "", 405},
		"a wrong path":      {http.MethodPost, token + "/", "", 404},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			if c.refuse != "" {
				s.refuse(&issuer.Error{Reason: c.refuse, Err: errBroken})
			}
			got := s.do(c.method, c.path, form().Encode(), "Content-Type", formType, "Origin", app)
			if got.StatusCode != c.status {
				t.Errorf("%s", got.Status)
			}
			wantHeaders(t, got, map[string]string{
				"Access-Control-Allow-Origin": app, "Vary": "Origin", "Access-Control-Allow-Credentials": "",
				"Access-Control-Expose-Headers": "Retry-After, Www-Authenticate, X-Request-Id",
			})
		})
	}
}

func TestABrowserOfAnotherOriginCanReadNoneAndAskForNothing(t *testing.T) {
	t.Parallel()
	for name, origins := range map[string][]string{
		"of another host":          {"https://evil.example.com"},
		"of another scheme":        {"http://app.example.com"},
		"of another port":          {app + ":8443"},
		"in other letters":         {"https://APP.example.com"},
		"with the known as prefix": {app + ".evil.example"},
		"without an origin":        {"null"},
		"with a star":              {"*"},
		"with two":                 {app, "https://evil.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(c *api.Config) { c.CORSOrigins = append(c.CORSOrigins, "https://*.evil.example.com") })
			headers := []string{}
			for _, origin := range origins {
				headers = append(headers, "Origin", origin)
			}
			got := s.exchange(form(), headers...)
			wantHeaders(t, got, map[string]string{"Access-Control-Allow-Origin": "", "Vary": "Origin", "Cache-Control": "no-store"})
			if got.StatusCode != http.StatusForbidden || !strings.Contains(got.body, `"policy_denied"`) || len(s.issuer.asked) != 0 {
				t.Errorf("%s %s, and %d exchanges were asked for", got.Status, got.body, len(s.issuer.asked))
			}
			preflight := append([]string{"Access-Control-Request-Method", "POST"}, headers...)
			wantHeaders(t, s.do(http.MethodOptions, token, "", preflight...), map[string]string{"Access-Control-Allow-Origin": ""})
		})
	}
}

// TestOurOwnPagesMayAsk: they are of no other origin, so there is nothing to configure.
func TestOurOwnPagesMayAsk(t *testing.T) {
	t.Parallel()
	for base, origins := range map[string]map[string]int{
		"https://auth.example.com":          {"https://auth.example.com": 200, "http://auth.example.com": 403, "https://auth.example.com:8443": 403, "": 403},
		"https://Auth.example.com:443/here": {"https://auth.example.com": 200, "https://auth.example.com/here": 403},
		"http://127.0.0.1:8080":             {"http://127.0.0.1:8080": 200, "http://127.0.0.1": 403, "http://localhost:8080": 403},
		"http://127.0.0.1:80":               {"http://127.0.0.1": 200},
	} {
		s := start(t, func(c *api.Config) { c.URL = base })
		for origin, want := range origins {
			if got := s.exchange(form(), "Origin", origin); got.StatusCode != want {
				t.Errorf("%s asked by %q: %s, want %d", base, origin, got.Status, want)
			}
		}
	}
}

func TestWithoutOriginsConfiguredNoBrowserCanRead(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *api.Config) { c.CORSOrigins = nil })
	wantHeaders(t, s.exchange(form(), "Origin", app), map[string]string{"Access-Control-Allow-Origin": ""})
}

func TestAPreflightIsAnsweredWithoutAnyCheck(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.keys.err = errBroken
	got := s.do(http.MethodOptions, token, "", "Origin", app, "Access-Control-Request-Method", "POST",
		"Access-Control-Request-Headers", "authorization,content-type,traceparent,x-request-id")
	if got.StatusCode != http.StatusNoContent || len(s.issuer.asked) != 0 {
		t.Errorf("%s %s", got.Status, got.body)
	}
	wantHeaders(t, got, map[string]string{
		"Access-Control-Allow-Origin": app, "Access-Control-Allow-Methods": "POST", "Access-Control-Max-Age": "600",
		"Access-Control-Allow-Headers":     "authorization,content-type,traceparent,x-request-id",
		"Access-Control-Allow-Credentials": "", "Vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
	})
	other := s.do(http.MethodOptions, token, "", "Origin", app, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "x-secret")
	wantHeaders(t, other, map[string]string{"Access-Control-Allow-Headers": "", "Access-Control-Allow-Origin": ""})
}

func TestTheWholeWorldMayReadTheKeySetAndTheMetadata(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, path := range []string{"/.well-known/jwks.json", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
		for _, origin := range []string{"", "https://anybody.example"} {
			got := s.do(http.MethodGet, path, "", "Origin", origin)
			wantHeaders(t, got, map[string]string{"Access-Control-Allow-Origin": "*", "Vary": "", "Access-Control-Allow-Credentials": ""})
		}
		got := s.do(http.MethodOptions, path, "", "Origin", "https://anybody.example", "Access-Control-Request-Method", "GET")
		if got.StatusCode != http.StatusNoContent {
			t.Errorf("%s: %s", path, got.Status)
		}
		wantHeaders(t, got, map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET, HEAD"})
	}
}
