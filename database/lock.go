package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3/lock"
)

// The wait for somebody else's migration: asked for every second, five minutes
// long. Both in the units of goose's locker.
const (
	lockEverySeconds = 1
	lockAttempts     = 300
)

// unlockTimeout bounds giving the lock back, which also happens when the caller
// has called the migration off.
const unlockTimeout = 5 * time.Second

// lockSchema takes the advisory lock of migrations and makes the schema that
// goose's own table lies in. goose can take the lock by itself, but looks for
// its table before it does. The lock is held until unlock is called; a failure
// to give it back is no error, since it ends with its session.
func lockSchema(ctx context.Context, db *sql.DB) (unlock func(), err error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockEverySeconds, lockAttempts))
	if err != nil {
		return nil, fmt.Errorf("lock the database schema: %w", err)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	if err := ownSession(ctx, db, conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if err := locker.SessionLock(ctx, conn); err != nil {
		return nil, fmt.Errorf("lock the database schema: %w", errors.Join(err, conn.Close()))
	}
	unlock = func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTimeout)
		defer cancel()
		_ = locker.SessionUnlock(ctx, conn)
		_ = conn.Close() // given back, or closing the pool would not end the session
	}
	if err := createSchema(ctx, conn); err != nil {
		unlock()
		return nil, fmt.Errorf("create the database schema: %w", err)
	}
	return unlock, nil
}

// errNoOwnSession is for the operator: behind a transaction pooler the lock would
// be taken in one session and given back in another, and stay taken for ever.
var errNoOwnSession = errors.New("migrations need a session of their own, and a transaction pooler gives none: " +
	"connect to Postgres itself or use session pooling")

// ownSession refuses a connection that shares its backend with another one, or
// changes it while the other one holds a transaction. A pooler that is busy may
// by chance do neither.
func ownSession(ctx context.Context, db *sql.DB, conn *sql.Conn) error {
	before, err := backend(ctx, conn)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("connect to the database: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	other, err := backend(ctx, tx)
	if err != nil {
		return err
	}
	after, err := backend(ctx, conn)
	if err != nil {
		return err
	}
	if before == other || before != after {
		return errNoOwnSession
	}
	return nil
}

// backend returns the process that answers. It does not prepare its query, which a pooler may not bear.
func backend(ctx context.Context, session interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
},
) (pid int64, err error) {
	err = session.QueryRowContext(ctx, `SELECT pg_backend_pid()`, pgx.QueryExecModeSimpleProtocol).Scan(&pid)
	if err != nil {
		return 0, fmt.Errorf("read the process of a database session: %w", err)
	}
	return pid, nil
}

// insufficientPrivilege is what Postgres answers to whom a right lacks (SQLSTATE, appendix A of its manual).
const insufficientPrivilege = "42501"

// createSchema makes the schema issuer where it is missing. CREATE SCHEMA IF
// NOT EXISTS would want the right to create one even where a database
// administrator has made it for us.
func createSchema(ctx context.Context, conn *sql.Conn) error {
	var exists bool
	err := conn.QueryRowContext(ctx, `SELECT to_regnamespace('issuer') IS NOT NULL`).Scan(&exists)
	if err != nil || exists {
		return err
	}
	_, err = conn.ExecContext(ctx, `CREATE SCHEMA issuer`)
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == insufficientPrivilege {
		return fmt.Errorf("%w: grant CREATE on the database to this user, or make the schema issuer for it first", err)
	}
	return err
}
