package rolemap

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// Mapped is a role with all that is kept of it.
type Mapped struct {
	Role      string   `json:"role_id"`
	Component string   `json:"component_id"`
	Fields    []string `json:"graphql_root_field_names"` // sorted
	Holders   []Listed `json:"holders"`                  // sorted
}

// Listed is somebody whom a provisioner lists for a role.
type Listed struct {
	Tenant     string                  `json:"tenant"`
	Kind       rolestore.PrincipalKind `json:"kind"` // user or group
	Name       string                  `json:"name"`
	ID         string                  `json:"object_id,omitempty"`
	Unresolved Why                     `json:"unresolved,omitempty"`
}

// All returns every mapped role, sorted. It fails with
// rolestore.ErrUnavailable.
func (s *Store) All(ctx context.Context) ([]Mapped, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	all, err := collect(ctx, s.pool, `SELECT r.role, r.component,
	ARRAY(SELECT f.field FROM issuer.mapped_fields f WHERE f.role = r.role ORDER BY f.field)
FROM issuer.mapped_roles r ORDER BY r.role`, func(row pgx.CollectableRow) (m Mapped, err error) {
		return m, row.Scan(&m.Role, &m.Component, &m.Fields)
	})
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for i, m := range all {
		at[m.Role], all[i].Holders = i, []Listed{}
	}
	type holder struct {
		role string
		Listed
	}
	holders, err := collect(ctx, s.pool, `SELECT role, tenant::text, principal_kind, name, coalesce(principal, ''), unresolved
FROM issuer.mapped_holders ORDER BY role, tenant, principal_kind DESC, name`, func(row pgx.CollectableRow) (h holder, err error) {
		return h, row.Scan(&h.role, &h.Tenant, &h.Kind, &h.Name, &h.ID, &h.Unresolved)
	})
	for _, h := range holders {
		if i, known := at[h.role]; known { // else it was made in between
			all[i].Holders = append(all[i].Holders, h.Listed)
		}
	}
	return all, err
}

// Seed is a role as the role mapper kept it that we take the place of.
type Seed struct {
	Role   Role
	Fields []string
	Users  []string
	Groups []string
}

// ReadSeed reads the four tables of that role mapper, in a database that may be
// any, in one statement, that is, at one moment. It changes nothing. Its error
// says that it is that database which lacks something, or could not answer.
func ReadSeed(ctx context.Context, pool *pgxpool.Pool, schema string) ([]Seed, error) {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	table := func(name string) string { return pgx.Identifier{schema, name}.Sanitize() }
	list := func(column, of string) string {
		return fmt.Sprintf(`ARRAY(SELECT x.%s::text FROM %s x WHERE x.role_id = r.role_id ORDER BY 1)`, column, table(of))
	}
	sql := fmt.Sprintf(`SELECT r.role_id::text, r.component_id::text, %s, %s, %s FROM %s r ORDER BY 1`,
		list("graphql_root_field_name", "role_graphql_root_field_names"), list(`"user"`, "user_roles"), list(`"group"`, "group_roles"), table("roles"))
	seeds, err := rowsOf(ctx, pool, sql, func(row pgx.CollectableRow) (s Seed, err error) {
		return s, row.Scan(&s.Role.Role, &s.Role.Component, &s.Fields, &s.Users, &s.Groups)
	})
	if err != nil {
		return nil, seedProblem(schema, err)
	}
	return seeds, nil
}

// Codes of Postgres for what is not there. A schema that is not is a table that is not.
const (
	undefinedTable  = "42P01"
	undefinedColumn = "42703"
)

// seedProblem says that it is not our own database that failed.
func seedProblem(schema string, err error) error {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	if ok && (refused.Code == undefinedTable || refused.Code == undefinedColumn) {
		return fmt.Errorf("the role mapper's database lacks a table or a column in the schema %q: %w", schema, err)
	}
	return fmt.Errorf("the role mapper's database could not answer: %w", err)
}

func collect[T any](ctx context.Context, pool *pgxpool.Pool, sql string, scan pgx.RowToFunc[T]) ([]T, error) {
	all, err := rowsOf(ctx, pool, sql, scan)
	if err != nil {
		return nil, fmt.Errorf("read mapped roles: %w: %w", rolestore.ErrUnavailable, err)
	}
	return all, nil
}

func rowsOf[T any](ctx context.Context, pool *pgxpool.Pool, sql string, scan pgx.RowToFunc[T]) ([]T, error) {
	rows, err := pool.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}

// Listed returns the holders of one kind in a tenant.
func (m Mapped) Listed(tenant string, kind rolestore.PrincipalKind) (list []Holder) {
	for _, h := range m.Holders {
		if h.Tenant == tenant && h.Kind == kind {
			list = append(list, Holder{h.Name, h.ID, h.Unresolved})
		}
	}
	return list
}
