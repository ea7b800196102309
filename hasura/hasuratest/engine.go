// Package hasuratest is an engine for tests: it takes and refuses tokens by the models of package hasura, with a key set
// that it fetches, and answers in the words, codes and statuses of a v2 or v3 engine. It holds no data.
//
// It can be set up wrong in the ways that people do, and keeps account of requests that no caller of a running engine
// should send.
package hasuratest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/hasura-issuer/hasura-issuer/hasura"
)

// Options are an engine's settings. The zero value is a v2 engine that is open to everybody.
type Options struct {
	JWTSecret        string       // HASURA_GRAPHQL_JWT_SECRET, or the AuthConfig of a v3 engine
	AdminSecret      string       // HASURA_GRAPHQL_ADMIN_SECRET
	AuthHook         bool         // HASURA_GRAPHQL_AUTH_HOOK is set, and the hook takes no token of ours
	UnauthorizedRole string       // HASURA_GRAPHQL_UNAUTHORIZED_ROLE
	Console          bool         // HASURA_GRAPHQL_ENABLE_CONSOLE
	DevMode          bool         // HASURA_GRAPHQL_DEV_MODE
	AllowList        bool         // HASURA_GRAPHQL_ENABLE_ALLOWLIST; nothing is on the list
	GraphQLOnly      bool         // HASURA_GRAPHQL_ENABLED_APIS=graphql
	NoIntrospection  []string     // disabled_for_roles of the metadata
	V3               bool         // a v3 engine, of which only what speaks of v3, JWTSecret, Client and Ahead count
	NoAuth           bool         // the mode noAuth of v3
	AudienceOptional bool         // a CompatibilityConfig of v3 from before 2025-03-11
	Client           *http.Client // reaches the key set; nil: http.DefaultClient
	Ahead            time.Duration
}

// Engine is a running one. It is safe for concurrent use.
type Engine struct {
	options Options
	v2      hasura.V2Config
	v3      hasura.V3Config
	routes  *http.ServeMux

	mu     sync.Mutex
	keys   hasura.V2Keys
	again  time.Time // when v2 fetches them again; zero: never
	faults []string
}

// New starts an engine, or says why one with these settings does not start.
func New(o Options) (*Engine, error) {
	if o.Client == nil {
		o.Client = http.DefaultClient
	}
	e := &Engine{options: o, routes: http.NewServeMux()}
	if o.V3 {
		return e, e.startV3()
	}
	return e, e.startV2()
}

func (e *Engine) startV2() error {
	o := e.options
	switch {
	case o.AdminSecret == "" && (o.JWTSecret != "" || o.AuthHook || o.UnauthorizedRole != ""):
		return errors.New("fatal: a JWT secret, an auth hook and an unauthorized role require an admin secret")
	case o.JWTSecret != "" && o.AuthHook:
		return errors.New("fatal: both webhook and JWT mode cannot be enabled at the same time")
	case o.AuthHook && o.UnauthorizedRole != "":
		return errors.New("fatal: an unauthorized role is not allowed when an auth hook is set")
	}
	e.routesV2()
	if o.JWTSecret == "" {
		return nil
	}
	var err error
	if e.v2, err = hasura.ParseV2Config([]byte(o.JWTSecret)); err != nil {
		return err
	}
	e.v2.Quirks = hasura.AllQuirks
	return e.refresh()
}

func (e *Engine) startV3() error {
	e.routesV3()
	if e.options.NoAuth {
		return nil
	}
	var err error
	e.v3, err = hasura.ParseV3Config([]byte(e.options.JWTSecret))
	e.v3.AudienceOptional = e.options.AudienceOptional
	return err
}

// ServeHTTP answers as the engine does.
func (e *Engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.police(r)
	e.routes.ServeHTTP(w, r)
}

// Faults are the requests that nobody should send to a running engine: what changes it, and guesses of its admin secret.
func (e *Engine) Faults() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.faults)
}

func (e *Engine) fault(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.faults = append(e.faults, fmt.Sprintf(format, args...))
}

// police wants no guesses of secrets, and nothing in the URL.
func (e *Engine) police(r *http.Request) {
	for _, name := range []string{"X-Hasura-Admin-Secret", "X-Hasura-Access-Key"} {
		if sent := r.Header.Values(name); len(sent) > 0 && !slices.Equal(sent, []string{e.options.AdminSecret}) {
			e.fault("%s %s: a guess of the admin secret", r.Method, r.URL.Path)
		}
	}
	if r.URL.RawQuery != "" {
		e.fault("%s %s: parameters in the URL, which proxies log", r.Method, r.URL.Path)
	}
}

func (e *Engine) now() time.Time { return time.Now().Add(e.options.Ahead) }

// fetch asks for the key set.
func (e *Engine) fetch(url string) (hasura.JWKSAnswer, http.Header) {
	response, err := e.options.Client.Get(url)
	if err != nil {
		return hasura.JWKSAnswer{URL: url, Status: http.StatusBadGateway}, nil
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return hasura.JWKSAnswer{URL: url, Status: http.StatusBadGateway}, nil
	}
	return hasura.JWKSAnswer{URL: url, Status: response.StatusCode, Body: body}, response.Header
}

// refresh is a v2 engine's look at its jwk_url.
func (e *Engine) refresh() error {
	answer, header := e.fetch(e.v2.JWKURL)
	keys, err := hasura.ReadV2JWKS(answer, e.v2.Quirks)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.keys, e.again = keys, hasura.V2Refresh(header, time.Now(), e.again)
	return nil
}

// held are the keys that a v2 engine has now; one that cannot fetch new ones keeps those it has.
func (e *Engine) held() hasura.V2Keys {
	e.mu.Lock()
	due := !e.again.IsZero() && !time.Now().Before(e.again)
	e.mu.Unlock()
	if due {
		_ = e.refresh()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.keys
}
