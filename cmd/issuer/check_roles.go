package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// roles tries whatever says who holds which roles.
func (a *attempt) roles(ctx context.Context, pool *pgxpool.Pool) []finding {
	if a.settings.RolesQueryFile != "" {
		query, err := a.settings.ownQuery(ctx, pool)
		if err == nil {
			err = query.Check(ctx)
		}
		return []finding{found("roles", "", "the query of ISSUER_ROLES_QUERY_FILE works, for a caller whom nobody knows", err)}
	}
	held, err := a.heldRoles(ctx, pool)
	f := found("roles", "", fmt.Sprintf("%d grants and %d blocks %s", held.grants, held.blocks, held.where), err)
	if err == nil && held.grants == 0 {
		f.Status, f.Cure = note, "nobody holds a role: issuer roles apply gives some"
	}
	return append([]finding{f}, a.settings.unserved(held.tenants)...)
}

// heldRoles are the grants of a store by their number.
type heldRoles struct {
	grants, blocks int
	tenants        []string // that grants name
	where          string
}

func (a *attempt) heldRoles(ctx context.Context, pool *pgxpool.Pool) (heldRoles, error) {
	if a.settings.RolesFile != "" {
		document, err := readDocument(a.settings.RolesFile, "ISSUER_ROLES_FILE", a.settings)
		return heldRoles{len(document.Grants), len(document.Blocks), document.Tenants(), "in the roles file"}, err
	}
	store := rolestore.NewPostgres(pool, a.settings.roleRules())
	grants, blocks, err := store.Size(ctx)
	tenants, tenantsErr := store.Tenants(ctx, mostTenants)
	return heldRoles{grants, blocks, tenants, "in the database"}, errors.Join(err, tenantsErr)
}

// mostTenants is of how many tenants it is told that nobody of them can come: more than anybody reads.
const mostTenants = 1000

// unserved notes each tenant that grants name and whose callers cannot come.
func (s *settings) unserved(tenants []string) []finding {
	var all []finding
	for _, tenant := range tenants {
		if !s.serves(tenant) {
			all = append(all, finding{
				Name: "roles", Of: "tenant " + tenant, Status: note, Detail: "grants name this tenant, and its tokens are refused",
				Cure: "add it to ISSUER_ENTRA_TENANTS (or ISSUER_ENTRA_ISSUERS) if its callers may come; else look for a wrong id in the grants",
			})
		}
	}
	return all
}

// unservedInFile is unserved for the roles file, if there is one.
func (s *settings) unservedInFile() ([]finding, error) {
	if s.RolesFile == "" {
		return nil, nil
	}
	document, err := readDocument(s.RolesFile, "ISSUER_ROLES_FILE", *s)
	return s.unserved(document.Tenants()), err
}
