// Package playground answers one question: what can somebody try, in a browser, on an issuer whose tenant is made up?
//
// It serves one page and the JSON that the page asks for: Entra tokens of personas, whole and broken, what the issuer answers
// to them and why, what both engines of Hasura would say, and the ring of keys. Whoever reaches it gets tokens for the asking,
// so it belongs on loopback, and it answers no page of another origin. It knows neither how tokens are made nor what decides
// on them.
package playground

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/web"
	"github.com/hasura-issuer/hasura-issuer/hasura"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/keys"
)

//go:embed page/*.html page/*.js page/*.css page/*.svg page/*.txt
var embedded embed.FS

// Tenant makes Entra tokens. Its methods are called concurrently; an error means that there is no such persona, or no such
// fault.
type Tenant interface {
	Token(persona string) (string, error)
	Break(persona, fault string) (string, error)
}

// Explainer says what a token would get, and why. An error means that this could not be found out.
type Explainer interface {
	Explain(ctx context.Context, token string, scope []string, role string) (issuer.Explanation, error)
	// Cure is what to do about a refusal of a token; "" where nothing is known.
	Cure(token string, reason issuer.Reason) string
}

// Ring is the ring of keys, whose clock may run ahead. A *keys.TooEarlyError is why a rotation is refused.
type Ring interface {
	State(ctx context.Context) (RingState, error)
	Rotate(ctx context.Context, force bool) error
	// Pass sets the clock forward.
	Pass(ctx context.Context, d time.Duration) error
}

// RingState is the ring at one moment of its clock.
type RingState struct {
	Now    time.Time   `json:"now"`
	Ahead  float64     `json:"ahead_seconds"` // of the machine's clock
	Lead   float64     `json:"lead_seconds"`
	Hold   float64     `json:"hold_seconds"`
	Period float64     `json:"period_seconds"`
	Keys   []keys.Info `json:"keys"`
}

// Engines are Hasura's two engines, set up for this issuer.
type Engines struct {
	V2 hasura.V2Config
	V3 hasura.V3Config
	// JWKS is the key set as they would fetch it now.
	JWKS func() ([]byte, error)
}

// Config is what a playground is made of.
type Config struct {
	World     World
	Tenant    Tenant
	Explainer Explainer
	Ring      Ring
	Engines   Engines
	Now       func() time.Time
}

// Playground is the page and what it asks for. It may be used concurrently.
type Playground struct {
	config Config
	site   *web.Site
	policy web.Policy
}

// New reads the page. It does no other I/O; an error is a fault of the program.
func New(config Config) (*Playground, error) {
	entra, err := url.Parse(config.World.Entra.URL)
	if err != nil {
		return nil, fmt.Errorf("URL of the tenant: %w", err)
	}
	page, err := fs.Sub(embedded, "page")
	if err != nil {
		return nil, err
	}
	policy := web.Policy{Connect: []string{entra.Scheme + "://" + entra.Host}}
	site, err := web.NewSite(policy, page, web.Parts())
	if err != nil {
		return nil, err
	}
	return &Playground{config, site, policy}, nil
}

// below is where all of it lies, but for the page itself.
const below = "/playground/"

// Before answers GET / and what lies below /playground/, and leaves all other requests to next as they are. Exchanges go to
// next as well.
func (p *Playground) Before(next http.Handler) http.Handler {
	routes := p.routes(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := r.URL.EscapedPath() == "/" && (r.Method == http.MethodGet || r.Method == http.MethodHead)
		if page || strings.HasPrefix(r.URL.EscapedPath(), below) {
			routes.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (p *Playground) routes(next http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { p.site.Serve(w, r, "index.html") })
	mux.Handle(below, http.StripPrefix(strings.TrimSuffix(below, "/"), p.site))
	for pattern, answer := range map[string]answerer{
		"GET " + below + "api/world":     func(*http.Request) (any, error) { return p.config.World, nil },
		"POST " + below + "api/token":    p.token,
		"POST " + below + "api/exchange": p.exchange(next),
		"POST " + below + "api/explain":  p.explain,
		"POST " + below + "api/verdicts": p.verdicts,
		"GET " + below + "api/keys":      p.keys,
		"POST " + below + "api/rotate":   p.rotate,
		"POST " + below + "api/pass":     p.pass,
	} {
		mux.Handle(pattern, p.json(answer))
	}
	mux.Handle(below+"api/", p.json(func(*http.Request) (any, error) {
		return nil, fault{http.StatusNotFound, "there is no such route or method"}
	}))
	return p.guard(mux)
}
