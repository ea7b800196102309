package faketenant_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

func TestDiscoveryDocumentsAreEntras(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	const shared = "token_endpoint token_endpoint_auth_methods_supported jwks_uri response_modes_supported " +
		"subject_types_supported id_token_signing_alg_values_supported response_types_supported scopes_supported issuer " +
		"request_uri_parameter_supported userinfo_endpoint authorization_endpoint device_authorization_endpoint " +
		"http_logout_supported frontchannel_logout_supported end_session_endpoint claims_supported kerberos_endpoint " +
		"tenant_region_scope cloud_instance_name cloud_graph_host_name msgraph_host rbac_url"
	const document = "/.well-known/openid-configuration"
	tenant := s.url + "/" + faketenant.TenantID
	for name, c := range map[string]struct {
		path, members, issuer, jwksURI string
		region                         any
	}{
		"v2":            {"/" + faketenant.TenantID + "/v2.0" + document, shared, tenant + "/v2.0", tenant + "/discovery/v2.0/keys", "EU"},
		"v2 for an app": {"/" + faketenant.TenantID + "/v2.0" + document + "?appid=a%26b", shared, tenant + "/v2.0", tenant + "/discovery/v2.0/keys?appid=a%26b", "EU"},
		"v2 common":     {"/common/v2.0" + document, shared, s.url + "/{tenantid}/v2.0", s.url + "/common/discovery/v2.0/keys", nil},
		"v2 organizations": {
			"/organizations/v2.0" + document, shared, s.url + "/{tenantid}/v2.0", s.url + "/organizations/discovery/v2.0/keys", nil,
		},
		"v1": {
			"/" + faketenant.TenantID + document, shared + " check_session_iframe",
			"https://sts.windows.net/" + faketenant.TenantID + "/", s.url + "/common/discovery/keys", "EU",
		},
		"v1 common": {
			"/common" + document, shared + " check_session_iframe",
			"https://sts.windows.net/{tenantid}/", s.url + "/common/discovery/keys", nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got map[string]any
			s.getJSON(t, c.path, http.StatusOK, &got)
			for member := range strings.FieldsSeq(c.members) {
				if _, there := got[member]; !there {
					t.Errorf("no member %s", member)
				}
			}
			if len(got) != len(strings.Fields(c.members)) {
				t.Errorf("%d members, want %d", len(got), len(strings.Fields(c.members)))
			}
			want := []any{c.issuer, c.jwksURI, c.region}
			if diff := cmp.Diff(want, []any{got["issuer"], got["jwks_uri"], got["tenant_region_scope"]}); diff != "" {
				t.Errorf("issuer, jwks_uri, region (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnknownTenantsAreRefusedAsEntraDoes(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	for _, rest := range []string{"/v2.0/.well-known/openid-configuration", "/.well-known/openid-configuration", "/discovery/v2.0/keys", "/discovery/keys"} {
		var got struct {
			Error       string `json:"error"`
			Description string `json:"error_description"`
			Codes       []int  `json:"error_codes"`
		}
		s.getJSON(t, "/"+faketenant.OtherTenantID+rest, http.StatusBadRequest, &got)
		if got.Error != "invalid_tenant" || !strings.HasPrefix(got.Description, "AADSTS90002: ") || !cmp.Equal(got.Codes, []int{90002}) {
			t.Errorf("%s: not Entra's answer: %+v", rest, got)
		}
	}
}

func TestPersonasAreListedAndGiveTokens(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	var listed []map[string]any
	s.getJSON(t, "/personas", http.StatusOK, &listed)
	var names []string
	for _, persona := range listed {
		names = append(names, persona["name"].(string))
		response, token := s.get(t, "/personas/"+persona["name"].(string)+"/token")
		claims, err := s.verify(t, string(token))
		if err != nil {
			t.Fatalf("%s: %v", persona["name"], err)
		}
		if claims["oid"] != persona["object_id"] {
			t.Errorf("%s: the token is of another object id", persona["name"])
		}
		for member, claim := range map[string]string{"groups": "groups", "app_roles": "roles"} {
			want := claims[claim]
			if persona["name"] == "crowded" && member == "groups" {
				continue // left out of the token
			}
			if want == nil {
				want = []any{}
			}
			if diff := cmp.Diff(want, persona[member]); diff != "" {
				t.Errorf("%s: %s as in the token (-token +list):\n%s", persona["name"], member, diff)
			}
		}
		if got := response.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("Cache-Control %q, want no-store", got)
		}
		if got := response.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/plain") {
			t.Errorf("Content-Type %q, want text/plain", got)
		}
	}
	if diff := cmp.Diff([]string{"reader", "editor", "crowded", "nobody", "guest", "daemon", "operator"}, names); diff != "" {
		t.Errorf("personas (-want +got):\n%s", diff)
	}
	response, body := s.get(t, "/personas/stranger/token")
	if response.StatusCode != http.StatusNotFound || !strings.Contains(string(body), "reader, editor, crowded, nobody, guest, daemon, operator") {
		t.Errorf("an unknown persona: %d %s", response.StatusCode, body)
	}
}

func TestInterceptAnswersInsteadAndHitsCountsEverything(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	s.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, "/keys") {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	if response, body := s.get(t, v2Keys); response.StatusCode != http.StatusServiceUnavailable || len(body) != 0 {
		t.Errorf("intercepted: status %d, %d bytes", response.StatusCode, len(body))
	}
	if response, _ := s.get(t, "/personas"); response.StatusCode != http.StatusOK {
		t.Errorf("left alone: status %d", response.StatusCode)
	}
	s.Intercept(nil)
	if response, _ := s.get(t, v2Keys); response.StatusCode != http.StatusOK {
		t.Errorf("after the interception: status %d", response.StatusCode)
	}
	if diff := cmp.Diff([]int{2, 3, 0}, []int{s.Hits("/keys"), s.Hits(""), s.Hits("token")}); diff != "" {
		t.Errorf("hits (-want +got):\n%s", diff)
	}
}

func TestEverythingMayHappenAtOnce(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	fetch := func(path string) {
		response, err := s.client.Get(s.url + path)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", path, response.StatusCode)
		}
	}
	var work, weather sync.WaitGroup
	done := make(chan struct{})
	for _, change := range []func(){ // each in a goroutine of its own: one's lock must not stand in for another's
		func() { s.Withdraw(faketenant.KeySecond) },
		func() { s.SetAuthority(s.url) },
		func() { s.Intercept(nil) },
		func() { s.Hits("keys") },
		func() { s.SetWeather(faketenant.PartToken, faketenant.Weather{Status: 503, Times: 2}) },
		func() { s.SetGroups(faketenant.OtherTenantID, faketenant.GroupOne) },
		func() { s.GrantGraph(faketenant.APIClientID, "User.Read.All") },
		func() { s.SetTokenLifetime(0) },
		func() { s.SetDateOffset(0) },
	} {
		weather.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					change()
				}
			}
		})
	}
	for range 4 {
		work.Go(s.Rotate)
		work.Go(func() { s.Sign(s.V1Claims("guest"), faketenant.SignedBy(faketenant.KeyStranger)) })
		work.Go(func() { fetch(v2Keys) })
		work.Go(func() { fetch("/personas/daemon/token") })
		work.Go(s.EmergencyRollover)
		work.Go(func() { s.graph(t, "none", http.MethodPost, "/me/getMemberGroups", `{}`, nil) })
	}
	work.Wait()
	close(done)
	weather.Wait()
	s.Rotate() // the first key may be among the withdrawn
	if _, err := s.verify(t, s.Sign(s.Claims("reader"))); err != nil {
		t.Errorf("after the storm: %v", err)
	}
}
