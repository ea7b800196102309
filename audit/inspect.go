package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const inspectTimeout = 5 * time.Second

// ErrReadOnly is returned by Rehearse where the database takes no writes: a standby, or one that is set so.
var ErrReadOnly = errors.New("the database is read-only")

// Rights are what a login may do about the audit, and what is there for it.
type Rights struct {
	Login     string // whom the database takes us for
	Read      bool
	Add       bool // records
	Count     bool // repeated answers
	Months    bool // make and drop them
	ThisMonth bool // has a table of its own
}

// Inspect returns the rights of the pool's login. It writes nothing. It fails with ErrNoAudit, or where the database cannot be
// asked.
func Inspect(ctx context.Context, pool *pgxpool.Pool) (Rights, error) {
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	var r Rights
	err := pool.QueryRow(ctx, `SELECT current_user::text,
	has_table_privilege('issuer.audit', 'SELECT'), has_table_privilege('issuer.audit', 'INSERT'),
	has_column_privilege('issuer.audit', 'repeats', 'UPDATE') AND has_column_privilege('issuer.audit', 'repeated_at', 'UPDATE'),
	has_function_privilege('issuer.audit_months(integer)', 'EXECUTE'),
	EXISTS (SELECT FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'issuer.audit'::regclass AND c.relname = 'audit_' || to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM'))`).
		Scan(&r.Login, &r.Read, &r.Add, &r.Count, &r.Months, &r.ThisMonth)
	if hasState(err, "42P01", "42883", "3F000") {
		return Rights{}, ErrNoAudit
	}
	if err != nil {
		return Rights{}, fmt.Errorf("ask for the rights on the audit: %w", err)
	}
	return r, nil
}

// errRehearsed ends a transaction in which all went well.
var errRehearsed = errors.New("rehearsed")

// Rehearse writes a record of now and a repeated answer as a journal does, in a transaction that it takes back. It fails with
// ErrReadOnly, or with what Postgres says.
func Rehearse(ctx context.Context, pool *pgxpool.Pool, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	ref := newRef(now)
	record := Record{ID: ref.ID, At: ref.At, Kind: KindExchange, Door: "check", Outcome: Refused, Reason: "none", TenantID: uuid.Nil.String()}
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		for _, step := range []struct {
			sql  string
			rows any
		}{{insertSQL, []Record{record}}, {repeatsSQL, []counted{{ref, 1, ref.At}}}} {
			doc, err := json.Marshal(step.rows)
			if err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, step.sql, doc); err != nil {
				return err
			}
		}
		return errRehearsed
	})
	switch {
	case errors.Is(err, errRehearsed):
		return nil
	case hasState(err, "25006"):
		return ErrReadOnly
	}
	return fmt.Errorf("rehearse a record: %w", err)
}
