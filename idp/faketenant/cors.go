package faketenant

import (
	"net/http"

	"github.com/rs/cors"
)

// tokenCORS lets every page read the token endpoint, as Entra does: who may redeem what is decided behind it.
func tokenCORS(next http.Handler) http.Handler {
	policy := cors.New(cors.Options{
		AllowedOrigins: []string{"*"},
		AllowedMethods: []string{http.MethodPost},
		AllowedHeaders: []string{"*"},
		ExposedHeaders: []string{"Retry-After", "X-Ms-Request-Id"},
	})
	return policy.Handler(next)
}
