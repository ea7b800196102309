// Package rolemap answers: which root fields of GraphQL does a role own, and
// whom does its provisioner list as holders? It keeps that in Postgres, and
// turns the list into grants, which say what holders may be like everybody's. It
// knows nothing of GraphQL, of Microsoft Graph and of HTTP: names come with the
// object ids that were found for them.
package rolemap

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// readTimeout bounds one question, with the wait for a connection.
const readTimeout = 5 * time.Second

// Role is one that a provisioner made for a component of its own.
type Role struct {
	Role      string
	Component string
}

// Why says why nobody could be found by a name.
type Why string

// The reasons there are.
const (
	Unknown   Why = "unknown"   // nobody is called so
	Ambiguous Why = "ambiguous" // several are
	Malformed Why = "malformed" // it is no name of its kind
	NotAsked  Why = "not_asked" // Microsoft Graph could not be asked, or there is no one to ask it as
)

// Holder is somebody as a provisioner lists them.
type Holder struct {
	Name string // as it was listed
	ID   string // the object id, a GUID in lower case; empty if nobody could be found
	Why  Why    // why ID is empty
}

// Refusal is a change that must not be made. It is a rolestore.ErrRefused, and
// its text repeats nothing of the request.
type Refusal string

// What a change may be refused for.
const (
	ErrNoRole         Refusal = "there is no such role"
	ErrOtherComponent Refusal = "the role belongs to another component"
	ErrOtherRole      Refusal = "the component has another role already"
	ErrTaken          Refusal = "grants speak of this role already, and it is no provisioner's: only who has credentials may take it over"
	ErrBadRole        Refusal = "role_id: want a letter or _ and then up to 127 letters, digits, _ . or -, and not admin"
	ErrBadComponent   Refusal = "component_id: want one line of text of at most 1024 bytes"
	ErrBadField       Refusal = "graphql_root_field_names: want names of GraphQL, of at most 255 characters"
	ErrBadName        Refusal = "users and groups: want texts of one line, of 1 to 1024 bytes"
)

// Error returns the sentence.
func (r Refusal) Error() string { return string(r) }

// Is makes every Refusal a rolestore.ErrRefused.
func (r Refusal) Is(target error) bool { return target == rolestore.ErrRefused }

// Store keeps mapped roles in a database. All its methods may be called at the
// same time.
type Store struct {
	pool   *pgxpool.Pool
	grants *rolestore.Postgres
	rules  rolestore.Rules
}

// New makes a store on a pool, which stays the caller's to close. It does not
// connect.
func New(pool *pgxpool.Pool, rules rolestore.Rules) *Store {
	return &Store{pool, rolestore.NewPostgres(pool, rules), rules}
}

// ByRole returns the mapped role of this name. It fails with ErrNoRole, or with
// rolestore.ErrUnavailable if the database cannot be asked.
func (s *Store) ByRole(ctx context.Context, role string) (Role, error) {
	return s.find(ctx, `SELECT role, component FROM issuer.mapped_roles WHERE role = $1`, role)
}

// ByComponent returns the mapped role of a component. It fails as ByRole does.
func (s *Store) ByComponent(ctx context.Context, component string) (Role, error) {
	return s.find(ctx, `SELECT role, component FROM issuer.mapped_roles WHERE component = $1`, component)
}

func (s *Store) find(ctx context.Context, sql, key string) (Role, error) {
	if !isLine(key) { // which no row holds, and not every one of which Postgres takes
		return Role{}, ErrNoRole
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var found Role
	err := s.pool.QueryRow(ctx, sql, key).Scan(&found.Role, &found.Component)
	if errors.Is(err, pgx.ErrNoRows) {
		return Role{}, ErrNoRole
	}
	if err != nil {
		return Role{}, fmt.Errorf("look up a mapped role: %w: %w", rolestore.ErrUnavailable, err)
	}
	return found, nil
}
