package faketenant_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

const apiScopes = "openid profile offline_access api://" + faketenant.APIClientID + "/access_as_user"

// token posts a form to the token endpoint.
func (s served) token(t *testing.T, segment string, form url.Values, header http.Header) (int, map[string]any) {
	t.Helper()
	response, answer := s.tokenResponse(t, segment, form, header)
	return response.StatusCode, answer
}

func (s served) tokenResponse(t *testing.T, segment string, form url.Values, header http.Header) (*http.Response, map[string]any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/"+segment+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(request.Header, header)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := s.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer map[string]any
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return response, answer
}

// recorded is one answer in the repository's collection of Entra's.
// sameShape compares an answer with a recorded one: the error, its number and its relatives are the same, and the
// description begins with the same number and tells what there is to tell.
// TestTheTokenEndpointRefusesAsRecorded provokes every error of the collection.
func TestTheTokenEndpointRefusesWhatElseIsWrong(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{TenantIDs: []string{faketenant.TenantID, faketenant.OtherTenantID}})
	api := url.Values{"client_id": {faketenant.APIClientID}, "client_secret": {s.ClientSecret(faketenant.APIClientID)}, "scope": {graphScope}}
	with := func(pairs ...string) url.Values {
		form := maps.Clone(api)
		for i := 0; i < len(pairs); i += 2 {
			form[pairs[i]] = []string{pairs[i+1]}
		}
		return form
	}
	onBehalf := func(claims map[string]any) url.Values {
		return with("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "requested_token_use", "on_behalf_of", "assertion", s.Sign(claims))
	}
	without := func(claims map[string]any, name string) map[string]any { delete(claims, name); return claims }
	changed := func(claims map[string]any, name string, value any) map[string]any {
		claims[name] = value
		return claims
	}
	const credentials = "client_credentials"
	for name, c := range map[string]struct {
		form   url.Values
		status int
		number float64
		oauth  string
	}{
		"no grant":                  {with(), 400, 900144, "invalid_request"},
		"a grant nobody knows":      {with("grant_type", "password"), 400, 70003, "unsupported_grant_type"},
		"no client":                 {with("grant_type", credentials, "client_id", ""), 400, 900144, "invalid_request"},
		"no credential":             {with("grant_type", credentials, "client_secret", ""), 401, 7000218, "invalid_client"},
		"no scope":                  {with("grant_type", credentials, "scope", ""), 400, 1002012, "invalid_scope"},
		"two resources":             {with("grant_type", credentials, "scope", graphScope+" api://"+faketenant.APIClientID+"/.default"), 400, 28000, "invalid_request"},
		"a resource without scope":  {with("grant_type", credentials, "scope", "https://graph.microsoft.com/"), 400, 70011, "invalid_scope"},
		"an app that is no API":     {with("grant_type", credentials, "scope", "api://"+faketenant.SPAClientID+"/.default"), 400, 500011, "invalid_resource"},
		"on behalf of a program":    {onBehalf(s.Claims("daemon")), 400, 7000114, "unauthorized_client"},
		"on behalf, another app's":  {onBehalf(changed(s.Claims("editor"), "aud", faketenant.SPAClientID)), 400, 500131, "invalid_grant"},
		"on behalf, an id token":    {onBehalf(without(s.Claims("editor"), "scp")), 400, 240002, "invalid_request"},
		"on behalf, another tenant": {onBehalf(changed(s.Claims("editor"), "tid", faketenant.OtherTenantID)), 400, 50013, "invalid_grant"},
		"on behalf, a forgery": {with("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "requested_token_use", "on_behalf_of",
			"assertion", s.Sign(s.Claims("editor"), faketenant.SignedBy(faketenant.KeyStranger))), 400, 50013, "invalid_grant"},
		"on behalf of nobody":       {with("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer", "requested_token_use", "on_behalf_of"), 400, 900144, "invalid_request"},
		"a code without a secret":   {with("grant_type", "authorization_code", "client_secret", "", "code", "x"), 401, 7000218, "invalid_client"},
		"a code that is none":       {with("grant_type", "authorization_code", "code", "x"), 400, 70000, "invalid_grant"},
		"no code":                   {with("grant_type", "authorization_code"), 400, 900144, "invalid_request"},
		"a refresh token of nobody": {with("grant_type", "refresh_token", "refresh_token", "x"), 400, 70000, "invalid_grant"},
		"no refresh token":          {with("grant_type", "refresh_token"), 400, 900144, "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, got := s.token(t, faketenant.TenantID, c.form, nil)
			if status != c.status || got["error"] != c.oauth || !cmp.Equal(got["error_codes"], []any{c.number}) {
				t.Errorf("%d %v, want %d %s AADSTS%.0f", status, got, c.status, c.oauth, c.number)
			}
		})
	}
	if status, got := s.token(t, "common", with("grant_type", credentials), nil); status != 400 || !cmp.Equal(got["error_codes"], []any{50194.0}) {
		t.Errorf("common: %d %v", status, got)
	}
	const mine = "aaaa0000-bb11-2222-33cc-444444dddddd"
	if _, got := s.token(t, faketenant.TenantID, with(), http.Header{"Client-Request-Id": {mine}}); got["correlation_id"] != mine {
		t.Errorf("correlation id %v", got["correlation_id"])
	}
	if response, _ := s.get(t, "/"+faketenant.TenantID+"/oauth2/v2.0/token"); response.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: status %d", response.StatusCode)
	}
}

func TestClientsMayAuthenticateInTheHeader(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/"+faketenant.TenantID+"/oauth2/v2.0/token",
		strings.NewReader(url.Values{"grant_type": {"client_credentials"}, "scope": {graphScope}}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(faketenant.APIClientID, url.QueryEscape(s.ClientSecret(faketenant.APIClientID)))
	response, err := s.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("status %d", response.StatusCode)
	}
}
