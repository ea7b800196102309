// Package api is the issuer's HTTP and OAuth face: it parses what clients send, makes one call, and writes the answer. It
// knows every route and the body of every error. It knows nothing of Entra, of stores, of keys, and decides nothing.
package api

import (
	"context"
	"net/http"
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"
	"github.com/rs/zerolog"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

// defaultTimeout bounds a request in whole. It lies below the write timeout of the server around it, so that a slow
// dependency still gets its proper answer.
const defaultTimeout = 8 * time.Second

// Exchanger decides on requests: Exchange mints a token, Decide says what it would hold. Their errors are *issuer.Error; any
// other is shown as a fault of ours. With an error the decision is filled as far as it is known. Both are called
// concurrently and heed ctx. So does Shuts, which tells from memory why nothing that comes from an origin would be looked at now, after
// as many others from there as are ahead; nil: something would.
type Exchanger interface {
	Exchange(ctx context.Context, request issuer.Request) (issuer.Decision, error)
	Decide(ctx context.Context, request issuer.Request) (issuer.Decision, error)
	Shuts(ctx context.Context, origin string, ahead int) error
}

// KeySet has the key set ready as bytes. etag is an entity tag with its quotes (RFC 9110 §8.8.3). An error means that
// there is no set that may be published now. It is called concurrently, for every request, and does no I/O.
type KeySet interface {
	JWKS(party string) (body []byte, etag string, err error)
}

// Check is one part of the service as the health routes show it. Its functions answer from memory.
type Check struct {
	Name   string          // a member name of the answer, such as "roles"
	Off    bool            // the part is not in use; Health and Alarms are not called
	Health func() error    // its error is for operators and is not shown, but for what a method Public() string says
	Alarms func() []string // what is no outage yet, in sentences that anybody may read; nil: none ever
}

// Config says how the service shows itself.
type Config struct {
	URL            string         // the issuer, as it stands in iss; no trailing slash
	JWKSMaxAge     time.Duration  // how long engines may keep the key set, in whole seconds
	RelyingParties []string       // names that ?rp= may bear; neither PartyNone nor PartyUnknown
	TrustedProxies []netip.Prefix // whose X-Forwarded-For counts
	CORSOrigins    []string       // exact origins that may use the token endpoint from a browser
	Checks         []Check        // in the order in which they are shown
	Chooser        Chooser        // nil: /v1/authenticate is not served
	Meter          Meter          // nil: nothing is counted
	Tracer         Tracer         // nil: nothing is traced
	Logger         zerolog.Logger
	Exchanges      *zerolog.Logger // where the lines of decisions go; nil: to Logger
	Timeout        time.Duration   // of a request in whole; zero: 8 s

	yield func() // as gate has it; nil: runtime.Gosched
}

// API answers the public routes. It is safe for concurrent use.
type API struct {
	config    Config
	exchanger Exchanger
	keys      KeySet
	problems  map[issuer.Reason]rendered
	metadata  []byte
	mayKeep   []string   // Cache-Control of the key set
	cors      corsPolicy // of the token endpoint
	origins   []string   // of the pages that may ask there
	draining  atomic.Bool
	queries   turns // of /v1/authenticate
	gates     gates
	early     early
	waiting   waiting // for their turn at the token endpoint
}

// New returns an API on an exchanger and a key set. It does no I/O.
func New(config Config, exchanger Exchanger, keys KeySet) *API {
	if config.Timeout == 0 {
		config.Timeout = defaultTimeout
	}
	if config.Meter == nil {
		config.Meter = noMeter{}
	}
	if config.yield == nil {
		config.yield = runtime.Gosched
	}
	answers := renderProblems()
	return &API{
		config: config, exchanger: exchanger, keys: keys, early: early{answer: renderEarly(answers[issuer.ReasonOverloaded])},
		problems: answers, metadata: renderMetadata(config.URL), mayKeep: publicFor(config.JWKSMaxAge),
		cors: exactOrigins(config.CORSOrigins), gates: newGates(config.yield),
		origins: append([]string{ownOrigin(config.URL)}, config.CORSOrigins...),
	}
}

// Drain makes the service not ready from now on, so that balancers stop sending requests. It goes on answering them.
func (a *API) Drain() { a.draining.Store(true) }

// Handler returns the public routes.
func (a *API) Handler() http.Handler { return a.router(a.routes(), a.cors) }

// router matches a path as it was sent: no cleaning, no redirects, no other spelling. elsewhere says which browsers may
// read that there is nothing.
//
// Paths that are whole are looked up: mux holds a path against one regular expression after the other and copies the request
// twice, which is a tenth of what the key set costs in all.
func (a *API) router(routes []route, elsewhere corsPolicy) http.Handler {
	router := mux.NewRouter().SkipClean(true).UseEncodedPath()
	whole := make(map[string]http.Handler, len(routes))
	for _, rt := range routes {
		if rt.below {
			router.PathPrefix(rt.path).Handler(a.serve(rt))
			continue
		}
		whole[rt.path] = a.serve(rt)
	}
	router.NotFoundHandler = a.serve(route{
		level: zerolog.InfoLevel, cors: elsewhere,
		all: func(http.ResponseWriter, *http.Request, *entry) error {
			return refuse(issuer.ReasonNotFound, "no such route")
		},
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handler, found := whole[r.URL.Path]; found && r.URL.RawPath == "" { // which is empty where Path is what was sent
			handler.ServeHTTP(w, r)
			return
		}
		router.ServeHTTP(w, r)
	})
}

func (a *API) routes() []route {
	public := func(path string, level zerolog.Level, h handler) route {
		return route{path: path, level: level, cors: anyOrigin, instant: true, methods: []method{
			{http.MethodGet, h}, {http.MethodHead, h}, {http.MethodOptions, noContent},
		}}
	}
	routes := []route{
		{path: pathToken, level: zerolog.InfoLevel, cors: a.cors, methods: []method{
			{http.MethodPost, a.exchange}, {http.MethodOptions, noContent},
		}},
		{path: pathWebhook, level: zerolog.InfoLevel, cors: noOrigin, status: hookStatus, methods: []method{
			{http.MethodGet, a.webhook}, {http.MethodPost, a.webhook},
		}},
		{path: pathForwardAuth, level: zerolog.InfoLevel, cors: noOrigin, status: gatewayStatus, all: a.forwardAuth},
		public(pathJWKS, zerolog.DebugLevel, a.jwks),
		public("/.well-known/openid-configuration", zerolog.InfoLevel, a.describe),
		public("/.well-known/oauth-authorization-server", zerolog.InfoLevel, a.describe),
	}
	if a.config.Chooser != nil {
		routes = append(routes, a.authenticateRoute())
	}
	return append(routes, a.healthRoutes()...)
}

// healthRoutes are on both listeners: strangers can keep the public one busy, which is no reason to restart anything.
func (a *API) healthRoutes() []route {
	health := func(path string, h handler) route {
		return route{path: path, level: zerolog.DebugLevel, cors: noOrigin, instant: true, untraced: true, methods: []method{
			{http.MethodGet, h}, {http.MethodHead, h},
		}}
	}
	return []route{health("/livez", a.livez), health("/readyz", a.readyz)}
}
