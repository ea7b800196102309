package audit_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/audit"
	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const (
	contoso = "7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901"
	alice   = "11d3e5f7-0a1b-4c2d-8e3f-4a5b6c7d8e9f"
	spa     = "5d4c3b2a-1908-47f6-9e5d-4c3b2a190833"
)

func open(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := database.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func mustExec(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// search returns the records that q chooses, of which there are fewer than a hundred.
func search(t *testing.T, pool *pgxpool.Pool, q audit.Query) []audit.Record {
	t.Helper()
	q.Limit = 100
	records, err := audit.Search(t.Context(), pool, q)
	if err != nil {
		t.Fatal(err)
	}
	return records
}
