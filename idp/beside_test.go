package idp_test

import (
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// TestAnotherPolicyOnTheSameKeys: what one of two verifiers accepts, the other need not, and only one of them fetches.
func TestAnotherPolicyOnTheSameKeys(t *testing.T) {
	t.Parallel()
	e := newOwnEntra(t, faketenant.TenantID, faketenant.OtherTenantID)
	named := idp.Issuer{TenantID: ciamTenant, URL: ciamIssuer}
	first := e.verifier(t, func(c *idp.Config) {
		c.Tenants, c.Issuers = []string{faketenant.TenantID, faketenant.OtherTenantID}, []idp.Issuer{named}
	})
	config := e.policy()
	config.Tenants, config.Issuers = []string{strings.ToUpper(faketenant.TenantID), faketenant.TenantID}, []idp.Issuer{named}
	config.AppRoles, config.RefuseGuests, config.HTTPClient, config.Now = []string{"Admin"}, true, nil, nil
	beside, err := first.Beside(config)
	if err != nil {
		t.Fatal(err)
	}
	admin := e.Sign(e.daemon(map[string]any{"roles": []string{"Admin"}}))
	for name, tc := range map[string]struct{ raw, first, beside string }{
		"an app with the one role":      {e.Sign(e.daemon(nil)), "accepted", "app_role_missing"},
		"an app with the other":         {admin, "app_role_missing", "accepted"},
		"a user":                        {e.Sign(e.user(nil)), "accepted", "accepted"},
		"a guest":                       {e.Sign(e.user(map[string]any{"acct": 1})), "accepted", "guest_refused"},
		"somebody of the second tenant": {e.Sign(e.user(map[string]any{"tid": faketenant.OtherTenantID, "iss": e.V2Issuer(faketenant.OtherTenantID)})), "accepted", "tenant_not_allowed"},
		"a customer":                    {e.Sign(e.user(map[string]any{"iss": ciamIssuer, "tid": ciamTenant})), "", "tenant_not_allowed"},
	} {
		if got := judge(t, first, tc.raw); tc.first != "" && got != tc.first {
			t.Errorf("%s: the first says %s, want %s", name, got, tc.first)
		}
		if got := judge(t, beside, tc.raw); got != tc.beside {
			t.Errorf("%s: the other says %s, want %s", name, got, tc.beside)
		}
	}
	if n := e.requests("/" + faketenant.TenantID + "/discovery/v2.0/keys"); n != 1 {
		t.Errorf("the tenant's keys were fetched %d times", n)
	}
	if err := beside.Health(); err != nil {
		t.Errorf("it holds the keys of its tenant: %v", err)
	}
}

func TestAPolicyBesideAnotherIsCheckedWhole(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	for name, tc := range map[string]struct {
		change func(*idp.Config)
		want   []string
	}{
		"nothing at all":         {func(c *idp.Config) { *c = idp.Config{} }, []string{"tenants: want at least one", "audiences: want at least one"}},
		"customers alone":        {func(c *idp.Config) { c.Tenants, c.Issuers = nil, []idp.Issuer{{TenantID: ciamTenant, URL: ciamIssuer}} }, []string{"tenants: want at least one"}},
		"a tenant by name":       {func(c *idp.Config) { c.Tenants = []string{"contoso"} }, []string{`tenants: "contoso" is not a GUID`}},
		"a tenant of nobody's":   {func(c *idp.Config) { c.Tenants = []string{faketenant.OtherTenantID} }, []string{"tenants: ", "is none whose keys are fetched"}},
		"a role that is no word": {func(c *idp.Config) { c.AppRoles = []string{"a b"} }, []string{"app roles"}},
	} {
		config := e.policy()
		tc.change(&config)
		_, err := e.verifier(t).Beside(config)
		for _, want := range tc.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", name, err, want)
			}
		}
	}
}
