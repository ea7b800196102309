package main

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// TestACallerInTooManyGroupsForATokenGetsTheirRolesFromGraph: Entra leaves 250 groups out of the token, one of which a
// grant names. With Graph down it is "ask again", never fewer roles.
func TestACallerInTooManyGroupsForATokenGetsTheirRolesFromGraph(t *testing.T) {
	t.Parallel()
	tenant, err := faketenant.New(faketenant.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(tenant)
	server.TLS = tenant.TLS()
	server.StartTLS()
	t.Cleanup(server.Close)
	tenant.SetAuthority(server.URL)
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
