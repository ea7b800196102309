package database

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// minVersion is the oldest schema this release runs on: the last one of the
// release before it. Raise it one release after the migration that is needed,
// so that new code starts on the old schema and a rollout has no fixed order.
const minVersion = 3

// ErrSchemaTooOld is returned by Check when the schema lacks migrations that
// this release cannot do without. Its text tells the operator what to run.
var ErrSchemaTooOld = errors.New("the database schema is too old: run `issuer migrate`")

// Check tells whether this release can run on the schema the database has: nil
// if so, also when a newer release has migrated it. ErrSchemaTooOld, with both
// versions, if the schema is missing or too old; any other error means that the
// database could not be asked. It changes nothing, and any number may run.
func Check(ctx context.Context, pool *pgxpool.Pool) error {
	var version int64
	err := pool.QueryRow(ctx,
		`SELECT coalesce(max(version_id), 0) FROM `+versionTable+` WHERE is_applied`).Scan(&version)
	if err != nil && !isUndefined(err) {
		return fmt.Errorf("read the version of the database schema: %w", err)
	}
	if version < minVersion {
		return fmt.Errorf("%w (it has version %d, this release needs %d or later)", ErrSchemaTooOld, version, minVersion)
	}
	return nil
}

// isUndefined tells whether a query failed because its table does not exist,
// which Postgres also says of a schema that does not exist (SQLSTATE 42P01).
func isUndefined(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pgErr.Code == "42P01"
}
