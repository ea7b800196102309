// Package adminapi answers: what may operators see and change, over HTTP? It knows who is an operator, the routes below
// /admin/v1/ and what stands in them, and refuses whatever it does not know. It knows nothing of how Entra tokens are
// checked, of SQL and of private keys; what callers may be is decided elsewhere.
package adminapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi/internal/wire"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/history"
)

// Roles are read a page at a time, or by who holds one. The errors are rolestore.ErrRefused and rolestore.ErrUnavailable.
// All methods are called concurrently.
type Roles interface {
	GrantPage(ctx context.Context, q rolestore.PageQuery) (rolestore.Page[rolestore.Grant], error)
	BlockPage(ctx context.Context, q rolestore.PageQuery) (rolestore.Page[rolestore.Block], error)
	HoldersOf(ctx context.Context, tenantID, role string, most int) (rolestore.Holders, error)
}

// Editor changes grants and blocks, as rolestore.Postgres does. It is called concurrently.
type Editor interface {
	Edit(ctx context.Context, edit rolestore.Edit, options rolestore.ApplyOptions) (rolestore.Diff, error)
}

// Explainer says what a caller would get, and why, as issuer.Issuer does. It is called concurrently.
type Explainer interface {
	Explain(ctx context.Context, q issuer.Question) (issuer.Explanation, error)
}

// Config are the parts that operators look at.
type Config struct {
	Guard     *Guard
	Roles     Roles
	Editor    Editor // nil: only where InFile says why
	Explainer Explainer
	AsksGraph bool // groups of a caller who is only described can be asked for
	// Assume tells of a caller who is only described what a token alone could say, in sentences, and why a token of theirs
	// would be refused, an *issuer.Error; nil where it would not. Nil: nothing is known of that.
	Assume func(caller idp.Subject, groupsUnknown bool) (notes []string, refusal error)

	// Cure is what to do about a refusal, "" where nothing is known. Nil: nothing ever is.
	Cure func(reason issuer.Reason) string

	History func(ctx context.Context, q history.Query) (history.Page, error) // nil: only where InFile says so
	Keys    func(ctx context.Context) (Ring, error)                          // as the store holds it
	Replica func() Replica                                                   // the process that answers

	Verbosity Verbosity // of this process alone

	// InFile is a sentence for who wants to change roles where they can only be read; empty: they can be changed.
	InFile string
	// GrantsElsewhere is a sentence for who looks for grants where others decide; empty: those of Roles are in force.
	GrantsElsewhere string

	Now func() time.Time // nil: time.Now
}

// API answers the routes below /admin/v1/. It is an api.Operations, and safe for concurrent use.
type API struct {
	config Config
	router *mux.Router
	routes map[string]map[string]handler // by path template and method
}

// handler answers an operator's request, or returns an error before it has written anything.
type handler func(w http.ResponseWriter, r *http.Request, account *api.Account) error

// New returns an API on its parts. It does no I/O.
func New(config Config) *API {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Assume == nil {
		config.Assume = func(idp.Subject, bool) ([]string, error) { return nil, nil }
	}
	if config.Cure == nil {
		config.Cure = func(issuer.Reason) string { return "" }
	}
	a := &API{config: config}
	grants, blocks := a.grants(), a.blocks()
	a.routes = map[string]map[string]handler{
		"/admin/v1/grants": {http.MethodGet: grants.list},
		"/admin/v1/grants/{tenant}/{principal}/{role}": {http.MethodGet: grants.get, http.MethodPut: grants.put, http.MethodDelete: grants.remove},
		"/admin/v1/blocks":                      {http.MethodGet: blocks.list},
		"/admin/v1/blocks/{tenant}/{principal}": {http.MethodGet: blocks.get, http.MethodPut: blocks.put, http.MethodDelete: blocks.remove},
		"/admin/v1/explain":                     {http.MethodPost: a.explain},
		"/admin/v1/history":                     {http.MethodGet: a.history},
		"/admin/v1/keys":                        {http.MethodGet: a.keys},
		"/admin/v1/replica":                     {http.MethodGet: a.replica},
		"/admin/v1/log-level":                   {http.MethodGet: a.logLevel, http.MethodPut: a.setLogLevel},
		"/admin/v1/openapi.json":                {http.MethodGet: describe},
	}
	a.router = mux.NewRouter().SkipClean(true).UseEncodedPath()
	for path := range a.routes {
		a.router.NewRoute().Path(path).Name(path)
	}
	return a
}

// Answer is api.Operations'. It asks first who is there: whoever is no operator learns nothing of what is here.
func (a *API) Answer(w http.ResponseWriter, r *http.Request, account *api.Account) error {
	if err := a.config.Guard.Admit(r, account); err != nil {
		return err
	}
	var match mux.RouteMatch
	if !a.router.Match(r, &match) || match.Route == nil {
		return wire.Refuse(wire.ReasonNotFound, "")
	}
	account.Route = match.Route.GetName()
	methods := a.routes[account.Route]
	handle, found := methods[r.Method]
	if r.Method == http.MethodHead {
		handle, found = methods[http.MethodGet]
	}
	if !found {
		w.Header().Set("Allow", strings.Join(allowed(methods), ", "))
		return wire.Refuse(wire.ReasonMethodNotAllowed, "")
	}
	return handle(w, mux.SetURLVars(r, match.Vars), account)
}

// allowed are the methods that a route answers.
func allowed(methods map[string]handler) (names []string) {
	for _, name := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete} {
		if methods[name] != nil {
			names = append(names, name)
		}
		if name == http.MethodGet && methods[name] != nil {
			names = append(names, http.MethodHead)
		}
	}
	return names
}

// Refuse is api.Operations'.
func (a *API) Refuse(w http.ResponseWriter, err error) string {
	return Refuse(w, err)
}

// Refuse writes an error of a Guard, or of anybody else, as all are written here, and returns its reason.
func Refuse(w http.ResponseWriter, err error) string { return string(wire.WriteProblem(w, err)) }
