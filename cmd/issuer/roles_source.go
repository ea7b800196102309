package main

import (
	"context"
	"fmt"

	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// holderStore tells who holds a role.
type holderStore interface {
	HoldersOf(ctx context.Context, tenantID, role string, most int) (rolestore.Holders, error)
}

// roleSource is wherever the settings keep roles, asked as it is now: past the cache of a running service.
type roleSource struct {
	roles   issuer.Roles
	holders holderStore // nil: a query of the operator's, which tells of one caller at a time
	close   func()
}

func openRoleSource(ctx context.Context, s settings) (roleSource, error) {
	if s.RolesFile != "" {
		file, err := rolestore.OpenFile(s.RolesFile, s.roleRules())
		if err != nil {
			return roleSource{}, usageError{fmt.Errorf("ISSUER_ROLES_FILE: %w", err)}
		}
		return roleSource{file, file, func() {}}, nil
	}
	pool, err := openMigrated(ctx, s)
	if err != nil {
		return roleSource{}, err
	}
	if s.RolesQueryFile == "" {
		store := rolestore.NewPostgres(pool, s.roleRules())
		return roleSource{store, store, pool.Close}, nil
	}
	query, err := s.ownQuery(ctx, pool)
	if err != nil {
		pool.Close()
		return roleSource{}, usageError{err}
	}
	return roleSource{query, nil, pool.Close}, nil
}
