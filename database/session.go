package database

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrSharedSessions is returned by CheckSessions when the settings of our
// sessions are neither ours to make nor made for the role. Its text is for the
// operator and ends in the statements to run.
var ErrSharedSessions = errors.New("the database is reached through a pooler, so the limits of a session have to be the role's")

// sessionSettings are what a session of ours has. Each may be set by the URL,
// but the first: row security that was switched on for our tables must be an
// error, for it would take blocks away without a word.
//
// They are not sent as start-up parameters, since PgBouncer refuses the ones it
// does not know, and not with SET LOCAL, which would be a second round trip for
// every read.
var sessionSettings = []struct{ name, value, unset string }{
	{"row_security", "off", "on"},
	// What the server does for us when this process is cut off in the middle
	// of a transaction: it must not hold the lock of the ring for hours.
	{"statement_timeout", "15s", "0"},
	{"idle_in_transaction_session_timeout", "15s", "0"},
}

// ownBackend holds where the process that answers is the one we have logged in
// at. It is not behind a pooler, which makes up the number it gives to its
// clients: there a setting would reach whoever is next to get that backend, and
// would be lost to us. So behind one, nothing is set.
const ownBackend = `pg_backend_pid()::bigint = $1` // the number may be one that no process has

// stayIdle lifts the limit on idle sessions, where the server knows one.
const stayIdle = `SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout' AND ` + ownBackend

// limitSession applies the settings to a new connection of the pool, in one round trip.
func limitSession(ctx context.Context, conn *pgx.Conn) error {
	given := conn.Config().RuntimeParams
	var rows []string
	for _, s := range sessionSettings {
		if _, set := given[s.name]; !set || s.name == "row_security" {
			rows = append(rows, fmt.Sprintf("('%s', '%s')", s.name, s.value))
		}
	}
	_, err := conn.Exec(ctx, `SELECT set_config(name, value, false) FROM (VALUES `+strings.Join(rows, ", ")+`) AS s(name, value) WHERE `+ownBackend,
		pgx.QueryExecModeSimpleProtocol, int64(conn.PgConn().PID()))
	if err != nil {
		return fmt.Errorf("set the limits of a database session: %w", err)
	}
	return nil
}

// CheckSessions tells whether the sessions of a pool from Open have their
// limits: nil if so, ErrSharedSessions if they cannot be had and the role lacks
// them; any other error means that the database could not be asked. The program
// works all the same, so this is to warn of, not to stop for. It changes nothing.
func CheckSessions(ctx context.Context, pool *pgxpool.Pool) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	defer conn.Release()
	lacking, err := lackingSettings(ctx, conn.Conn())
	if err != nil {
		return fmt.Errorf("read the limits of a database session: %w", err)
	}
	if len(lacking) == 0 {
		return nil
	}
	role := pgx.Identifier{conn.Conn().Config().User}.Sanitize()
	var cure strings.Builder
	for _, s := range sessionSettings {
		if lacking[s.name] {
			fmt.Fprintf(&cure, " ALTER ROLE %s SET %s = '%s';", role, s.name, s.value)
		}
	}
	return fmt.Errorf("%w:%s", ErrSharedSessions, cure.String())
}

// lackingSettings returns the settings that a session behind a pooler starts
// without, so that only a SET by somebody before us could have made them.
func lackingSettings(ctx context.Context, conn *pgx.Conn) (map[string]bool, error) {
	unset := map[string]string{}
	var names []string
	for _, s := range sessionSettings {
		unset[s.name] = s.unset
		names = append(names, s.name)
	}
	// A pooler may not know our prepared statements, hence the simple protocol.
	rows, err := conn.Query(ctx, `SELECT name, reset_val FROM pg_settings WHERE NOT `+ownBackend+` AND name = ANY($2)`,
		pgx.QueryExecModeSimpleProtocol, int64(conn.PgConn().PID()), names)
	if err != nil {
		return nil, err
	}
	lacking := map[string]bool{}
	var name, value string
	_, err = pgx.ForEachRow(rows, []any{&name, &value}, func() error {
		if value == unset[name] {
			lacking[name] = true
		}
		return nil
	})
	return lacking, err
}
