package faketenant_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

type recorded struct {
	Status  int
	Headers map[string]string
	Body    json.RawMessage
}

type collection struct {
	TokenEndpoint map[string]json.RawMessage `json:"token_endpoint"`
	Graph         map[string]json.RawMessage
	Discovery     map[string]recorded
}

func collected(t *testing.T) collection {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("..", "testdata", "claims.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all collection
	if err := json.Unmarshal(file, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func sameShape(t *testing.T, want, got map[string]any) {
	t.Helper()
	for _, name := range []string{"error", "error_codes", "suberror", "claims"} {
		if _, promised := want[name]; !promised && name == "error_codes" {
			continue
		}
		if diff := cmp.Diff(want[name], got[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	description, _ := got["error_description"].(string)
	number, _, _ := strings.Cut(want["error_description"].(string), ":")
	if !strings.HasPrefix(description, number+": ") {
		t.Errorf("description %q, want one of %s", description, number)
	}
	for _, part := range []string{"Trace ID: " + got["trace_id"].(string), "Correlation ID: " + got["correlation_id"].(string), "Timestamp: " + got["timestamp"].(string)} {
		if !strings.Contains(description, part) {
			t.Errorf("the description %q does not say %s", description, part)
		}
	}
	if uri, _ := got["error_uri"].(string); !strings.HasSuffix(uri, "/error?code="+strings.TrimPrefix(number, "AADSTS")) {
		t.Errorf("error_uri %q", uri)
	}
}

func TestTheTokenEndpointRefusesAsRecorded(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	secret := s.ClientSecret(faketenant.APIClientID)
	with := func(change url.Values) url.Values {
		form := url.Values{
			"grant_type": {"client_credentials"}, "client_id": {faketenant.APIClientID}, "client_secret": {secret}, "scope": {graphScope},
		}
		maps.Copy(form, change)
		return form
	}
	onBehalf := func(token, scope string) url.Values {
		return with(url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "requested_token_use": {"on_behalf_of"},
			"assertion": {token}, "scope": {scope},
		})
	}
	user, old := s.Claims("editor"), s.Claims("editor")
	old["exp"] = time.Now().Unix() - 1
	workload := url.Values{
		"client_secret": nil, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion": {s.Sign(map[string]any{"iss": cluster, "sub": "x", "aud": "api://AzureADTokenExchange"})},
	}
	provoke := map[float64]url.Values{
		7000215: with(url.Values{"client_secret": {"wrong"}}),
		7000222: with(url.Values{"client_secret": {s.AddSecret(faketenant.APIClientID, 0)}}),
		700016:  with(url.Values{"client_id": {faketenant.OtherTenantID}}),
		90002:   with(nil),
		65001:   onBehalf(s.Sign(user), "https://graph.microsoft.com/Mail.Read"),
		50076:   with(nil),
		500133:  onBehalf(s.Sign(old), "https://graph.microsoft.com/User.Read"),
		70021:   with(workload),
		1002012: with(url.Values{"scope": {"https://graph.microsoft.com/User.Read"}}),
	}
	var errors []recorded
	if err := json.Unmarshal(collected(t).TokenEndpoint["errors"], &errors); err != nil {
		t.Fatal(err)
	}
	for _, e := range errors {
		weather, segment, form := faketenant.Weather{}, faketenant.TenantID, with(nil)
		var want map[string]any
		if e.Status == http.StatusServiceUnavailable {
			s.SetWeather(faketenant.PartToken, faketenant.Weather{Status: e.Status, Times: 1})
			request, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/"+segment+"/oauth2/v2.0/token", nil)
			response, err := s.client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != e.Status || response.ContentLength != 0 {
				t.Errorf("503: status %d, %d bytes", response.StatusCode, response.ContentLength)
			}
			continue
		}
		if err := json.Unmarshal(e.Body, &want); err != nil {
			t.Fatal(err)
		}
		if codes, numbered := want["error_codes"].([]any); numbered {
			number := codes[0].(float64)
			form = provoke[number]
			switch number {
			case 90002:
				segment = faketenant.OtherTenantID
			case 50076:
				weather = faketenant.Weather{AADSTS: 50076, Times: 1}
			}
			if form == nil {
				t.Errorf("nothing provokes AADSTS%.0f", number)
				continue
			}
		}
		if e.Status == http.StatusTooManyRequests {
			weather = faketenant.Weather{Status: e.Status, RetryAfter: 17 * time.Second, Times: 1}
		}
		s.SetWeather(faketenant.PartToken, weather)
		response, got := s.tokenResponse(t, segment, form, nil)
		if response.StatusCode != e.Status || response.Header.Get("Retry-After") != e.Headers["Retry-After"] {
			t.Errorf("%s: status %d, Retry-After %q; want %d, %q", e.Body, response.StatusCode, response.Header.Get("Retry-After"), e.Status, e.Headers["Retry-After"])
		}
		sameShape(t, want, got)
	}
}

func TestAnswersOfTheTokenEndpointHaveEntrasMembers(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	token, err := s.Token("reader")
	if err != nil {
		t.Fatal(err)
	}
	app := url.Values{"client_id": {faketenant.APIClientID}, "client_secret": {s.ClientSecret(faketenant.APIClientID)}}
	credentials := url.Values{"grant_type": {"client_credentials"}, "scope": {graphScope}}
	for name, c := range map[string]struct {
		life time.Duration
		form url.Values
	}{
		"client_credentials_ok":                 {0, credentials},
		"client_credentials_ok_with_refresh_in": {24 * time.Hour, credentials},
		"obo_ok": {4212 * time.Second, url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "requested_token_use": {"on_behalf_of"}, "assertion": {token},
			"scope": {"https://graph.microsoft.com/User.Read https://graph.microsoft.com/GroupMember.Read.All offline_access"}, "client_info": {"1"},
		}},
	} {
		var golden recorded
		if err := json.Unmarshal(collected(t).TokenEndpoint[name], &golden); err != nil {
			t.Fatal(err)
		}
		var want map[string]any
		if err := json.Unmarshal(golden.Body, &want); err != nil {
			t.Fatal(err)
		}
		maps.Copy(c.form, app)
		s.SetTokenLifetime(c.life)
		status, got := s.token(t, faketenant.TenantID, c.form, nil)
		for member, value := range want {
			if text, madeUp := value.(string); madeUp && strings.HasPrefix(text, "<") && got[member] != nil {
				want[member] = got[member]
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || status != http.StatusOK {
			t.Errorf("%s: status %d (-want +got):\n%s", name, status, diff)
		}
	}
}
