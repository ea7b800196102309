package database_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

func setting(t *testing.T, pool *pgxpool.Pool, name string) string {
	t.Helper()
	var value string
	if err := pool.QueryRow(t.Context(), "SELECT current_setting($1)", name).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestBehindAPoolerTheLimitsAreTheRolesAndAreAskedFor(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	execute(t, server.URL(), `CREATE ROLE "odd name" LOGIN PASSWORD 'x'`)
	url := as(server.URL(), "odd name", "x")
	pooler := &deafness{disguised: true}

	pool := pooler.pool(t, url)
	for name, unset := range map[string]string{"row_security": "on", "statement_timeout": "0", "idle_in_transaction_session_timeout": "0"} {
		if got := setting(t, pool, name); got != unset {
			t.Errorf("%s = %q in a session that is somebody else's too, want %q", name, got, unset)
		}
	}
	err := database.CheckSessions(t.Context(), pool)
	if !errors.Is(err, database.ErrSharedSessions) {
		t.Fatalf("CheckSessions = %v, want ErrSharedSessions", err)
	}
	_, cure, _ := strings.Cut(err.Error(), ": ")
	if strings.Count(cure, "ALTER ROLE") != 3 {
		t.Errorf("the cure is %q, want three statements", cure)
	}
	execute(t, server.URL(), cure) // an administrator does as told

	pool = pooler.pool(t, url)
	if err := database.CheckSessions(t.Context(), pool); err != nil {
		t.Errorf("CheckSessions after the cure = %v, want nil", err)
	}
	if got := setting(t, pool, "row_security"); got != "off" {
		t.Errorf("row_security = %q after the cure, want off", got)
	}
}

func TestASessionOfOnesOwnHasItsLimits(t *testing.T) {
	t.Parallel()
	if err := database.CheckSessions(t.Context(), open(t, pgtest.New(t))); err != nil {
		t.Errorf("CheckSessions = %v, want nil", err)
	}
	err := database.CheckSessions(t.Context(), open(t, "postgres://user:"+secret+"@/issuer?host=/nowhere"))
	if err == nil || errors.Is(err, database.ErrSharedSessions) {
		t.Errorf("CheckSessions without a server = %v, want another error", err)
	}
	mustNotShow(t, err, secret)
}
