package api_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

func TestOtherSpellingsOfARouteAreNoRoute(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, path := range []string{
		"/", "", "/oauth2", "/oauth2/token/", "/oauth2//token", "//oauth2/token", "/OAuth2/Token", "/./oauth2/token", "/a/../oauth2/token",
		"/oauth2/token%2F", "/oauth2%2Ftoken", "/%6Fauth2/token", "/oauth2/token%00", "/oauth2/token;a=b", "/.well-known/jwks.json/", "/livez/",
		"/.well-known/jwks%2ejson", "/jwks.json", "/metrics", "/debug/pprof/",
	} {
		got := s.do(http.MethodPost, path, form().Encode(), "Content-Type", formType)
		if p := got.problem(t); got.StatusCode != http.StatusNotFound || p.Reason != "not_found" || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%q: %s %s", path, got.Status, got.body)
		}
	}
}

func TestAWrongMethodIsToldTheRightOnes(t *testing.T) {
	t.Parallel()
	s := start(t)
	for path, allow := range map[string]string{
		token: "POST, OPTIONS", "/.well-known/jwks.json": "GET, HEAD, OPTIONS", "/.well-known/openid-configuration": "GET, HEAD, OPTIONS",
		"/.well-known/oauth-authorization-server": "GET, HEAD, OPTIONS", "/livez": "GET, HEAD", "/readyz": "GET, HEAD",
	} {
		for _, method := range []string{http.MethodPut, http.MethodDelete, "BREW", "get"} {
			got := s.do(method, path, "", "X-HTTP-Method-Override", "POST")
			if p := got.problem(t); got.StatusCode != http.StatusMethodNotAllowed || p.Reason != "method_not_allowed" {
				t.Errorf("%s %s: %s %s", method, path, got.Status, got.body)
			}
			wantHeaders(t, got, map[string]string{"Allow": allow, "Cache-Control": "no-store"})
		}
	}
	if got := s.do(http.MethodOptions, token, ""); got.StatusCode != http.StatusNoContent {
		t.Errorf("OPTIONS: %s", got.Status)
	}
}

func TestTheKeySetIsServedAsEnginesNeedIt(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, path := range []string{"/.well-known/jwks.json", "/.well-known/jwks.json?rp=hasura"} {
		got := s.do(http.MethodGet, path, "")
		if got.StatusCode != http.StatusOK || got.body != jwks {
			t.Errorf("%s %s", got.Status, got.body)
		}
		wantHeaders(t, got, map[string]string{
			"Cache-Control": "public, max-age=300", "ETag": etag, "Content-Type": "application/json", "Content-Length": "63",
			"Pragma": "", "X-Content-Type-Options": "nosniff",
		})
	}
	head := s.do(http.MethodHead, "/.well-known/jwks.json", "")
	wantHeaders(t, head, map[string]string{"Cache-Control": "public, max-age=300", "ETag": etag, "Content-Length": "63"})
	if head.StatusCode != http.StatusOK || head.body != "" {
		t.Errorf("HEAD: %s %q", head.Status, head.body)
	}
}

func TestWhoStillHasTheKeySetIsToldSo(t *testing.T) {
	t.Parallel()
	s := start(t)
	for match, want := range map[string]int{
		etag: 304, "W/" + etag: 304, "*": 304, `"other", ` + etag: 304, `"other"`: 200, "v1-abc": 200, "": 200,
	} {
		got := s.do(http.MethodGet, "/.well-known/jwks.json", "", "If-None-Match", match)
		if got.StatusCode != want || want == 304 && got.body != "" {
			t.Errorf("%s: %s", match, got.Status)
		}
		wantHeaders(t, got, map[string]string{"Cache-Control": "public, max-age=300", "ETag": etag, "Access-Control-Allow-Origin": "*"})
	}
}

func TestWithoutKeysThereIsNoEmptyKeySet(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.keys.err = errBroken
	got := s.do(http.MethodGet, "/.well-known/jwks.json", "", "If-None-Match", "*")
	if p := got.problem(t); got.StatusCode != http.StatusServiceUnavailable || p.Reason != "keys_unavailable" {
		t.Errorf("%s %s", got.Status, got.body)
	}
	wantHeaders(t, got, map[string]string{"Cache-Control": "no-store", "ETag": "", "Retry-After": "15", "Access-Control-Allow-Origin": "*"})
}

func TestTheMetadataNamesTheIssuerByteForByte(t *testing.T) {
	t.Parallel()
	const url = "https://auth.example.com/base&path"
	s := start(t, func(c *api.Config) { c.URL = url })
	want := map[string]any{
		"issuer": url, "token_endpoint": url + "/oauth2/token", "jwks_uri": url + "/.well-known/jwks.json",
		"grant_types_supported": []any{grantType}, "response_types_supported": []any{"none"},
		"token_endpoint_auth_methods_supported": []any{"none"}, "subject_types_supported": []any{"public"},
		"id_token_signing_alg_values_supported": []any{"ES256", "RS256", "EdDSA"},
	}
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
		got := s.do(http.MethodGet, path, "")
		var document map[string]any
		if err := json.Unmarshal([]byte(got.body), &document); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, document); diff != "" || !bytes.Contains([]byte(got.body), []byte(`"issuer":"`+url+`"`)) {
			t.Errorf("%s (-want +got):\n%s\n%s", path, diff, got.body)
		}
		wantHeaders(t, got, map[string]string{"Content-Type": "application/json", "Cache-Control": "public, max-age=3600"})
	}
}
