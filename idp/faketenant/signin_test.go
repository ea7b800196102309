package faketenant_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

const (
	spaRedirect = "http://localhost:3000/"
	spaOrigin   = "http://localhost:3000"
	verifier    = "a-verifier-of-at-least-forty-three-characters-in-all"
)

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// signInQuery is what MSAL.js sends, changed.
func signInQuery(change url.Values) url.Values {
	query := url.Values{
		"client_id": {faketenant.SPAClientID}, "response_type": {"code"}, "response_mode": {"fragment"}, "redirect_uri": {spaRedirect},
		"scope": {apiScopes}, "state": {"s & t"}, "nonce": {"n1"}, "code_challenge": {challenge()}, "code_challenge_method": {"S256"},
		"client_info": {"1"},
	}
	maps.Copy(query, change)
	return query
}

// signIn asks the authorization endpoint, and does not follow where it sends.
func (s served) signIn(t *testing.T, query url.Values, cookies ...*http.Cookie) (*http.Response, string) {
	t.Helper()
	return s.visit(t, "/"+faketenant.TenantID+"/oauth2/v2.0/authorize?"+query.Encode(), cookies...)
}

func (s served) visit(t *testing.T, path string, cookies ...*http.Cookie) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range cookies {
		request.AddCookie(cookie)
	}
	response, err := s.client.Transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var body strings.Builder
	if _, err := copyTo(&body, response.Body); err != nil {
		t.Fatal(err)
	}
	return response, body.String()
}

// sentBack are the parameters that the app got at its redirect URI.
func sentBack(t *testing.T, response *http.Response) url.Values {
	t.Helper()
	target, err := url.Parse(response.Header.Get("Location"))
	if err != nil || response.StatusCode != http.StatusFound {
		t.Fatalf("status %d, location %q", response.StatusCode, response.Header.Get("Location"))
	}
	raw := target.RawQuery
	if target.Fragment != "" {
		raw = target.EscapedFragment()
	}
	parameters, err := url.ParseQuery(raw)
	if err != nil {
		t.Fatal(err)
	}
	return parameters
}

func (s served) code(t *testing.T, change url.Values) string {
	t.Helper()
	all := url.Values{"login_hint": {"editor"}}
	maps.Copy(all, change)
	response, body := s.signIn(t, signInQuery(all))
	if response.StatusCode != http.StatusFound {
		t.Fatalf("%d %s", response.StatusCode, body)
	}
	return sentBack(t, response).Get("code")
}

func redeem(change url.Values) url.Values {
	form := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {faketenant.SPAClientID}, "redirect_uri": {spaRedirect}, "scope": {apiScopes},
		"code_verifier": {verifier}, "client_info": {"1"},
	}
	maps.Copy(form, change)
	return form
}

var fromPage = http.Header{"Origin": {spaOrigin}}

func TestAPageSignsSomebodyInAndRenews(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	response, _ := s.signIn(t, signInQuery(url.Values{"login_hint": {"erin@contoso.example"}}))
	back := sentBack(t, response)
	if back.Get("state") != "s & t" || back.Get("client_info") == "" || !strings.HasPrefix(response.Header.Get("Location"), spaRedirect+"#") {
		t.Errorf("sent back to %s", response.Header.Get("Location"))
	}
	answer, got := s.tokenResponse(t, faketenant.TenantID, redeem(url.Values{"code": {back.Get("code")}}), fromPage)
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("%d, allowed origin %q: %v", answer.StatusCode, answer.Header.Get("Access-Control-Allow-Origin"), got)
	}
	access, err := s.verify(t, got["access_token"].(string))
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.verify(t, got["id_token"].(string))
	if err != nil {
		t.Fatal(err)
	}
	editor := oidOf(t, s, "editor")
	want := []any{editor, editor, faketenant.APIClientID, faketenant.SPAClientID, "access_as_user", nil, "n1", "0", true}
	is := []any{access["oid"], id["oid"], access["aud"], id["aud"], access["scp"], id["scp"], id["nonce"], access["azpacr"], access["sub"] != id["sub"]}
	if diff := cmp.Diff(want, is); diff != "" {
		t.Errorf("oid, oid, aud, aud, scp, scp, nonce, azpacr, another sub (-want +got):\n%s", diff)
	}
	var info map[string]string
	decoded, _ := decode(got["client_info"].(string))
	if err := json.Unmarshal(decoded, &info); err != nil || info["uid"] != editor || info["utid"] != faketenant.TenantID {
		t.Errorf("client_info %v, %v", info, err)
	}
	if got["scope"] != "api://"+faketenant.APIClientID+"/access_as_user" || got["refresh_token_expires_in"].(float64) > 86400 {
		t.Errorf("scope %v, refresh_token_expires_in %v", got["scope"], got["refresh_token_expires_in"])
	}
	renewal := redeem(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {got["refresh_token"].(string)}, "scope": {"User.Read openid offline_access"}})
	status, renewed := s.token(t, faketenant.TenantID, renewal, fromPage)
	if status != http.StatusOK {
		t.Fatalf("renewal: %d %v", status, renewed)
	}
	graph := plainClaims(t, renewed["access_token"].(string))
	if graph["aud"] != "00000003-0000-0000-c000-000000000000" || graph["scp"] != "User.Read" || renewed["refresh_token"] == got["refresh_token"] {
		t.Errorf("renewed: aud %v, scp %v", graph["aud"], graph["scp"])
	}
}

