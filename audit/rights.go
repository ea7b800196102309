package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrMayNot is returned where the database's login lacks a right without which no record is written. Its text tells the operator
// which.
var ErrMayNot = errors.New("the login may not write records of the audit: it needs SELECT, INSERT and UPDATE (repeats, repeated_at) on issuer.audit")

// MayRecord asks whether the database's login may write records, and writes none. It fails with ErrMayNot, with ErrNoAudit, or
// where the database cannot be asked.
func MayRecord(ctx context.Context, pool *pgxpool.Pool) error {
	var may *bool
	err := pool.QueryRow(ctx, `SELECT has_table_privilege(records, 'SELECT') AND has_table_privilege(records, 'INSERT')
	AND has_column_privilege(records, 'repeats', 'UPDATE') AND has_column_privilege(records, 'repeated_at', 'UPDATE')
FROM to_regclass('issuer.audit') AS records`).Scan(&may)
	switch {
	case err != nil:
		return fmt.Errorf("ask whether records of the audit may be written: %w", err)
	case may == nil:
		return ErrNoAudit
	case !*may:
		return ErrMayNot
	}
	return nil
}
