package history_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/history"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// The cast of these tests.
const (
	contoso = "7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901"
	alice   = "11d3e5f7-0a1b-4c2d-8e3f-4a5b6c7d8e9f"
	bob     = "22e4f6a8-1b2c-4d3e-8f4a-5b6c7d8e9fa0"
)

func newPool(t *testing.T) *pgxpool.Pool { t.Helper(); return openPool(t, pgtest.New(t)) }

func openPool(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := database.Open(t.Context(), url)
	must(t, err)
	t.Cleanup(pool.Close)
	return pool
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustExec(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	_, err := pool.Exec(t.Context(), sql, args...)
	must(t, err)
}

func userGrant(id, role string) rolestore.Grant {
	return rolestore.Grant{Tenant: contoso, Principal: rolestore.Principal{Kind: rolestore.KindUser, ID: id}, Role: role}
}

func mustApply(t *testing.T, pool *pgxpool.Pool, by string, grants ...rolestore.Grant) {
	t.Helper()
	_, err := rolestore.NewPostgres(pool, rolestore.Rules{}).Apply(t.Context(), rolestore.Document{Grants: grants}, rolestore.ApplyOptions{Prune: true, By: by})
	must(t, err)
}

// everything lists all records, the newest first.
func everything(t *testing.T, pool *pgxpool.Pool) []history.Record {
	t.Helper()
	records, err := history.List(t.Context(), pool, history.Query{Limit: 1 << 20})
	must(t, err)
	return records
}

func mustVerify(t *testing.T, pool *pgxpool.Pool, anchors ...history.Head) history.Report {
	t.Helper()
	report, err := history.Verify(context.WithoutCancel(t.Context()), pool, anchors...)
	must(t, err)
	return report
}

// wantWhole fails unless the history holds and has so many records.
func wantWhole(t *testing.T, pool *pgxpool.Pool, records int64) {
	t.Helper()
	report := mustVerify(t, pool)
	if len(report.Faults) > 0 || report.Records != records || report.Head.Number != records {
		t.Errorf("%d records up to %s, want %d; faults: %q", report.Records, report.Head, records, report.Faults)
	}
}
