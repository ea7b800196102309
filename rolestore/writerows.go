package rolestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// The statements of a change. Each meets exactly one row, or somebody has
// changed the tables by hand, without the lock. created_by and created_at tell
// who gave the row its present content, and when.
const (
	insertGrantSQL = `INSERT INTO issuer.grants
	(tenant, principal_kind, principal, role, priority, session, valid_from, valid_until, reason, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	updateGrantSQL = `UPDATE issuer.grants
SET priority = $5, session = $6, valid_from = $7, valid_until = $8, reason = $9, created_by = $10, created_at = now()
WHERE tenant = $1 AND principal_kind = $2 AND principal = $3 AND role = $4`
	deleteGrantSQL = `DELETE FROM issuer.grants WHERE tenant = $1 AND principal_kind = $2 AND principal = $3 AND role = $4`

	insertBlockSQL = `INSERT INTO issuer.blocks (tenant, principal_kind, principal, valid_until, reason, created_by)
VALUES ($1, $2, $3, $4, $5, $6)`
	updateBlockSQL = `UPDATE issuer.blocks SET valid_until = $4, reason = $5, created_by = $6, created_at = now()
WHERE tenant = $1 AND principal_kind = $2 AND principal = $3`
	deleteBlockSQL = `DELETE FROM issuer.blocks WHERE tenant = $1 AND principal_kind = $2 AND principal = $3`
)

// write makes the changes within tx, in one round trip.
func write(ctx context.Context, tx pgx.Tx, d Diff, by string) error {
	var batch pgx.Batch
	for _, g := range d.Grants.Added {
		batch.Queue(insertGrantSQL, g.columns(by)...)
	}
	for _, g := range d.Grants.Changed {
		batch.Queue(updateGrantSQL, g.After.columns(by)...)
	}
	for _, g := range d.Grants.Removed {
		batch.Queue(deleteGrantSQL, g.Tenant, g.Principal.Kind, g.Principal.ID, g.Role)
	}
	for _, b := range d.Blocks.Added {
		batch.Queue(insertBlockSQL, b.columns(by)...)
	}
	for _, b := range d.Blocks.Changed {
		batch.Queue(updateBlockSQL, b.After.columns(by)...)
	}
	for _, b := range d.Blocks.Removed {
		batch.Queue(deleteBlockSQL, b.Tenant, b.Principal.Kind, b.Principal.ID)
	}
	return send(ctx, tx, &batch)
}

// send runs the batch and wants one row of each of its statements.
func send(ctx context.Context, tx pgx.Tx, batch *pgx.Batch) (err error) {
	if batch.Len() == 0 {
		return nil
	}
	results := tx.SendBatch(ctx, batch)
	defer func() {
		if closing := results.Close(); err == nil {
			err = closing
		}
	}()
	for range batch.Len() {
		tag, err := results.Exec()
		const uniqueViolation = "23505"
		if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == uniqueViolation {
			return ErrChangedMeanwhile
		}
		if err != nil {
			return fmt.Errorf("write roles: %w", err)
		}
		if tag.RowsAffected() != 1 {
			return ErrChangedMeanwhile
		}
	}
	return nil
}

// columns returns the parameters of insertGrantSQL and updateGrantSQL.
func (g Grant) columns(by string) []any {
	session := []byte("{}")
	if len(g.Session) > 0 {
		session, _ = json.Marshal(g.Session, json.Deterministic(true)) // the texts are known to be valid UTF-8
	}
	return []any{
		g.Tenant, g.Principal.Kind, g.Principal.ID, g.Role, g.Priority, session,
		orNull(g.From), orNull(g.Until), g.Reason, by,
	}
}

// columns returns the parameters of insertBlockSQL and updateBlockSQL.
func (b Block) columns(by string) []any {
	return []any{b.Tenant, b.Principal.Kind, b.Principal.ID, orNull(b.Until), b.Reason, by}
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
