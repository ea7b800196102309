package history

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// intactSQL tells whether the history was ever made, and what is gone of it. It needs no right to read the records.
const intactSQL = `
SELECT EXISTS (SELECT FROM issuer.migrations WHERE version_id = 5 AND is_applied),
       coalesce(string_agg(name, ' and ' ORDER BY name), '')
FROM (VALUES ('issuer.role_history'), ('issuer.role_state')) AS made (name)
WHERE to_regclass(name) IS NULL`

// Intact tells whether the tables of the history are there. It fails with
// ErrNoHistory where the schema is older than they are, and otherwise where
// somebody removed one.
func Intact(ctx context.Context, pool *pgxpool.Pool) error {
	var made bool
	var gone string
	switch err := pool.QueryRow(ctx, intactSQL).Scan(&made, &gone); {
	case err != nil:
		return fmt.Errorf("look for the history of roles: %w", err)
	case !made:
		return ErrNoHistory
	case gone != "":
		return fmt.Errorf("the history of roles was removed: migration 5 made %s, and it is gone; only a backup has it", gone)
	}
	return nil
}

// isUndefined tells whether a query failed because a table does not exist.
func isUndefined(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && refused.Code == "42P01"
}
