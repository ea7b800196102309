package gateways

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

// Whoever has many roles has a long token.
func TestTheLongestTokenFits(t *testing.T) {
	t.Parallel()
	forEach(t, func(t *testing.T, g *gateway) {
		long := strings.Repeat("m", issuer.MaxToken)
		g.issuer.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Authorization", "Bearer "+long) })
		if got := g.say(t, post(good)); got.Response == nil || got.StatusCode != http.StatusOK {
			t.Fatalf("%+v", got)
		}
		if got := g.all()[0].Header.Get("Authorization"); got != "Bearer "+long {
			t.Errorf("Hasura got a token of %d bytes", len(got))
		}
	})
}
