package pgtest_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

func connect(t *testing.T, databaseURL string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Logf("close: %v", err)
		}
	})
	return conn
}

func execute(t *testing.T, databaseURL, statement string) {
	t.Helper()
	if _, err := connect(t, databaseURL).Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, databaseURL, query string) int {
	t.Helper()
	var n int
	if err := connect(t, databaseURL).QueryRow(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

const insertBlock = `INSERT INTO issuer.blocks (tenant, principal_kind, principal)
	VALUES (gen_random_uuid(), 'user', gen_random_uuid()::text)`

const countBlocks = `SELECT count(*) FROM issuer.blocks`

func TestEachTestHasADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	one, other := pgtest.New(t), pgtest.New(t)
	execute(t, one, insertBlock)
	if got := count(t, one, countBlocks); got != 1 {
		t.Errorf("%d rows in the database that one was put into, want 1", got)
	}
	if got := count(t, other, countBlocks); got != 0 {
		t.Errorf("%d rows in the other database, want 0", got)
	}
}

func TestADatabaseIsGoneWhenItsTestEnds(t *testing.T) {
	t.Parallel()
	witness := pgtest.NewEmpty(t)
	var name string
	t.Run("a test", func(t *testing.T) {
		u, err := url.Parse(pgtest.New(t))
		if err != nil {
			t.Fatal(err)
		}
		name = strings.TrimPrefix(u.Path, "/")
		connect(t, u.String()) // still open when the database is dropped
	})
	if name == "" || count(t, witness, `SELECT count(*) FROM pg_database WHERE datname = '`+name+`'`) != 0 {
		t.Error("the database is still there")
	}
}

func TestAnEmptyDatabaseHasNoSchemaOfOurs(t *testing.T) {
	t.Parallel()
	if count(t, pgtest.NewEmpty(t), `SELECT count(*) FROM pg_namespace WHERE nspname = 'issuer'`) != 0 {
		t.Error("it has")
	}
}

func TestAServerOfOnesOwnStopsAndComesBackWithItsRows(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	execute(t, server.URL(), insertBlock)

	server.Stop()
	server.Stop()
	if _, err := pgx.Connect(t.Context(), server.URL()); err == nil {
		t.Error("it answers after Stop")
	}
	for range 2 { // from stopped, then from running
		server.Restart()
		if got := count(t, server.URL(), countBlocks); got != 1 {
			t.Errorf("%d rows after Restart, want 1", got)
		}
	}
}
