package database_test

import (
	"database/sql"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
	"github.com/pressly/goose/v3"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

// migrateTo applies the migrations up to a version, as an older release has done.
func migrateTo(t *testing.T, url string, version int64) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	execute(t, url, `CREATE SCHEMA issuer`)
	provider, err := goose.NewProvider(goose.DialectPostgres, db, os.DirFS("migrations"),
		goose.WithTableName("issuer.migrations"), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
}

func TestTheHistoryOfRolesBeginsWithWhatIsThere(t *testing.T) {
	t.Parallel()
	url := pgtest.NewEmpty(t)
	migrateTo(t, url, 4)
	const insert = `INSERT INTO issuer.grants (tenant, principal_kind, principal, role, reason, created_by) VALUES
		('7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901', 'user', '11d3e5f7-0a1b-4c2d-8e3f-4a5b6c7d8e9f', `
	// What no rule allows, but a person with psql: it must not stop the migration, and can be mended and removed behind it.
	execute(t, url, insert+`'before', E'two\nlines', 'ada')`)
	execute(t, url, `INSERT INTO issuer.blocks (tenant, principal_kind, principal, created_by) SELECT tenant, principal_kind, principal, created_by FROM issuer.grants`)
	if _, err := database.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	execute(t, url, insert+`'after', '', 'bob')`)
	execute(t, url, `UPDATE issuer.grants SET reason = 'one line' WHERE role = 'before'`)

	rows, err := open(t, url).Query(t.Context(), `SELECT number || ' ' || actor || ' ' || kind || ' '
		|| coalesce(before->>'reason', '-') || ' ' || coalesce(after->>'role', '-') || ' ' || (after->>'created_by') FROM issuer.role_history ORDER BY number`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"1 found by migration 5 grant - before ada", "2 found by migration 5 block - - ada",
		"3 sql grant - after bob", "4 sql grant two\nlines before ada",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}
