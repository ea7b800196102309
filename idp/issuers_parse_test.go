package idp_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp"
)

func TestIssuersAreParsed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want idp.Issuer
		err  string
	}{
		"an issuer":                  {" " + ciamTenant + " = " + ciamIssuer + "\n", idp.Issuer{TenantID: ciamTenant, URL: ciamIssuer}, ""},
		"with its document":          {b2cTenant + "=" + b2cIssuer + "  " + b2cPolicy, idp.Issuer{TenantID: b2cTenant, URL: b2cIssuer, Metadata: b2cPolicy}, ""},
		"with a query in the latter": {b2cTenant + "=" + b2cIssuer + " " + b2cHost + "/x?p=y", idp.Issuer{TenantID: b2cTenant, URL: b2cIssuer, Metadata: b2cHost + "/x?p=y"}, ""},
		"of one policy":              {b2cTenant + "=" + tfpIssuer, idp.Issuer{TenantID: b2cTenant, URL: tfpIssuer}, ""},
		"a stand-in":                 {b2cTenant + "=http://127.0.0.1:8443/x", idp.Issuer{TenantID: b2cTenant, URL: "http://127.0.0.1:8443/x"}, ""},
		"nothing":                    {"", idp.Issuer{}, "want <tenant id>=<issuer>"},
		"no issuer":                  {ciamTenant + "=", idp.Issuer{}, "want <tenant id>=<issuer>"},
		"no tenant":                  {ciamIssuer, idp.Issuer{}, "want <tenant id>=<issuer>"},
		"a word too many":            {ciamTenant + "=" + ciamIssuer + " a b", idp.Issuer{}, "want <tenant id>=<issuer>"},
		"a tenant by name":           {"contoso=" + ciamIssuer, idp.Issuer{}, "tenant id is not a GUID"},
		"no address":                 {ciamTenant + "=ciamlogin.com", idp.Issuer{}, "the issuer: want https"},
		"no TLS":                     {ciamTenant + "=http://contoso.ciamlogin.com", idp.Issuer{}, "the issuer: want https"},
		"a host in upper case":       {ciamTenant + "=https://Contoso.ciamlogin.com/x", idp.Issuer{}, "lower case"},
		"a path written oddly":       {ciamTenant + "=https://contoso.ciamlogin.com/a|b", idp.Issuer{}, "plain address"},
		"a user":                     {ciamTenant + "=https://a@contoso.ciamlogin.com/x", idp.Issuer{}, "the issuer: want no user and password"},
		"an empty fragment":          {ciamTenant + "=" + ciamIssuer + "#", idp.Issuer{}, "the issuer: want no fragment"},
		"a fragment":                 {ciamTenant + "=" + ciamIssuer + "#x", idp.Issuer{}, "the issuer: want no fragment"},
		"a query":                    {ciamTenant + "=" + ciamIssuer + "?x=y", idp.Issuer{}, "want no query"},
		"an empty query":             {ciamTenant + "=" + ciamIssuer + "?", idp.Issuer{}, "want no query"},
		"a template":                 {ciamTenant + "=https://x.example/{tenantid}", idp.Issuer{}, "in place of {tenantid}"},
		"its discovery document":     {ciamTenant + "=" + ciamIssuer + "/.well-known/openid-configuration", idp.Issuer{}, "the issuer: want the iss of its tokens"},
		"two by a semicolon":         {ciamTenant + "=" + ciamIssuer + ";" + b2cTenant + "=" + tfpIssuer, idp.Issuer{}, "want commas"},
		"by name, and its document":  {ciamTenant + "=" + ciamIssuer + " https://contoso.ciamlogin.com/" + ciamTenant + "/v2.0/.well-known/openid-configuration", idp.Issuer{TenantID: ciamTenant, URL: ciamIssuer, Metadata: "https://contoso.ciamlogin.com/" + ciamTenant + "/v2.0/.well-known/openid-configuration"}, ""},
		"a cloud's sign-in host":     {ciamTenant + "=" + globalCloud + "/" + ciamTenant + "/v2.0", idp.Issuer{}, "is a cloud's"},
		"a cloud's token service":    {ciamTenant + "=https://sts.windows.net/" + ciamTenant + "/", idp.Issuer{}, "is a cloud's"},
		"a cloud's other name":       {ciamTenant + "=https://login.chinacloudapi.cn/x", idp.Issuer{}, "is a cloud's"},
		"B2C without policy":         {b2cTenant + "=" + b2cIssuer, idp.Issuer{}, "is that of every policy of a B2C tenant"},
		"B2C, a document of all":     {b2cTenant + "=" + b2cIssuer + " " + b2cHost + "/contosob2c.onmicrosoft.com/v2.0/.well-known/openid-configuration", idp.Issuer{}, "is that of every policy of a B2C tenant"},
		"B2C, two policies":          {b2cTenant + "=" + b2cIssuer + " " + b2cPolicy + "?p=B2C_1_other", idp.Issuer{}, "want the name of one policy"},
		"B2C, the same one twice":    {b2cTenant + "=" + b2cIssuer + " " + b2cPolicy + "?p=b2c_1_SignUpSignIn1", idp.Issuer{TenantID: b2cTenant, URL: b2cIssuer, Metadata: b2cPolicy + "?p=b2c_1_SignUpSignIn1"}, ""},
		"B2C, a policy by no name":   {b2cTenant + "=" + b2cIssuer + " " + b2cHost + "/x?p=", idp.Issuer{}, "want the name of one policy"},
		"another tenant's host":      {ciamTenant + "=https://" + b2cTenant + ".ciamlogin.com/x/v2.0", idp.Issuer{}, "the issuer: the GUID in it is not the tenant id"},
		"another tenant's path":      {ciamTenant + "=" + tfpIssuer, idp.Issuer{}, "the issuer: the GUID in it is not the tenant id"},
		"a second tenant's path":     {ciamTenant + "=https://" + ciamTenant + ".ciamlogin.com/" + b2cTenant + "/v2.0", idp.Issuer{}, "the issuer: the GUID in it is not the tenant id"},
		"its own in upper case":      {ciamTenant + "=https://x.ciamlogin.com/" + strings.ToUpper(ciamTenant) + "/v2.0", idp.Issuer{TenantID: ciamTenant, URL: "https://x.ciamlogin.com/" + strings.ToUpper(ciamTenant) + "/v2.0"}, ""},
		"another tenant's document":  {ciamTenant + "=" + ciamIssuer + " " + b2cHost + "/" + b2cTenant + "/x", idp.Issuer{}, "the discovery document: the GUID in its address"},
		"an app in the query":        {ciamTenant + "=" + ciamIssuer + " " + b2cHost + "/x?appid=" + b2cTenant, idp.Issuer{TenantID: ciamTenant, URL: ciamIssuer, Metadata: b2cHost + "/x?appid=" + b2cTenant}, ""},
		"a document without TLS":     {ciamTenant + "=" + ciamIssuer + " http://x.example/", idp.Issuer{}, "the discovery document: want https"},
		"a document that is a path":  {ciamTenant + "=" + ciamIssuer + " /x", idp.Issuer{}, "the discovery document: want https"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := idp.ParseIssuer(test.text)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if (err == nil) != (test.err == "") || (err != nil && !strings.Contains(err.Error(), test.err)) {
				t.Errorf("the error is %v, want one with %q", err, test.err)
			}
		})
	}
}

