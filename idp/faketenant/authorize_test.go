package faketenant_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

func TestTheAuthorizationEndpointRefuses(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	for name, c := range map[string]struct {
		change url.Values
		error  string // that the app is told; empty: the person is told
		number string
	}{
		"an app nobody knows":         {url.Values{"client_id": {faketenant.OtherTenantID}}, "", "AADSTS700016"},
		"no app":                      {url.Values{"client_id": nil}, "", "AADSTS900144"},
		"a redirect to a stranger":    {url.Values{"redirect_uri": {"https://evil.example/"}}, "", "AADSTS50011"},
		"a redirect like loopback":    {url.Values{"redirect_uri": {"http://localhost.evil.example/"}}, "", "AADSTS50011"},
		"a loopback with a user":      {url.Values{"redirect_uri": {"http://user@localhost/"}}, "", "AADSTS50011"},
		"a redirect with a user":      {url.Values{"redirect_uri": {"http://localhost@evil.example/"}}, "", "AADSTS50011"},
		"a redirect that is a script": {url.Values{"redirect_uri": {"javascript:alert(1)//localhost"}}, "", "AADSTS50011"},
		"no redirect":                 {url.Values{"redirect_uri": nil}, "", "AADSTS50011"},
		"the implicit flow":           {url.Values{"response_type": {"token"}}, "unsupported_response_type", "AADSTS70005"},
		"another mode":                {url.Values{"response_mode": {"form_post"}}, "invalid_request", "AADSTS70007"},
		"no challenge":                {url.Values{"code_challenge": nil}, "invalid_request", "AADSTS9002325"},
		"a plain challenge":           {url.Values{"code_challenge_method": {"plain"}}, "invalid_request", "AADSTS501491"},
		"a scope that is none":        {url.Values{"scope": {"api://" + faketenant.APIClientID + "/other"}}, "invalid_client", "AADSTS650053"},
		"silence without a session":   {url.Values{"prompt": {"none"}, "login_hint": {"editor"}}, "login_required", "AADSTS50058"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response, body := s.signIn(t, signInQuery(c.change))
			if c.error == "" {
				if response.StatusCode != http.StatusBadRequest || !strings.Contains(body, c.number+":") || strings.Contains(body, "<script") {
					t.Errorf("the person is told %d %s", response.StatusCode, body)
				}
				return
			}
			back := sentBack(t, response)
			if back.Get("error") != c.error || !strings.HasPrefix(back.Get("error_description"), c.number+":") || back.Get("state") != "s & t" || back.Has("code") {
				t.Errorf("the app is told %v", back)
			}
		})
	}
}

func TestASessionSignsInSilentlyUntilLogout(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	response, _ := s.signIn(t, signInQuery(url.Values{"login_hint": {"editor"}, "response_mode": {"query"}}))
	cookies := response.Cookies()
	if len(cookies) != 1 || !cookies[0].HttpOnly || !cookies[0].Secure || cookies[0].SameSite != http.SameSiteNoneMode {
		t.Fatalf("cookies %v", cookies)
	}
	for name, c := range map[string]struct {
		hint string
		want bool
	}{"whoever it is": {"", true}, "that person": {"erin@contoso.example", true}, "another person": {"reader", false}} {
		response, _ := s.signIn(t, signInQuery(url.Values{"prompt": {"none"}, "login_hint": {c.hint}}), cookies...)
		if got := sentBack(t, response).Has("code"); got != c.want {
			t.Errorf("silently, %s: a code: %t", name, got)
		}
	}
	for target, want := range map[string]string{"http://localhost:3000/bye": "http://localhost:3000/bye?state=x", "https://evil.example/": "", "": ""} {
		query := url.Values{"post_logout_redirect_uri": {target}, "state": {"x"}}
		response, body := s.visit(t, "/"+faketenant.TenantID+"/oauth2/v2.0/logout?"+query.Encode(), cookies...)
		if got := response.Header.Get("Location"); got != want || (want == "" && !strings.Contains(body, "Signed out")) {
			t.Errorf("logout to %q leads to %q", target, got)
		}
		if after := response.Cookies(); len(after) != 1 || after[0].MaxAge >= 0 {
			t.Errorf("after logout the cookies are %v", after)
		}
	}
}