func TestCodesAndRefreshTokensAreGuarded(t *testing.T) {
	t.Parallel()
	clock := newClock()
	s := serve(t, faketenant.Options{Now: clock.now})
	spent := s.code(t, nil)
	if status, got := s.token(t, faketenant.TenantID, redeem(url.Values{"code": {spent}}), fromPage); status != http.StatusOK {
		t.Fatal(got)
	}
	late := s.code(t, nil)
	_, first := s.token(t, faketenant.TenantID, redeem(url.Values{"code": {s.code(t, nil)}}), fromPage)
	clock.advance(11 * time.Minute)
	native := s.code(t, url.Values{"client_id": {faketenant.NativeClientID}})
	refresh := first["refresh_token"].(string)
	tests := map[string]struct {
		form   url.Values
		header http.Header
		number float64
	}{
		"redeemed twice":           {redeem(url.Values{"code": {spent}}), fromPage, 54005},
		"redeemed late":            {redeem(url.Values{"code": {late}}), fromPage, 70008},
		"without an origin":        {redeem(url.Values{"code": {s.code(t, nil)}}), nil, 9002327},
		"a desktop with an origin": {redeem(url.Values{"code": {native}, "client_id": {faketenant.NativeClientID}}), fromPage, 9002326},
		"another redirect URI":     {redeem(url.Values{"code": {s.code(t, nil)}, "redirect_uri": {spaRedirect + "x"}}), fromPage, 500112},
		"a wrong verifier":         {redeem(url.Values{"code": {s.code(t, nil)}, "code_verifier": {"wrong"}}), fromPage, 501481},
		"no verifier":              {redeem(url.Values{"code": {s.code(t, nil)}, "code_verifier": nil}), fromPage, 501481},
		"another app's code":       {redeem(url.Values{"code": {s.code(t, nil)}, "client_id": {faketenant.NativeClientID}}), nil, 70000},
		"a scope that is none":     {redeem(url.Values{"code": {s.code(t, nil)}, "scope": {"api://" + faketenant.APIClientID + "/other"}}), fromPage, 650053},
		"renewed on a server":      {redeem(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}), nil, 9002327},
		"renewed by another app": {
			redeem(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "client_id": {faketenant.NativeClientID}}), nil, 70000,
		},
	}
	for name, c := range tests {
		if status, got := s.token(t, faketenant.TenantID, c.form, c.header); status != 400 || !cmp.Equal(got["error_codes"], []any{c.number}) {
			t.Errorf("%s: %d %v, want AADSTS%.0f", name, status, got, c.number)
		}
	}
	clock.advance(24 * time.Hour)
	if _, got := s.token(t, faketenant.TenantID, redeem(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}), fromPage); !cmp.Equal(got["error_codes"], []any{700084.0}) {
		t.Errorf("a day later: %v", got)
	}
}
