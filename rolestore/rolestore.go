// Package rolestore answers one question: what may they be? It holds grants,
// which give a principal a role, and blocks, which refuse one, in Postgres or
// in a YAML file, and finds those that speak of one caller. It knows nothing of
// tokens or HTTP, and it does not judge: whether a grant is in force, which
// role is the default and what a block means is decided by who reads the answer.
package rolestore

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrUnavailable means that the store could not answer: it cannot be reached,
// took too long, or holds a row that must not be acted on. It says nothing
// about the caller's roles; nobody may read it as "none".
var ErrUnavailable = errors.New("the role store could not answer")

// ErrBrokenRow means that the store holds a row about the caller that breaks the
// rules and must not be acted on. It comes with ErrUnavailable; unlike a server
// that is down it does not pass by itself.
var ErrBrokenRow = errors.New("breaks the rules")

// PrincipalKind says how a grant or a block names those it means.
type PrincipalKind string

// The kinds of principals, by their names in roles.yaml and in the database.
const (
	KindUser     PrincipalKind = "user"     // a person, by object id
	KindGroup    PrincipalKind = "group"    // the members of a group, by its object id
	KindAppRole  PrincipalKind = "app_role" // the holders of an app role, by its value in the claim "roles"
	KindApp      PrincipalKind = "app"      // a program that calls for itself, by client id
	KindEveryone PrincipalKind = "everyone" // every caller of the tenant
)

// Principal is whom a grant or a block means, within its tenant.
type Principal struct {
	Kind PrincipalKind
	// ID is a GUID in lower case; of an app role its value, as it is written in
	// the token; of everyone empty.
	ID string
}

// String returns the kind and the id, fit for an error text.
func (p Principal) String() string {
	if p.ID == "" {
		return string(p.Kind)
	}
	return fmt.Sprintf("%s %s", p.Kind, quote(p.ID))
}

// Grant gives a principal a role. Its identity is (Tenant, Principal, Role): a
// store holds at most one of each.
type Grant struct {
	Tenant    string // GUID in lower case
	Principal Principal
	Role      string
	Priority  int // the highest one's role is a caller's default; fits 32 bits
	// Session holds session variables by name, x-hasura-… in lower case; nil if
	// there are none. Stores may share the map between answers: it is read only.
	Session map[string]Value
	From    time.Time // in force from this moment on, UTC; zero: since ever
	Until   time.Time // no longer in force at this moment, UTC; zero: without end
	Reason  string
}

// Block refuses a user or an app. Its identity is (Tenant, Principal).
type Block struct {
	Tenant    string    // GUID in lower case
	Principal Principal // KindUser or KindApp
	Until     time.Time // no longer in force at this moment, UTC; zero: without end
	Reason    string
}

// Query describes the caller whose grants are wanted. GUIDs may be in any case.
type Query struct {
	TenantID string
	ObjectID string   // grants and blocks of users go by it; required unless App
	App      bool     // a program that calls for itself, without a user
	ClientID string   // grants and blocks of apps go by it; required if App
	Groups   []string // object ids
	AppRoles []string // values of the claim "roles"
}

// Answer is all that the store holds about one caller, in a stable order: also
// what is over and what has not begun. A caller without grants gets none, and
// no error.
type Answer struct {
	Grants []Grant
	Blocks []Block
}

// principals returns the tenant and the principals that mean this caller, in
// lower case where they are GUIDs, each once, the caller's own first. Groups and
// app roles that no grant can name are left out: they come from a token and must
// not trouble a store.
//
// An error means that the query lacks the ids to judge by, which is a fault of
// who asks: without its own id, a block of the caller could not be found.
func (q Query) principals() (tenant string, list []Principal, err error) {
	tenant = strings.ToLower(q.TenantID)
	own, err := q.own()
	if err != nil {
		return "", nil, err
	}
	list = append(make([]Principal, 0, 2+len(q.Groups)+len(q.AppRoles)), own)
	seen := map[Principal]bool{}
	add := func(p Principal) {
		if !seen[p] {
			seen[p] = true
			list = append(list, p)
		}
	}
	for _, id := range q.Groups {
		if id = strings.ToLower(id); isGUID(id) {
			add(Principal{Kind: KindGroup, ID: id})
		}
	}
	for _, value := range q.AppRoles {
		if isAppRole(value) {
			add(Principal{Kind: KindAppRole, ID: value})
		}
	}
	add(Principal{Kind: KindEveryone})
	return tenant, list, nil
}

// own returns the principal that means this caller alone.
func (q Query) own() (Principal, error) {
	own := Principal{Kind: KindUser, ID: strings.ToLower(q.ObjectID)}
	if q.App {
		own = Principal{Kind: KindApp, ID: strings.ToLower(q.ClientID)}
	}
	if !isGUID(strings.ToLower(q.TenantID)) || !isGUID(own.ID) {
		return Principal{}, errors.New("look up roles: the caller needs a tenant id and an object id, or as an app a client id")
	}
	return own, nil
}
