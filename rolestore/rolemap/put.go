package rolemap

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// By is who makes a change.
type By struct {
	Actor string // for the history and for changed_by
	Known bool   // they have shown credentials: they may take over a role that is nobody's but has grants
}

// PutRole makes a role what it says: of this component, and owner of these root
// fields and no others. It fails with a Refusal, or with
// rolestore.ErrUnavailable.
func (s *Store) PutRole(ctx context.Context, by By, role Role, fields []string) error {
	if err := s.Check(role, fields); err != nil {
		return err
	}
	_, err := s.grants.EditWith(ctx, by.Actor, func(ctx context.Context, tx pgx.Tx) (rolestore.Edit, error) {
		if err := mayPut(ctx, tx, by, role); err != nil {
			return rolestore.Edit{}, err
		}
		return rolestore.Edit{}, putRole(ctx, tx, by, role, distinct(fields))
	})
	return plain(err, "map a role")
}

// mayPut compares the role with what there is.
func mayPut(ctx context.Context, tx pgx.Tx, by By, role Role) error {
	var component, other *string
	var granted bool
	err := tx.QueryRow(ctx, `SELECT (SELECT component FROM issuer.mapped_roles WHERE role = $1),
	(SELECT role FROM issuer.mapped_roles WHERE component = $2),
	EXISTS (SELECT FROM issuer.grants WHERE role = $1)`, role.Role, role.Component).Scan(&component, &other, &granted)
	switch {
	case err != nil:
		return err
	case component != nil && *component != role.Component:
		return ErrOtherComponent
	case component != nil:
		return nil
	case other != nil:
		return ErrOtherRole
	case granted && !by.Known:
		return ErrTaken
	}
	return nil
}

func putRole(ctx context.Context, tx pgx.Tx, by By, role Role, fields []string) error {
	var batch pgx.Batch
	batch.Queue(`SELECT set_config('issuer.actor', $1, true)`, by.Actor) // for the audit, until the transaction ends
	batch.Queue(`INSERT INTO issuer.mapped_roles (role, component, changed_by) VALUES ($1, $2, $3)
ON CONFLICT (role) DO UPDATE SET changed_by = excluded.changed_by, changed_at = now()`, role.Role, role.Component, by.Actor)
	batch.Queue(`DELETE FROM issuer.mapped_fields WHERE role = $1 AND field <> ALL ($2::text[])`, role.Role, fields)
	batch.Queue(`INSERT INTO issuer.mapped_fields (role, field) SELECT $1, f FROM unnest($2::text[]) AS f ON CONFLICT DO NOTHING`, role.Role, fields)
	return tx.SendBatch(ctx, &batch).Close()
}

// plain returns a Refusal as it is, and any other error with what was being done.
func plain(err error, doing string) error {
	if refusal, ok := errors.AsType[Refusal](err); ok {
		return refusal
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
