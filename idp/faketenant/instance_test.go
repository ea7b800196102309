package faketenant_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

func instanceOf(endpoint string) string {
	return "/common/discovery/instance?api-version=1.1&authorization_endpoint=" + url.QueryEscape(endpoint)
}

func TestInstanceDiscoveryAnswersAsRecorded(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	s.SetAuthority("https://login.microsoftonline.com")
	var want, got map[string]any
	if err := json.Unmarshal(collected(t).Discovery["instance_discovery"].Body, &want); err != nil {
		t.Fatal(err)
	}
	s.getJSON(t, instanceOf("https://login.microsoftonline.com/"+faketenant.TenantID+"/oauth2/v2.0/authorize"), http.StatusOK, &got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the global cloud (-want +got):\n%s", diff)
	}
	invalid := collected(t).Discovery["instance_discovery_invalid"]
	want, got = nil, nil
	if err := json.Unmarshal(invalid.Body, &want); err != nil {
		t.Fatal(err)
	}
	for _, stranger := range []string{"https://evil.example/x/oauth2/v2.0/authorize", "", "%"} {
		s.getJSON(t, instanceOf(stranger), invalid.Status, &got)
		sameShape(t, want, got)
	}
}

func TestTheTenantsOwnHostIsACloudOfItsOwn(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	own, _ := url.Parse(s.url)
	var got struct {
		Endpoint string `json:"tenant_discovery_endpoint"`
		Metadata []struct{ Aliases []string }
	}
	s.getJSON(t, instanceOf(s.url+"/common/oauth2/v2.0/authorize"), http.StatusOK, &got)
	if got.Endpoint != s.url+"/common/v2.0/.well-known/openid-configuration" || len(got.Metadata) != 1 || got.Metadata[0].Aliases[0] != own.Host {
		t.Errorf("got %+v", got)
	}
}