// A tenant of the authority's is named as one: by its issuer, its callers would pass for customers (with other rules for
// what an app is).
func TestTheAuthoritysOwnIssuersAreNotTrustedByName(t *testing.T) {
	t.Parallel()
	const authority = "https://127.0.0.1:8443"
	config := func(issuer string) idp.Config {
		return idp.Config{
			Authority: authority, V2Issuer: "https://issuer.example/{tenantid}/x", Audiences: []string{"x"},
			Issuers: []idp.Issuer{{TenantID: strings.ToUpper(ciamTenant), URL: issuer, Metadata: authority + "/x"}},
		}
	}
	for issuer, refused := range map[string]bool{
		authority + "/" + ciamTenant + "/v2.0":         true,
		authority + "/" + ciamTenant + "/":             true,
		"https://issuer.example/" + ciamTenant + "/x":  true,
		"https://issuer.example/" + ciamTenant + "/x/": false,
		authority + "/customers/v2.0/":                 false,
	} {
		_, err := idp.New(config(issuer))
		if (err != nil) != refused || refused && !strings.Contains(err.Error(), "name the tenant among its tenants") {
			t.Errorf("%s: %v", issuer, err)
		}
	}
}

// FuzzParseIssuer holds what the parser lets through against a verifier's own checks.
func FuzzParseIssuer(f *testing.F) {
	f.Add(ciamTenant + "=" + ciamIssuer)
	f.Add(b2cTenant + "=" + b2cIssuer + " " + b2cPolicy)
	f.Add("=" + tfpIssuer)
	f.Fuzz(func(t *testing.T, text string) {
		issuer, err := idp.ParseIssuer(text)
		if err != nil {
			return
		}
		config := idp.Config{Issuers: []idp.Issuer{issuer}, Audiences: []string{"x"}}
		if _, err := idp.New(config); err != nil {
			t.Errorf("parsed, yet refused: %v", err)
		}
		if again, err := idp.ParseIssuer(issuer.TenantID + "=" + issuer.URL + " " + issuer.Metadata); err != nil || again != issuer {
			t.Errorf("written again it is %v, %v", again, err)
		}
	})
}
