package apptoken_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp/graph/internal/apptoken"
)

// IMDS lives on a link-local address, which Go's own rules send to a proxy.
func TestOnlyTheMachineIsAskedDirectly(t *testing.T) {
	t.Parallel()
	proxy := apptoken.Direct(http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy.example"}))
	for address, want := range map[string]bool{
		"http://169.254.169.254/metadata/identity/oauth2/token": false,
		"https://graph.microsoft.com/v1.0/":                     true,
	} {
		parsed, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if by, err := proxy(&http.Request{URL: parsed}); err != nil || (by != nil) != want {
			t.Errorf("%s goes by %v, %v", address, by, err)
		}
	}
}
