package rolestore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// The statements of a change. Each takes many rows as one JSON array and meets
// all of them, or somebody has changed the tables by hand, without the lock. One
// statement for many rows, since each one moves the head of the history. created_by and created_at tell who gave the row its present
// content, and when.
const (
	grantRowsSQL = `json_to_recordset($1::json) AS n(tenant uuid, principal_kind text, principal text, role text,
	priority integer, session jsonb, valid_from timestamptz, valid_until timestamptz, reason text)`
	sameGrantSQL = `t.tenant = n.tenant AND t.principal_kind = n.principal_kind AND t.principal = n.principal AND t.role = n.role`

	insertGrantsSQL = `INSERT INTO issuer.grants
	(tenant, principal_kind, principal, role, priority, session, valid_from, valid_until, reason, created_by)
SELECT n.*, $2 FROM ` + grantRowsSQL
	updateGrantsSQL = `UPDATE issuer.grants AS t SET priority = n.priority, session = n.session, valid_from = n.valid_from,
	valid_until = n.valid_until, reason = n.reason, created_by = $2, created_at = now()
FROM ` + grantRowsSQL + ` WHERE ` + sameGrantSQL
	deleteGrantsSQL = `DELETE FROM issuer.grants AS t USING ` + grantRowsSQL + ` WHERE ` + sameGrantSQL

	blockRowsSQL = `json_to_recordset($1::json) AS n(tenant uuid, principal_kind text, principal text,
	valid_until timestamptz, reason text)`
	sameBlockSQL = `t.tenant = n.tenant AND t.principal_kind = n.principal_kind AND t.principal = n.principal`

	insertBlocksSQL = `INSERT INTO issuer.blocks (tenant, principal_kind, principal, valid_until, reason, created_by)
SELECT n.*, $2 FROM ` + blockRowsSQL
	updateBlocksSQL = `UPDATE issuer.blocks AS t SET valid_until = n.valid_until, reason = n.reason, created_by = $2, created_at = now()
FROM ` + blockRowsSQL + ` WHERE ` + sameBlockSQL
	deleteBlocksSQL = `DELETE FROM issuer.blocks AS t USING ` + blockRowsSQL + ` WHERE ` + sameBlockSQL

	// actorSQL tells the history who changes the roles, until the transaction
	// ends: a pooler may give the connection to somebody else then.
	actorSQL = `SELECT set_config('issuer.actor', $1, true)`
)

// rowJSON is a row of either table, by the names of its columns.
type rowJSON struct {
	Tenant     string           `json:"tenant"`
	Kind       PrincipalKind    `json:"principal_kind"`
	Principal  string           `json:"principal"`
	Role       string           `json:"role,omitempty"`
	Priority   int              `json:"priority"`
	Session    map[string]Value `json:"session"`
	ValidFrom  time.Time        `json:"valid_from,omitzero"`
	ValidUntil time.Time        `json:"valid_until,omitzero"`
	Reason     string           `json:"reason"`
}

func (g Grant) row() rowJSON {
	return rowJSON{g.Tenant, g.Principal.Kind, g.Principal.ID, g.Role, g.Priority, g.Session, g.From, g.Until, g.Reason}
}

func (b Block) row() rowJSON {
	return rowJSON{Tenant: b.Tenant, Kind: b.Principal.Kind, Principal: b.Principal.ID, ValidUntil: b.Until, Reason: b.Reason}
}

// write makes the changes within tx, a statement after the other, and tells progress after each how many of all entries are written.
func write(ctx context.Context, tx pgx.Tx, d Diff, by string, progress func(done, all int)) error {
	var c changeset
	c.rows(insertGrantsSQL, rowsOf(d.Grants.Added, Grant.row), by)
	c.rows(updateGrantsSQL, rowsOf(afters(d.Grants.Changed), Grant.row), by)
	c.rows(deleteGrantsSQL, rowsOf(d.Grants.Removed, Grant.row))
	c.rows(insertBlocksSQL, rowsOf(d.Blocks.Added, Block.row), by)
	c.rows(updateBlocksSQL, rowsOf(afters(d.Blocks.Changed), Block.row), by)
	c.rows(deleteBlocksSQL, rowsOf(d.Blocks.Removed, Block.row))
	if c.err != nil {
		return fmt.Errorf("write roles: %w", c.err)
	}
	if _, err := tx.Exec(ctx, actorSQL, by); err != nil {
		return fmt.Errorf("write roles: %w", err)
	}
	return c.send(ctx, tx, progress)
}

func rowsOf[T any](entries []T, row func(T) rowJSON) []rowJSON {
	rows := make([]rowJSON, len(entries))
	for i, one := range entries {
		rows[i] = row(one)
	}
	return rows
}

func afters[T any](all []Change[T]) []T {
	entries := make([]T, len(all))
	for i, one := range all {
		entries[i] = one.After
	}
	return entries
}

// changeset collects statements.
type changeset struct {
	statements []statement
	all        int   // rows
	err        error // of writing rows as JSON
}

// statement writes many rows.
type statement struct {
	sql       string
	arguments []any
	rows      int // that it has to meet
}

// maxRows keeps a statement far below the time that a session allows for one.
const maxRows = 5000

func (c *changeset) rows(sql string, rows []rowJSON, more ...any) {
	for some := range slices.Chunk(rows, maxRows) {
		text, err := json.Marshal(some)
		if err != nil {
			c.err = err
		}
		c.statements = append(c.statements, statement{sql, append([]any{string(text)}, more...), len(some)})
		c.all += len(some)
	}
}

// send runs the statements. One that meets other rows than it has to is
// ErrChangedMeanwhile.
func (c *changeset) send(ctx context.Context, tx pgx.Tx, progress func(done, all int)) error {
	done := 0
	for _, s := range c.statements {
		tag, err := tx.Exec(ctx, s.sql, s.arguments...)
		const uniqueViolation = "23505"
		if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == uniqueViolation {
			return ErrChangedMeanwhile
		}
		if err != nil {
			return fmt.Errorf("write roles: %w", err)
		}
		if tag.RowsAffected() != int64(s.rows) {
			return ErrChangedMeanwhile
		}
		if done += s.rows; progress != nil {
			progress(done, c.all)
		}
	}
	return nil
}
