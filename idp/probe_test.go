package idp_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

func probe(t *testing.T, verifier *idp.Verifier) []idp.Probe {
	t.Helper()
	return verifier.Probe(t.Context())
}

func TestAProbeTellsOfEachVersionOfATenantsTokens(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	got := probe(t, e.verifier(t))
	want := []idp.Probe{
		{Publisher: "tenant " + faketenant.TenantID, Version: "2.0", Issuer: globalCloud + "/" + faketenant.TenantID + "/v2.0"},
		{Publisher: "tenant " + faketenant.TenantID, Version: "1.0", Issuer: "https://sts.windows.net/" + faketenant.TenantID + "/"},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(idp.Probe{}, "Keys")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got[0].Keys < 3 || got[0].Keys != got[1].Keys {
		t.Errorf("%d keys of v2.0 and %d of v1.0 tokens", got[0].Keys, got[1].Keys)
	}
}

func TestAProbeOfAnIssuerTrustedByNameIsOne(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	e.publishes(t, ciamIssuer+"/.well-known/openid-configuration", ciamIssuer, "")
	got := probe(t, e.verifier(t, func(c *idp.Config) {
		c.Tenants, c.Issuers = nil, []idp.Issuer{{TenantID: ciamTenant, URL: ciamIssuer}}
	}))
	if len(got) != 1 || got[0].Version != "" || got[0].Issuer != ciamIssuer || got[0].Keys == 0 || got[0].Err != nil {
		t.Errorf("got %+v", got)
	}
}

// A preset may be wrong about a cloud, and Entra may refuse: both are told before the first token comes.
func TestAProbeSaysWhatIsWrongWithTheDocuments(t *testing.T) {
	t.Parallel()
	const v1 = "/" + faketenant.TenantID + "/.well-known/openid-configuration"
	for name, test := range map[string]struct {
		path    string // whose answer is another one
		instead func(body string) (int, string)
		version string // of the probe that fails
		want    []string
	}{
		"the v1.0 issuer is another one": {
			v1, func(body string) (int, string) {
				return 200, strings.ReplaceAll(body, "sts.windows.net", "sts.example")
			}, "1.0",
			[]string{"https://sts.example/", "https://sts.windows.net/"},
		},
		"there is no v1.0 document": {v1, func(string) (int, string) { return 404, "" }, "1.0", []string{"404"}},
		"the v1.0 keys are elsewhere": {
			v1, func(body string) (int, string) {
				return 200, strings.ReplaceAll(body, globalCloud, "https://elsewhere.example")
			}, "1.0", []string{"jwks_uri"},
		},
		"v1.0 has keys of its own": {
			"/" + faketenant.TenantID + "/discovery/v2.0/keys",
			func(body string) (int, string) {
				first, _, _ := strings.Cut(body, "},{")
				return 200, first + "}]}"
			}, "1.0",
			[]string{"keys that those of v2.0 tokens lack"},
		},
		"no such tenant": {
			"/v2.0/.well-known/openid-configuration",
			func(string) (int, string) {
				return 400, `{"error":"invalid_tenant","error_description":"AADSTS90002: Tenant 'x' not found. secret-canary"}`
			}, "2.0",
			[]string{"answered 400 (AADSTS90002); there is no such tenant"},
		},
		"an answer of nobody's": {"/v2.0/.well-known/openid-configuration", func(string) (int, string) { return 502, "<html>secret-canary" }, "2.0", []string{"answered 502"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEntra(t)
			e.intercept(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, test.path) {
					return false
				}
				status, body := test.instead(answerOf(t, e.Tenant, r.URL.Path))
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
				return true
			})
			failed := false
			for _, got := range probe(t, e.verifier(t)) {
				if got.Version != test.version {
					if got.Err != nil {
						t.Errorf("v%s: %v", got.Version, got.Err)
					}
					continue
				}
				failed = got.Err != nil
				for _, want := range test.want {
					if got.Err == nil || !strings.Contains(got.Err.Error(), want) || strings.Contains(got.Err.Error(), "canary") {
						t.Errorf("v%s: %v, want %q", got.Version, got.Err, want)
					}
				}
			}
			if !failed {
				t.Error("nothing failed")
			}
		})
	}
}

func TestALookTellsWhatATokenSaysOfItself(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	v2, ok := idp.Look(e.Sign(e.user(map[string]any{"tid": strings.ToUpper(faketenant.TenantID)}), faketenant.SignedBy(faketenant.KeyStranger)))
	want := idp.Glance{
		Version: "2.0", Issuer: globalCloud + "/" + faketenant.TenantID + "/v2.0", Audience: faketenant.APIClientID, TenantID: faketenant.TenantID,
		ObjectID: "77d9ebf1-80a2-4ce4-b618-caf0de164707", ClientID: faketenant.SPAClientID, HasScope: true,
	}
	if diff := cmp.Diff(want, v2); diff != "" || !ok {
		t.Errorf("v2.0 (-want +got):\n%s", diff)
	}
	v1, ok := idp.Look(e.Sign(e.V1Claims("daemon"), faketenant.WithHeader("nonce", "x")))
	if !ok || v1.Version != "1.0" || v1.ClientID != faketenant.DaemonClientID || v1.HasScope || !v1.HasRoles || !v1.Nonce {
		t.Errorf("v1.0: %+v", v1)
	}
	none, ok := idp.Look(e.Sign(e.user(map[string]any{"tid": "contoso", "oid": 7, "aud": []string{"x"}})))
	if !ok || none.TenantID != "" || none.ObjectID != "" || none.Audience != "" {
		t.Errorf("claims of other forms: %+v", none)
	}
	for _, raw := range []string{"", "x", "a.b.c", strings.Repeat("a", 40<<10)} {
		if seen, ok := idp.Look(raw); ok || seen != (idp.Glance{}) {
			t.Errorf("%.10q: %+v", raw, seen)
		}
	}
}
