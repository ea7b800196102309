package idp_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

func TestAConfigurationIsCheckedWhole(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*idp.Config)
		want   string // in the error; "" for a good one
	}{
		"the default cloud":              {func(c *idp.Config) { c.Authority = "" }, ""},
		"a loopback stand-in":            {func(c *idp.Config) { c.Authority = "http://127.0.0.1:8443" }, ""},
		"a loopback name":                {func(c *idp.Config) { c.Authority = "http://localhost:8443/" }, ""},
		"a loopback of version six":      {func(c *idp.Config) { c.Authority = "http://[::1]:8443" }, ""},
		"everything left to the default": {func(c *idp.Config) { c.HTTPClient, c.Now, c.Leeway, c.Clients = nil, nil, 0, nil }, ""},
		"http to another host":           {func(c *idp.Config) { c.Authority = "http://login.example" }, "want https"},
		"an authority that is none":      {func(c *idp.Config) { c.Authority = "login.example" }, "authority"},
		"an authority with a path":       {func(c *idp.Config) { c.Authority = "https://login.example/common" }, "without path"},
		"an authority with a query":      {func(c *idp.Config) { c.Authority = "https://login.example?x=y" }, "without path"},
		"an authority with a password":   {func(c *idp.Config) { c.Authority = "https://a:b@login.example" }, "authority"},
		"an authority of another scheme": {func(c *idp.Config) { c.Authority = "ftp://login.example" }, "want https"},
		"no tenant":                      {func(c *idp.Config) { c.Tenants = nil }, "tenants: want at least one"},
		"the same tenant twice":          {func(c *idp.Config) { c.Tenants = append(c.Tenants, strings.ToUpper(c.Tenants[0])) }, ""},
		"an issuer instead":              {func(c *idp.Config) { c.Tenants, c.Issuers = nil, []idp.Issuer{{TenantID: ciamTenant, URL: ciamIssuer}} }, ""},
		"an issuer without tenant":       {func(c *idp.Config) { c.Issuers = []idp.Issuer{{URL: ciamIssuer}} }, "not a GUID"},
		"an issuer that is a cloud's": {func(c *idp.Config) {
			c.Issuers = []idp.Issuer{{TenantID: ciamTenant, URL: "https://sts.windows.net/x/"}}
		}, "is a cloud's"},
		"the same issuer twice": {func(c *idp.Config) {
			c.Issuers = []idp.Issuer{{TenantID: ciamTenant, URL: ciamIssuer}, {TenantID: ciamTenant, URL: ciamIssuer}}
		}, "issuers: item 2: the same issuer is there already"},
		"an issuer of all policies and of one": {func(c *idp.Config) {
			c.Issuers = []idp.Issuer{{TenantID: b2cTenant, URL: "https://login.example/b2c/"}, {TenantID: b2cTenant, URL: "https://login.example/b2c/", Metadata: "https://login.example/?p=b2c_1_a"}}
		}, "issuers: item 2: the same issuer is there already"},
		"an issuer of a policy twice": {func(c *idp.Config) {
			c.Issuers = []idp.Issuer{{TenantID: b2cTenant, URL: b2cIssuer, Metadata: b2cPolicy}, {TenantID: b2cTenant, URL: b2cIssuer, Metadata: b2cHost + "/x?p=b2c_1_signupSIGNIN1"}}
		}, "issuers: item 2: the same issuer is there already"},
		"an issuer of the authority's tenant": {func(c *idp.Config) {
			c.Issuers = []idp.Issuer{{TenantID: b2cTenant, URL: tfpIssuer}, {TenantID: strings.ToUpper(c.Tenants[0]), URL: "https://login.example/"}}
		}, "issuers: item 2: its tenant id is that of one of the authority's tenants too"},
		"an issuer of two tenants": {func(c *idp.Config) {
			c.Issuers = []idp.Issuer{{TenantID: b2cTenant, URL: "https://login.example/", Metadata: "https://login.example/?p=b2c_1_a"}, {TenantID: ciamTenant, URL: "https://login.example/", Metadata: "https://login.example/?p=b2c_1_b"}}
		}, "issuers: item 2: the same issuer is there already, for another tenant"},
		"issuers of a cloud in other words": {func(c *idp.Config) {
			c.V1Issuer, c.V2Issuer = "https://a.example/{tenantid}/", "https://{tenantid}.b.example/v2.0"
		}, ""},
		"an issuer of every tenant": {func(c *idp.Config) { c.V2Issuer = "https://a.example/v2.0" }, "v2 issuer: want an https address with {tenantid} in it"},
		"an issuer without TLS":     {func(c *idp.Config) { c.V1Issuer = "http://a.example/{tenantid}/" }, "v1 issuer: want an https address"},
		"v1 alone of an unknown one": {func(c *idp.Config) {
			c.Authority, c.V1Issuer = "https://a.example", "https://a.example/{tenantid}/"
		}, "v1 issuer: the authority is no known cloud"},
		"a signing key's app by name":      {func(c *idp.Config) { c.SigningKeyAppID = "api" }, "signing key app"},
		"a cache":                          {func(c *idp.Config) { c.CacheSize = 1_000_000 }, ""},
		"a cache without end":              {func(c *idp.Config) { c.CacheSize = 1_000_001 }, "cache size"},
		"a cache of less than nothing":     {func(c *idp.Config) { c.CacheSize = -1 }, "cache size"},
		"a tenant by name":                 {func(c *idp.Config) { c.Tenants = []string{"contoso.example"} }, `tenants: "contoso.example" is not a GUID`},
		"all tenants":                      {func(c *idp.Config) { c.Tenants = []string{"common"} }, "not a GUID"},
		"a GUID without its dashes":        {func(c *idp.Config) { c.Tenants = []string{strings.Repeat("0", 36)} }, "not a GUID"},
		"no audience":                      {func(c *idp.Config) { c.Audiences = nil }, "audiences: want at least one"},
		"an empty audience":                {func(c *idp.Config) { c.Audiences = []string{""} }, "audiences"},
		"the audience of Graph":            {func(c *idp.Config) { c.Audiences = []string{"https://graph.microsoft.com"} }, "Microsoft API"},
		"the audience of ARM":              {func(c *idp.Config) { c.Audiences = []string{"https://management.core.windows.net/"} }, "Microsoft API"},
		"two scopes in one":                {func(c *idp.Config) { c.Scopes = []string{"a b"} }, `scopes: "a b"`},
		"an empty app role":                {func(c *idp.Config) { c.AppRoles = []string{""} }, `app roles: ""`},
		"a client by name":                 {func(c *idp.Config) { c.Clients = []string{"spa"} }, "clients"},
		"a leeway over two minutes":        {func(c *idp.Config) { c.Leeway = 2*time.Minute + 1 }, "leeway"},
		"a negative leeway":                {func(c *idp.Config) { c.Leeway = -1 }, "leeway"},
		"a claim without name":             {func(c *idp.Config) { c.KeepClaims = []string{""} }, "keep claims"},
		"a claim outside ASCII":            {func(c *idp.Config) { c.KeepClaims = []string{"ma\u00df"} }, "keep claims"},
		"two claims alike but for case":    {func(c *idp.Config) { c.KeepClaims = []string{"Dept", "dept"} }, "differ only in case"},
		"a known claim in other case":      {func(c *idp.Config) { c.KeepClaims = []string{"OID"} }, "differs only in case"},
		"the same claim twice does no ill": {func(c *idp.Config) { c.KeepClaims = []string{"dept", "dept", "oid"} }, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := idp.Config{Tenants: []string{faketenant.TenantID}, Audiences: []string{faketenant.APIClientID}}
			test.change(&config)
			verifier, err := idp.New(config)
			if test.want == "" && (err != nil || verifier == nil) {
				t.Errorf("refused: %v", err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("the error is %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestEveryFaultOfAConfigurationIsNamed(t *testing.T) {
	t.Parallel()
	_, err := idp.New(idp.Config{
		Authority: "http://login.example", Tenants: []string{"a", "b"}, Clients: []string{"c"}, Scopes: []string{""},
		Leeway: time.Hour, KeepClaims: []string{"d e"}, SigningKeyAppID: "f", CacheSize: -1,
		Issuers: []idp.Issuer{{URL: "https://g.example"}, {TenantID: ciamTenant, URL: "h"}},
	})
	for _, want := range []string{
		"authority", `"a"`, `"b"`, `"c"`, "audiences", "scopes", "leeway", `"d e"`, `"f"`, "cache size", "issuers: item 1: ", "issuers: item 2: ",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in: %v", want, err)
		}
	}
}

// TestAFaultTellsItsField: who reads settings from elsewhere can then name the one that is wrong.
func TestAFaultTellsItsField(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]func(*idp.Config){
		"Authority":  func(c *idp.Config) { c.Authority = "http://login.example" },
		"Tenants":    func(c *idp.Config) { c.Tenants = []string{"a"} },
		"Audiences":  func(c *idp.Config) { c.Audiences = []string{"https://graph.microsoft.com"} },
		"Clients":    func(c *idp.Config) { c.Clients = []string{"a"} },
		"Scopes":     func(c *idp.Config) { c.Scopes = []string{"a b"} },
		"AppRoles":   func(c *idp.Config) { c.AppRoles = []string{""} },
		"Leeway":     func(c *idp.Config) { c.Leeway = time.Hour },
		"KeepClaims": func(c *idp.Config) { c.KeepClaims = []string{"OID"} },
		"Issuers":    func(c *idp.Config) { c.Issuers = []idp.Issuer{{URL: ciamIssuer}} },
		"V1Issuer":   func(c *idp.Config) { c.V1Issuer = "https://a.example/" },
		"V2Issuer":   func(c *idp.Config) { c.V2Issuer = "https://a.example/v2.0" },
		"CacheSize":  func(c *idp.Config) { c.CacheSize = -1 },

		"SigningKeyAppID": func(c *idp.Config) { c.SigningKeyAppID = "a" },
	} {
		config := idp.Config{Tenants: []string{faketenant.TenantID}, Audiences: []string{faketenant.APIClientID}}
		change(&config)
		_, err := idp.New(config)
		fault, ok := errors.AsType[*idp.ConfigError](err)
		if !ok || fault.Field != field || fault.Unwrap() == nil {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestTheDefaultClientFollowsNoRedirects(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.RedirectHandler("/elsewhere", http.StatusFound))
	t.Cleanup(server.Close)
	client := idp.NewHTTPClient()
	t.Cleanup(client.CloseIdleConnections)
	response, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusFound {
		t.Errorf("the answer is a %d, want the redirect itself", response.StatusCode)
	}
}
