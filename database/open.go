// Package database answers one question: which schema does the database have?
// It opens Postgres, brings the schema up to date and says whether it is new
// enough. It owns the one sequence of migrations, for the tables of every
// room; what the rows mean is known to rolestore and keys alone.
package database

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// connectTimeout bounds one attempt to connect, where the URL sets none.
	connectTimeout = 5 * time.Second
	// maxConns is the size of the pool, where the URL sets none. An exchange
	// holds a connection for one round trip, so ten serve thousands a second.
	maxConns = 10
	// maxConnLifetime lets a pool follow a failover or a new password within
	// the hour; the jitter keeps replicas from reconnecting all at once.
	maxConnLifetime       = 30 * time.Minute
	maxConnLifetimeJitter = 5 * time.Minute
	// pingTimeout bounds the liveness check of a connection that was idle.
	pingTimeout = 2 * time.Second
)

// Open makes a connection pool from a postgres:// URL. It does not connect, so
// it also succeeds while the server is down; the caller closes the pool.
//
// The URL may set what libpq knows (sslmode, connect_timeout, …) and pgxpool's
// pool_max_conns, pool_max_conn_lifetime and so on; what it leaves out gets the
// defaults above, and sslmode verify-full for a server elsewhere. An error means
// that the URL cannot be read or asks for a TLS that falls back to none: its
// text holds nothing of the URL, which may be a password in the wrong place.
//
// pgx also reads the PG… variables, ~/.pgpass and, if PGSERVICE or the URL says
// so, a service file. They count where the URL is silent, so a URL without a
// host, port, user or database connects where they say; one that names all four
// is not moved. PGPASSWORD and ~/.pgpass only add a password, and
// PGSSLROOTCERT or ~/.postgresql/root.crt change which CA is believed.
//
// The last of the tracers that is not nil follows what is done on the pool.
func Open(ctx context.Context, databaseURL string, tracers ...pgx.QueryTracer) (*pgxpool.Pool, error) {
	config, err := parse(databaseURL)
	if err != nil {
		return nil, err
	}
	config.AfterConnect = limitSession
	for _, tracer := range tracers {
		if tracer != nil {
			config.ConnConfig.Tracer = tracer
		}
	}
	// Nobody listens on the pool. What comes all the same, through a pooler that
	// gave us a backend on which somebody did, pgx would keep for ever.
	config.ConnConfig.OnNotification = func(*pgconn.PgConn, *pgconn.Notification) {}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return pool, nil
}

// parse reads a database URL and fills in what it leaves out.
func parse(databaseURL string) (*pgxpool.Config, error) {
	query, err := splitURL(databaseURL)
	if err != nil {
		return nil, err
	}
	config, err := parseTransport(databaseURL, query)
	if err != nil {
		return nil, err
	}
	if !query.Has("pool_max_conns") {
		config.MaxConns = maxConns
	}
	if !query.Has("pool_max_conn_lifetime") {
		config.MaxConnLifetime = maxConnLifetime
		config.MaxConnLifetimeJitter = maxConnLifetimeJitter
	}
	if !query.Has("pool_ping_timeout") {
		config.PingTimeout = pingTimeout
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTimeout
	}
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "hasura-issuer"
	}
	return config, nil
}

// splitURL returns the query of a database URL. It refuses what is no URL, and
// a second place that could hold a password: an @, / or ? that was not percent-
// encoded moves the rest of the password into the host, the path or the query,
// from where it would turn up in error texts.
func splitURL(databaseURL string) (url.Values, error) {
	_, rest, found := strings.Cut(databaseURL, "://")
	scheme := strings.TrimSuffix(databaseURL, "://"+rest)
	if !found || (scheme != "postgres" && scheme != "postgresql") {
		return nil, errors.New("the database URL must begin with postgres://")
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	if strings.Count(rest[:end], "@") > 1 || strings.Contains(rest[end:], "@") {
		return nil, errors.New("the database URL has an @ in the wrong place: percent-encode the characters @ : / ? # % of the password")
	}
	_, rawQuery, _ := strings.Cut(rest[end:], "?")
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, errors.New("the database URL has a query that cannot be read")
	}
	return query, nil
}
