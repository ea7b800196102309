package database

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// errSilent means that a connection which did deliver notifications no longer does.
var errSilent = errors.New("the connection that listens has gone silent")

// session listens on one connection for as long as that is good, and says why
// it ended: ErrNoNotifications if it never was.
func (l *listener) session(ctx context.Context) error {
	conn, err := l.connect(ctx)
	if err != nil {
		return fmt.Errorf("connect to the database to listen: %w", err)
	}
	defer l.hangUp(ctx, conn)
	for _, channel := range l.channels {
		l.wake(channel)
	}
	// A transaction pooler takes LISTEN for whatever session is free, so what
	// tells it apart is that the first trial is lost.
	lost := ErrNoNotifications
	for {
		if err := l.try(ctx, conn, lost); err != nil {
			return err
		}
		l.heard()
		lost = errSilent
		if err := l.attend(ctx, conn); err != nil {
			return err
		}
	}
}

// connect opens the connection and listens. The connection runs no query after
// that, so it has none of the limits of the pool's sessions; what would end it
// is the limit on idle ones, from Postgres 14 on. The dialer of Go has TCP
// keepalive switched on; the trials notice sooner.
func (l *listener) connect(ctx context.Context) (*pgx.Conn, error) {
	config := l.pool.Config().ConnConfig
	config.OnNotification = nil // the pool's; without one pgx keeps them for WaitForNotification
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, l.pace.answer)
	defer cancel()
	var statements strings.Builder
	for _, channel := range append(slices.Clone(l.channels), l.private) {
		fmt.Fprintf(&statements, "LISTEN %s;", pgx.Identifier{channel}.Sanitize())
	}
	_, err = conn.Exec(ctx, stayIdle, pgx.QueryExecModeSimpleProtocol, int64(conn.PgConn().PID()))
	if err == nil {
		_, err = conn.Exec(ctx, statements.String(), pgx.QueryExecModeSimpleProtocol)
	}
	if err != nil {
		l.hangUp(ctx, conn)
		return nil, err
	}
	return conn, nil
}

// hangUp closes a connection, which may be dead, and waits no longer for it
// than for an answer.
func (l *listener) hangUp(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.pace.answer)
	defer cancel()
	_ = conn.Close(ctx)
}

// try sends a notification to ourselves and waits until it is back; lost if it
// does not come. It is sent through the pool: over the connection that listens
// it would come back also where nothing else does.
func (l *listener) try(ctx context.Context, conn *pgx.Conn, lost error) error {
	nonce := newNonce()
	sending, cancel := context.WithTimeout(ctx, l.pace.answer)
	defer cancel()
	if _, err := l.pool.Exec(sending, `SELECT pg_notify($1, $2)`, l.private, nonce); err != nil {
		return fmt.Errorf("try the connection that listens: %w", err)
	}
	waiting, cancel := context.WithTimeout(ctx, l.pace.answer)
	defer cancel()
	for {
		payload, err := l.next(waiting, conn)
		switch {
		case err != nil && waiting.Err() != nil:
			return lost
		case err != nil:
			return err
		case payload == nonce:
			return nil
		}
	}
}

// attend passes on what comes until nothing has come for a while.
func (l *listener) attend(ctx context.Context, conn *pgx.Conn) error {
	for {
		silence, cancel := context.WithTimeout(ctx, l.pace.silence)
		_, err := l.next(silence, conn)
		quiet := silence.Err() != nil
		cancel()
		if err != nil && quiet {
			return ctx.Err()
		}
		if err != nil {
			return err
		}
	}
}

// next waits for one notification and wakes whom it is for. It returns the
// payload of one on the private channel. A ctx that ends leaves the connection as it is.
func (l *listener) next(ctx context.Context, conn *pgx.Conn) (payload string, err error) {
	n, err := conn.WaitForNotification(ctx)
	switch {
	case err != nil:
		return "", fmt.Errorf("wait for notifications: %w", err)
	case n.Channel == l.private:
		return n.Payload, nil
	case slices.Contains(l.channels, n.Channel):
		l.wake(n.Channel)
	}
	return "", nil
}
