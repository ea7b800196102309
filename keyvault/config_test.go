package keyvault_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/keyvault"
	"github.com/hasura-issuer/hasura-issuer/keyvault/fakevault"
)

const noAuthority = "the authority must be https:// and a host"

type config = keyvault.Config

func TestNewSaysWhichSettingIsWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*config)
		want   string
	}{
		"no authority":             {func(c *config) { c.Authority = "" }, "the authority is missing"},
		"an authority without TLS": {func(c *config) { c.Authority = "http://login.microsoftonline.com" }, noAuthority},
		"an authority on loopback without TLS": {
			func(c *config) { c.Authority = "http://127.0.0.1" }, noAuthority,
		},
		"an authority with a tenant": {func(c *config) { c.Authority += "/common" }, noAuthority},
		"an authority with a query":  {func(c *config) { c.Authority += "?a" }, noAuthority},
		"an authority with a user": {
			func(c *config) { c.Authority = "https://a:" + fakevault.ClientSecret + "@b" }, noAuthority,
		},
		"an authority that is none": {func(c *config) { c.Authority = "https://%" }, noAuthority},
		"no tenant":                 {func(c *config) { c.TenantID = "" }, "the tenant id must be a GUID"},
		"a tenant by its domain":    {func(c *config) { c.TenantID = "contoso.com" }, "the tenant id must be a GUID"},
		"any tenant":                {func(c *config) { c.TenantID = "common" }, "the tenant id must be a GUID"},
		"no client":                 {func(c *config) { c.ClientID = "" }, "the client id must be a GUID"},
		"the secret as the client": {
			func(c *config) { c.ClientID = fakevault.ClientSecret }, "the client id must be a GUID",
		},
		"no credential":   {func(c *config) { c.ClientSecret = "" }, "is needed to sign in"},
		"two credentials": {func(c *config) { c.FederatedTokenFile = "/token" }, "are both given"},
	} {
		settings := config{
			Authority: authority, TenantID: fakevault.TenantID,
			ClientID: fakevault.ClientID, ClientSecret: fakevault.ClientSecret,
		}
		if _, err := keyvault.New(settings); err != nil {
			t.Fatal(err)
		}
		c.change(&settings)
		vault, err := keyvault.New(settings)
		if err == nil || vault != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
			continue
		}
		if strings.Contains(err.Error(), fakevault.ClientSecret) {
			t.Errorf("%s: the error shows the secret: %v", name, err)
		}
	}
}

func TestPrintShowsNoSecret(t *testing.T) {
	t.Parallel()
	config := bySecret(start(t))
	vault := open(t, config)
	holder := struct{ C keyvault.Config }{config}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{config, &config, vault, holder} {
			text := fmt.Sprintf(verb, value)
			if strings.Contains(text, fakevault.ClientSecret) || strings.Contains(text, "66616b65") {
				t.Errorf("%s of %T shows the secret: %s", verb, value, text)
			}
		}
	}
	if text := fmt.Sprint(vault); !strings.Contains(text, fakevault.ClientID) {
		t.Errorf("%q does not say whose it is", text)
	}
}
