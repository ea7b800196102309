package idp_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// elsewhere is a sign-in host that is no cloud we know.
const elsewhere = "https://login.sovereign.example"

// speaksOf makes the tenant's documents and keys say that they are of another sign-in host. change may alter them further.
func (e *entra) speaksOf(t *testing.T, authority string, change func(r *http.Request, body string) string) {
	t.Helper()
	e.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		body := strings.ReplaceAll(answerOf(t, e.Tenant, r.URL.RequestURI()), globalCloud, authority)
		if change != nil {
			body = change(r, body)
		}
		text(body)(w, r)
		return true
	})
}

// v2Of is the exact issuer of the tenant's v2.0 tokens at a sign-in host.
func v2Of(authority string) string { return authority + "/" + faketenant.TenantID + "/v2.0" }

func TestTheOtherNamesOfACloudLeadToItsPreset(t *testing.T) {
	t.Parallel()
	for alias, authority := range map[string]string{
		"https://login.windows.net":        globalCloud,
		"https://login.microsoft.com/":     globalCloud,
		"https://LOGIN.usgovcloudapi.net":  "https://login.microsoftonline.us",
		"https://login.chinacloudapi.cn":   "https://login.partner.microsoftonline.cn",
		"https://login.microsoftonline.us": "https://login.microsoftonline.us",
	} {
		t.Run(alias, func(t *testing.T) {
			t.Parallel()
			e := newEntra(t)
			verifier := e.verifier(t, func(c *idp.Config) { c.Authority = alias })
			e.speaksOf(t, authority, func(r *http.Request, body string) string {
				if "https://"+r.Host != authority {
					t.Errorf("%s was asked", r.Host)
				}
				return body
			})
			wantVerdict(t, verifier, e.Sign(e.user(map[string]any{"iss": v2Of(authority)})), "accepted")
			wantVerdict(t, verifier, e.Sign(e.user(map[string]any{"iss": v2Of(strings.TrimSuffix(alias, "/")) + "/"})), "issuer_unknown")
		})
	}
}

func TestAPresetsIssuersCanBeOverridden(t *testing.T) {
	t.Parallel()
	const v1, v2 = "https://sts.sovereign.example/{tenantid}/", elsewhere + "/{tenantid}/v2.0"
	tests := map[string]struct {
		authority, v1, v2  string
		says               string // the host that the documents speak of
		user, userOfPreset string // verdicts on a v2.0 token of v2, and of the authority's own
		old, oldOfPreset   string // verdicts on a v1.0 token of v1, and of the global cloud's
	}{
		"v1 of a known cloud":          {globalCloud, v1, "", globalCloud, "issuer_unknown", "accepted", "accepted", "issuer_unknown"},
		"v2 of a known cloud":          {globalCloud, "", v2, elsewhere, "accepted", "issuer_unknown", "issuer_unknown", "accepted"},
		"v2, but the document says no": {globalCloud, "", v2, globalCloud, "unavailable", "issuer_unknown", "issuer_unknown", "unavailable"},
		"both of an unknown one":       {elsewhere, v1, v2, elsewhere, "accepted", "accepted", "accepted", "issuer_unknown"},
		"v2 alone of an unknown one":   {elsewhere, "", v2, elsewhere, "accepted", "accepted", "issuer_unknown", "issuer_unknown"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEntra(t)
			e.speaksOf(t, test.says, func(r *http.Request, body string) string {
				if strings.HasSuffix(r.URL.Path, "configuration") && !strings.Contains(r.URL.Path, "v2.0") {
					t.Error("issuers that are configured were asked for")
				}
				return strings.Replace(body, `"jwks_uri":"`+test.says, `"jwks_uri":"`+test.authority, 1)
			})
			verifier := e.verifier(t, func(c *idp.Config) { c.Authority, c.V1Issuer, c.V2Issuer = test.authority, test.v1, test.v2 })
			_ = verifier.Refresh(t.Context()) // fails in one case
			wantVerdict(t, verifier, e.Sign(e.user(map[string]any{"iss": v2Of(elsewhere)})), test.user)
			wantVerdict(t, verifier, e.Sign(e.user(map[string]any{"iss": v2Of(test.authority)})), test.userOfPreset)
			old := map[string]any{"iss": strings.ReplaceAll(v1, "{tenantid}", faketenant.TenantID)}
			wantVerdict(t, verifier, e.Sign(altered(e.V1Claims("nobody"), old)), test.old)
			wantVerdict(t, verifier, e.Sign(e.V1Claims("nobody")), test.oldOfPreset)
		})
	}
}

func TestAnAppsOwnSigningKeyIsAskedForByItsID(t *testing.T) {
	t.Parallel()
	const query = "appid=" + faketenant.APIClientID
	for name, authority := range map[string]string{"a known cloud": globalCloud, "an unknown one": elsewhere} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEntra(t)
			e.speaksOf(t, authority, func(r *http.Request, body string) string {
				if r.URL.RawQuery != query {
					t.Errorf("%s was asked for with %q, want %s", r.URL.Path, r.URL.RawQuery, query)
				}
				return strings.ReplaceAll(body, "?"+query, "") // as if the document had forgotten it
			})
			verifier := e.verifier(t, func(c *idp.Config) {
				c.Authority, c.SigningKeyAppID = authority, strings.ToUpper(faketenant.APIClientID)
			})
			wantVerdict(t, verifier, e.Sign(e.user(map[string]any{"iss": v2Of(authority)})), "accepted")
			wantFetches(t, e, 1)
		})
	}
}

func TestANamedIssuersDocumentCarriesTheAppToItsKeys(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	metadata := ciamIssuer + "/.well-known/openid-configuration?appid=x"
	e.publishes(t, metadata, ciamIssuer, "")
	var asked []string
	published := e.instead
	e.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		asked = append(asked, r.URL.RawQuery) // one request after the other
		return published(w, r)
	})
	verifier := e.verifier(t, func(c *idp.Config) {
		c.Issuers = []idp.Issuer{{TenantID: ciamTenant, URL: ciamIssuer, Metadata: metadata}}
	})
	wantVerdict(t, verifier, e.Sign(payloadOf(t, "external_id_ciam_user")), "accepted")
	if got := strings.Join(asked, " "); got != "appid=x appid=x" {
		t.Errorf("the queries were %q", got)
	}
}
