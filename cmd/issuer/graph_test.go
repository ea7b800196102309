package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant/rsatest"
)

// entraTLS is entra behind TLS, which sign-ins for Graph demand. The tenant's own client trusts it.
func entraTLS(t testing.TB) (*faketenant.Tenant, *httptest.Server) {
	t.Helper()
	tenant, err := faketenant.New(faketenant.Options{Key: rsatest.Lender(t)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(tenant)
	server.TLS = tenant.TLS()
	server.StartTLS()
	t.Cleanup(server.Close)
	tenant.SetAuthority(server.URL)
	return tenant, server
}

// TestACallerInTooManyGroupsForATokenGetsTheirRolesFromGraph: Entra leaves 250 groups out of the token, one of which a
// grant names. With Graph down it is "ask again", never fewer roles.
func TestACallerInTooManyGroupsForATokenGetsTheirRolesFromGraph(t *testing.T) {
	t.Parallel()
	tenant, server := entraTLS(t)
	settings := environ(server.URL,
		"ISSUER_ROLES_FILE="+rolesFile(t), "ISSUER_KEYS_FILE="+filepath.Join(t.TempDir(), "keys.json"),
		"ISSUER_ENTRA_CLIENT_ID="+faketenant.APIClientID, "ISSUER_ENTRA_CLIENT_SECRET="+tenant.ClientSecret(faketenant.APIClientID),
		"ISSUER_GRAPH_URL="+server.URL+"/graph", "ISSUER_GROUPS_TTL=0s", "ISSUER_GROUPS_STALE=0s")
	s := listening(t, startProgram(t, program{environ: settings, azure: tenant.Client()}, "serve"))
	s.awaitReady(t)
	token := personaToken(t, tenant, "crowded")

	if got := s.exchange(t, token); got.Status != http.StatusOK || !strings.Contains(got.Scope, "editor") {
		t.Errorf("got %d %q %q", got.Status, got.Reason, got.Scope)
	}
	tenant.SetWeather(faketenant.PartGraph, faketenant.Weather{Status: http.StatusServiceUnavailable})
	if got := s.exchange(t, token); got.Status != http.StatusServiceUnavailable || got.Reason != "groups_unavailable" || got.RetryAfter == "" {
		t.Errorf("with Graph down: %d %q, Retry-After %q", got.Status, got.Reason, got.RetryAfter)
	}
	s.awaitBody(t, "/readyz", `"graph":"does not work`)
	if log := s.stderr.String(); strings.Contains(log, token) || strings.Contains(log, tenant.ClientSecret(faketenant.APIClientID)) {
		t.Error("a secret stands in the log")
	}
}

// machine is a way to the tenant that also answers as the machine's own endpoint of identities does.
type machine struct {
	http.RoundTripper
	token   string
	clients chan string // whose token was asked for
}

// RoundTrip is http.RoundTripper's.
func (m machine) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "identity.example" {
		return m.RoundTripper.RoundTrip(r)
	}
	m.clients <- r.URL.Query().Get("client_id")
	w := httptest.NewRecorder()
	fmt.Fprintf(w, `{"access_token":%q,"expires_on":%q,"token_type":"Bearer"}`, m.token, time.Now().Add(time.Hour).Format(time.RFC3339Nano))
	return w.Result(), nil
}

// TestAManagedIdentityAsksGraph: where the machine's identities are to be had stands in the environment of the process,
// which is one for all tests, so it runs beside no other.
func TestAManagedIdentityAsksGraph(t *testing.T) {
	tenant, server := entraTLS(t)
	way := machine{tenant.Client().Transport, graphToken(t, tenant, server.URL), make(chan string, 10)}
	t.Setenv("IDENTITY_ENDPOINT", "http://identity.example/token")
	t.Setenv("IDENTITY_HEADER", "secret of the machine")
	for identity, client := range map[string]string{"system": "", strings.ToUpper(faketenant.APIClientID): faketenant.APIClientID} {
		settings := onFiles(t, server.URL, "ISSUER_ENTRA_MANAGED_IDENTITY="+identity, "ISSUER_GRAPH_URL="+server.URL+"/graph")
		s := listening(t, startProgram(t, program{environ: settings, azure: &http.Client{Transport: way}}, "serve"))
		s.awaitReady(t)
		if got := s.exchange(t, personaToken(t, tenant, "crowded")); got.Status != http.StatusOK || got.Scope != "editor" {
			t.Errorf("%s: got %d %q %q\n%s", identity, got.Status, got.Reason, got.Scope, s.stderr)
		}
		if asked := <-way.clients; asked != client {
			t.Errorf("%s: a token of %q was asked for, want one of %q", identity, asked, client)
		}
		wantMetric(t, s, `issuer_graph_answers_total{source="graph"} 1`)
	}
}

// graphToken is a token for Graph at authority, as the API's app gets one.
func graphToken(t *testing.T, tenant *faketenant.Tenant, authority string) string {
	t.Helper()
	response, err := tenant.Client().PostForm(authority+"/"+faketenant.TenantID+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {faketenant.APIClientID},
		"client_secret": {tenant.ClientSecret(faketenant.APIClientID)}, "scope": {authority + "/graph/.default"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
	}
	if err := json.UnmarshalRead(response.Body, &answer); err != nil || answer.Token == "" {
		t.Fatalf("%s, no token: %v", response.Status, err)
	}
	return answer.Token
}

func TestTwoWaysToGraphAreOneFault(t *testing.T) {
	t.Parallel()
	for want, settings := range map[string][]string{
		"ISSUER_ENTRA_MANAGED_IDENTITY and ISSUER_ENTRA_CLIENT_SECRET are set at once": {"ISSUER_ENTRA_MANAGED_IDENTITY=system", "ISSUER_ENTRA_CLIENT_SECRET=hunter2"},
		"ISSUER_ENTRA_CLIENT_SECRET and AZURE_FEDERATED_TOKEN_FILE are set at once":    {"ISSUER_ENTRA_CLIENT_ID=" + faketenant.APIClientID, "ISSUER_ENTRA_CLIENT_SECRET=hunter2", "AZURE_FEDERATED_TOKEN_FILE=/run/token"},
		`ISSUER_ENTRA_MANAGED_IDENTITY is "machine"; it wants system`:                  {"ISSUER_ENTRA_MANAGED_IDENTITY=machine"},
		"ISSUER_KEYVAULT_TENANT is not set; it wants the id":                           {"ISSUER_ENTRA_MANAGED_IDENTITY=system", "ISSUER_ENTRA_TENANTS=" + faketenant.TenantID + "," + faketenant.OtherTenantID, "ISSUER_ADMIN_TENANTS=" + faketenant.TenantID},
		"ISSUER_GRAPH_URL is not set; it wants the base URL of Microsoft Graph, since": {"ISSUER_ENTRA_MANAGED_IDENTITY=system", "ISSUER_ENTRA_AUTHORITY=https://login.example.com"},
	} {
		_, err := load(fileSettings(settings...), needService)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v:\n%v, want\n%s", settings, err, want)
		}
	}
}

// TestHalfAnIdentityIsAFault: who sets one half means Graph to be asked, and nobody would ask it.
func TestHalfAnIdentityIsAFault(t *testing.T) {
	t.Parallel()
	const id = "ISSUER_ENTRA_CLIENT_ID=" + faketenant.APIClientID
	for want, settings := range map[string][]string{
		"ISSUER_ENTRA_CLIENT_SECRET is set without ISSUER_ENTRA_CLIENT_ID, the client id":      {"ISSUER_ENTRA_CLIENT_SECRET=hunter2"},
		"ISSUER_ENTRA_CLIENT_CERTIFICATE_FILE is set without ISSUER_ENTRA_CLIENT_ID":           {"ISSUER_ENTRA_CLIENT_CERTIFICATE_FILE=/run/issuer.pem"},
		"ISSUER_ENTRA_CLIENT_ID is set without a credential: set ISSUER_ENTRA_CLIENT_SECRET":   {id},
		"ISSUER_ENTRA_CLIENT_SECRET has the form of a Secret ID; it wants the secret's Value":  {id, "ISSUER_ENTRA_CLIENT_SECRET=0a9b8c7d-6e5f-4a3b-8c1d-2e3f4a5b6c22"},
		"ISSUER_ENTRA_CLIENT_SECRET_FILE names no file that can be read (no such file or dire": {id, "ISSUER_ENTRA_CLIENT_SECRET_FILE=/none"},
	} {
		_, err := load(fileSettings(settings...), needService)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "0a9b8c7d") {
			t.Errorf("%v:\n%v, want\n%s", settings, err, want)
		}
	}
	for _, sound := range [][]string{
		{"AZURE_FEDERATED_TOKEN_FILE=/run/token"}, {id, "AZURE_FEDERATED_TOKEN_FILE=/run/token"}, {id, "ISSUER_ENTRA_MANAGED_IDENTITY=system"},
	} {
		if _, err := load(fileSettings(sound...), needService); err != nil {
			t.Errorf("%v: %v", sound, err)
		}
	}
}

func TestAnAppThatCannotAskGraphIsAFaultOfTheSettings(t *testing.T) {
	t.Parallel()
	files := []string{"ISSUER_ROLES_FILE=" + rolesFile(t), "ISSUER_KEYS_FILE=" + filepath.Join(t.TempDir(), "keys.json")}
	for name, setting := range map[string]string{
		"a certificate that is not there": "ISSUER_ENTRA_CLIENT_CERTIFICATE_FILE=" + filepath.Join(t.TempDir(), "none.pem"),
		"groups stale before their time":  "ISSUER_GROUPS_STALE=1m",
		"a Graph in the clear":            "ISSUER_GRAPH_URL=http://graph.example.com",
	} {
		settings := environ("https://login.microsoftonline.com", append(files, "ISSUER_ENTRA_CLIENT_ID="+faketenant.APIClientID, setting)...)
		variable, _, _ := strings.Cut(setting, "=")
		if code, _, stderr := execute(t, settings, "check"); code != exitUsage || !strings.Contains(stderr, variable) {
			t.Errorf("%s: exit code %d, %s", name, code, stderr)
		}
	}
}
