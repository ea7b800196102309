package faketenant_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// TestWhatIsWrongInThePortalIsToldAsEntraTellsIt: error, status, number and the beginning of the sentence are Entra's own, as
// people quote them in public.
func TestWhatIsWrongInThePortalIsToldAsEntraTellsIt(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	for number, want := range map[int]struct {
		status       int
		oauth, words string
	}{
		7000215: {http.StatusUnauthorized, "invalid_client", "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID"},
		7000222: {http.StatusUnauthorized, "invalid_client", "The provided client secret keys for app '…' are expired. Visit the Azure portal"},
		7000229: {http.StatusUnauthorized, "invalid_client", "The client application … is missing service principal in the tenant …."},
		7000112: {http.StatusBadRequest, "unauthorized_client", "Application '…'(…) is disabled."},
		700016:  {http.StatusBadRequest, "unauthorized_client", "Application with identifier '…' was not found in the directory"},
		700211:  {http.StatusUnauthorized, "invalid_client", "No matching federated identity record found for presented assertion issuer '…'."},
		90002:   {http.StatusBadRequest, "invalid_request", "Tenant '…' not found. Check to make sure you have the correct tenant ID"},
		500011:  {http.StatusBadRequest, "invalid_resource", "The resource principal named … was not found in the tenant"},
		65001:   {http.StatusBadRequest, "invalid_grant", "The user or administrator has not consented to use the application with ID '…'"},
	} {
		s.SetWeather(faketenant.PartToken, faketenant.Weather{AADSTS: number})
		status, body := s.token(t, faketenant.TenantID, url.Values{"grant_type": {"client_credentials"}}, nil)
		description, _ := body["error_description"].(string)
		codes, _ := body["error_codes"].([]any)
		if status != want.status || body["error"] != want.oauth || !strings.HasPrefix(description, fmt.Sprintf("AADSTS%d: %s", number, want.words)) ||
			!strings.Contains(description, " Trace ID: ") || len(codes) != 1 || codes[0] != float64(number) {
			t.Errorf("%d: %d %v", number, status, body)
		}
	}
}

func TestGraphListsAGroupToWhoMayReadGroups(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	const scope, path = "https://graph.microsoft.com/.default", "/groups?$select=id&$top=1"
	for permission, want := range map[string]int{
		"GroupMember.Read.All": http.StatusOK, "Group.Read.All": http.StatusOK, "Directory.Read.All": http.StatusOK, "User.Read.All": http.StatusForbidden,
	} {
		s.GrantGraph(faketenant.APIClientID, permission)
		response, body := s.graph(t, s.tokenFor(t, faketenant.APIClientID, scope), http.MethodGet, path, "", nil)
		if response.StatusCode != want || (want == http.StatusOK) != strings.Contains(string(body), faketenant.GroupOne) {
			t.Errorf("%s: %d %s", permission, response.StatusCode, body)
		}
	}
	if response, _ := s.graph(t, "", http.MethodGet, path, "", nil); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %d", response.StatusCode)
	}
}
