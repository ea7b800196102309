// Package compat answers: what do a provisioner and an engine hear that were made for another role mapper? It knows the
// routes below /v1/ as that has them, with their bodies and answers, and finds the role for a query. Who may change roles,
// what a role is and whom a name means is decided elsewhere.
package compat

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/hasura-issuer/hasura-issuer/issuer/api"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolemap"
)

// Guard tells who may come in: Admit fills the account with who that is, or returns an error that adminapi.Refuse knows. It
// is called concurrently.
type Guard interface {
	Admit(r *http.Request, account *api.Account) error
}

// Store keeps mapped roles, as rolemap.Store does. It is called concurrently.
type Store interface {
	PutRole(ctx context.Context, by rolemap.By, role rolemap.Role, fields []string) error
	PutHolders(ctx context.Context, by rolemap.By, list rolemap.List) (unresolved int, err error)
	ByRole(ctx context.Context, role string) (rolemap.Role, error)
	ByComponent(ctx context.Context, component string) (rolemap.Role, error)
}

// Config are the parts, and what is allowed.
type Config struct {
	Guard    Guard
	Store    Store
	Resolver *Resolver
	Tenant   string // whose users and groups the names mean

	Open       bool // the PUTs take requests without credentials
	AllowEmpty bool // an empty list is one: it takes everything away

	Refused    func(why string) // counts what was refused for safety's sake, by one of Refusals; nil: nobody does
	Unresolved func(names int)  // counts names of a list that nobody was found by; nil: nobody does
}

// API answers the routes below /v1/ but for that of engines. It is an api.Operations, and safe for concurrent use.
type API struct {
	config Config
	router *mux.Router
	routes map[string]route
}

// route is one path: its method, who may come, and what answers.
type route struct {
	method string
	access access
	handle handler
}

type access int

const (
	guarded     access = iota // operators alone
	provisioner               // they, and anybody where Open says so
	public                    // anybody: it tells nothing about anybody
)

// handler answers a request, or returns an error before it has written anything.
type handler func(w http.ResponseWriter, r *http.Request, by rolemap.By) error

// New returns an API on its parts. It does no I/O.
func New(config Config) *API {
	if config.Refused == nil {
		config.Refused = func(string) {}
	}
	if config.Unresolved == nil {
		config.Unresolved = func(int) {}
	}
	a := &API{config: config}
	a.routes = map[string]route{
		"/v1/health":                            {http.MethodGet, public, health},
		"/v1/roles":                             {http.MethodPut, provisioner, a.putRole},
		"/v1/user_roles":                        {http.MethodPut, provisioner, a.putUsers},
		"/v1/group_roles":                       {http.MethodPut, provisioner, a.putGroups},
		"/v1/roles/{role_id}":                   {http.MethodGet, guarded, find("role_id", config.Store.ByRole)},
		"/v1/roles/component_id/{component_id}": {http.MethodGet, guarded, find("component_id", config.Store.ByComponent)},
	}
	a.router = mux.NewRouter().SkipClean(true).UseEncodedPath()
	for path := range a.routes {
		a.router.NewRoute().Path(path).Name(path)
	}
	return a
}

// Answer is api.Operations'. Whoever may not come in learns nothing of what is here.
func (a *API) Answer(w http.ResponseWriter, r *http.Request, account *api.Account) error {
	var match mux.RouteMatch
	found := a.router.Match(r, &match) && match.Route != nil
	var rt route
	if found {
		account.Route = match.Route.GetName()
		rt = a.routes[account.Route]
	}
	by, err := a.admit(rt, r, account)
	if err != nil {
		return err
	}
	if !found {
		return refuse(reasonNotFound)
	}
	if r.Method != rt.method && (r.Method != http.MethodHead || rt.method != http.MethodGet) {
		w.Header().Set("Allow", strings.Replace(rt.method, http.MethodGet, "GET, HEAD", 1))
		return refuse(reasonMethodNotAllowed)
	}
	err = rt.handle(w, mux.SetURLVars(r, match.Vars), by)
	a.countRefusal(err)
	return err
}

// admit tells who calls. The provisioner that sends no credentials may come to its own methods where that is allowed; one
// that sends some has to be right. A browser says for whose page it sends a PUT, whatever name the page found us by, and
// no provisioner does.
func (a *API) admit(rt route, r *http.Request, account *api.Account) (rolemap.By, error) {
	open := rt.access == public || rt.access == provisioner && a.config.Open && r.Method == rt.method && len(r.Header.Values("Origin")) == 0
	if open && len(r.Header.Values("Authorization")) == 0 {
		account.Actor = "compat@" + account.Address
		return rolemap.By{Actor: account.Actor}, nil
	}
	if rt.access == public {
		return rolemap.By{}, nil
	}
	if err := a.config.Guard.Admit(r, account); err != nil {
		return rolemap.By{}, err
	}
	return rolemap.By{Actor: account.Actor, Known: true}, nil
}

func health(w http.ResponseWriter, _ *http.Request, _ rolemap.By) error {
	return answer(w, http.StatusOK, "Alive")
}

// lookUpTime is how long names are looked up: a provisioner does not come again, so what it said has to be kept before its
// request is over, whatever Graph does.
const lookUpTime = 4 * time.Second

// EmptyRefused tells whether a list of so many names must not be put, since it would take a role away from everybody.
func EmptyRefused(names int, allowEmpty bool) bool { return names == 0 && !allowEmpty }

// list is what PUT /v1/user_roles and PUT /v1/group_roles have in common.
func (a *API) list(ctx context.Context, by rolemap.By, kind rolestore.PrincipalKind, role string, names []string) error {
	if EmptyRefused(len(names), a.config.AllowEmpty) {
		return refuse(reasonEmptyList)
	}
	if len(names) > maxItems {
		return refuse(reasonBodyMalformed)
	}
	if _, err := a.config.Store.ByRole(ctx, role); err != nil { // Graph is asked for no role that is not there
		return err
	}
	lookUp, cancel := context.WithTimeout(ctx, lookUpTime)
	holders, among := a.config.Resolver.Resolve(lookUp, a.config.Tenant, kind, names)
	cancel()
	unresolved, err := a.config.Store.PutHolders(ctx, by, rolemap.List{Tenant: a.config.Tenant, Role: role, Kind: kind, Holders: holders, Among: among})
	if err == nil {
		a.config.Unresolved(unresolved)
	}
	return err
}
