package keystore_test

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

// The clock of a Postgres store is the database's, clock_timestamp(). A database whose clock is ours has another function
// of that name, in a schema that is searched before Postgres' own. The store's statements are what they always are.
const ownClock = `
CREATE SCHEMA clock;
CREATE TABLE clock.reading (at timestamptz NOT NULL);
INSERT INTO clock.reading VALUES (clock_timestamp());
CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT at FROM clock.reading'`

const (
	setClock = `UPDATE clock.reading SET at = $1`

	// emptyDatabase makes it what it was after the migrations.
	emptyDatabase = `
DELETE FROM issuer.keys;
DELETE FROM issuer.witnesses;
UPDATE issuer.ring SET founded_at = NULL, adoption = 0, version = 0`
)

// clockedDatabase returns the URL of a database whose clock is ours.
func clockedDatabase(t *testing.T) string {
	t.Helper()
	plain := pgtest.New(t)
	if _, err := openPool(t, plain).Exec(t.Context(), ownClock); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(plain)
	keystest.Must(t, err)
	query := u.Query()
	query.Set("search_path", "clock,pg_catalog")
	u.RawQuery = query.Encode()
	return u.String()
}

// clocked is a Postgres store that sets the database's clock before it asks.
type clocked struct {
	*keystore.Postgres
	pool *pgxpool.Pool
	now  func() time.Time
}

// databasesOf returns a database that was never used before, or looks like it, each time.
func databasesOf(t *testing.T) keystest.Open {
	t.Helper()
	pool := openPool(t, clockedDatabase(t))
	return func(now func() time.Time) keys.Store {
		if _, err := pool.Exec(t.Context(), emptyDatabase); err != nil {
			t.Fatal(err)
		}
		return &clocked{keystore.NewPostgres(pool), pool, now}
	}
}

func (c *clocked) set(ctx context.Context) error {
	_, err := c.pool.Exec(ctx, setClock, c.now())
	return err
}

func (c *clocked) Load(ctx context.Context) (keys.State, error) {
	if err := c.set(ctx); err != nil {
		return keys.State{}, err
	}
	return c.Postgres.Load(ctx)
}

func (c *clocked) Update(ctx context.Context, decide func(keys.State) (keys.Change, error)) (keys.State, error) {
	if err := c.set(ctx); err != nil {
		return keys.State{}, err
	}
	return c.Postgres.Update(ctx, decide)
}

func (c *clocked) Witness(ctx context.Context, seen []keys.Witness) error {
	if err := c.set(ctx); err != nil {
		return err
	}
	return c.Postgres.Witness(ctx, seen)
}
