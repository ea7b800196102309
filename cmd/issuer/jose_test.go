package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/hasura-issuer/hasura-issuer/clients/josecheck/josechecktest"
)

// TestTwoOtherJOSELibrariesVerifyWhatWeMint fetches the key set over HTTP and verifies a token with each algorithm, by
// jwx in Go and by jose in Node, as a frontend's server would.
func TestTwoOtherJOSELibrariesVerifyWhatWeMint(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	for _, alg := range []string{"ES256", "RS256", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			s := serve(t, environ(server.URL, "ISSUER_ROLES_FILE="+rolesFile(t), "ISSUER_KEYS_FILE="+filepath.Join(t.TempDir(), "keys.json"), "ISSUER_TOKEN_ALG="+alg))
			token := s.exchange(t, personaToken(t, tenant, "editor")).AccessToken
			url := s.base + "/.well-known/jwks.json"

			set, err := jwk.Fetch(t.Context(), url)
			if err != nil {
				t.Fatalf("jwx reads the key set: %v", err)
			}
			parsed, err := jwt.Parse([]byte(token), jwt.WithKeySet(set), jwt.WithIssuer(testURL), jwt.WithAudience("hasura"))
			if err != nil {
				t.Fatalf("jwx verifies the token: %v", err)
			}
			expiry, _ := parsed.Expiration()
			issued, _ := parsed.IssuedAt()
			if life := expiry.Sub(issued); life != 6*time.Minute { // five of life, one that iat is set back
				t.Errorf("exp - iat is %v", life)
			}

			claims := josechecktest.Verify(t, url, testURL, "hasura", token)
			if claims["client_id"] == nil || claims["https://hasura.io/jwt/claims"] == nil {
				t.Errorf("jose read the claims %v", claims)
			}
		})
	}
}
