package history_test

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// linesOf returns what the records tell, the oldest first.
func linesOf(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	var lines []string
	for _, r := range everything(t, pool) {
		lines = append(lines, r.Line())
	}
	slices.Reverse(lines)
	return lines
}

// The statements stand for people with psql and for releases that know of no
// history.
func TestWhoeverChangesTheTablesIsRecorded(t *testing.T) {
	t.Parallel()
	const insert = `INSERT INTO issuer.grants (tenant, principal_kind, principal, role) VALUES `
	const one = `('` + contoso + `', 'user', '` + alice + `', 'one')`
	const two = `('` + contoso + `', 'user', '` + alice + `', 'two')`
	line := func(role string) string {
		return "{ tenant: " + contoso + ", user: " + alice + ", role: " + role + " }"
	}
	urgent := strings.Replace(line("one"), " }", ", priority: 5 }", 1)
	for name, tc := range map[string]struct {
		sql  []string
		want []string
	}{
		"rows are inserted":           {[]string{insert + two + `, ` + one}, []string{"+ grant " + line("one"), "+ grant " + line("two")}},
		"a row is updated":            {[]string{insert + one, `UPDATE issuer.grants SET priority = 5`}, []string{"+ grant " + line("one"), "~ grant " + line("one") + " -> " + urgent}},
		"an update changes nothing":   {[]string{insert + one, `UPDATE issuer.grants SET priority = 0`}, []string{"+ grant " + line("one")}},
		"a row becomes another's":     {[]string{insert + one, `UPDATE issuer.grants SET role = 'two'`}, []string{"+ grant " + line("one"), "- grant " + line("one"), "+ grant " + line("two")}},
		"a row is deleted":            {[]string{insert + one, `DELETE FROM issuer.grants`}, []string{"+ grant " + line("one"), "- grant " + line("one")}},
		"nothing is deleted":          {[]string{`DELETE FROM issuer.grants`}, nil},
		"a table is emptied":          {[]string{insert + two + `, ` + one, `TRUNCATE issuer.grants`}, []string{"+ grant " + line("one"), "+ grant " + line("two"), "- grant " + line("one"), "- grant " + line("two")}},
		"an empty table is emptied":   {[]string{`TRUNCATE issuer.blocks, issuer.grants`}, nil},
		"a row is inserted or mended": {[]string{insert + one, insert + one + `, ` + two + ` ON CONFLICT (tenant, principal_kind, principal, role) DO UPDATE SET priority = 5`}, []string{"+ grant " + line("one"), "~ grant " + line("one") + " -> " + urgent, "+ grant " + line("two")}},
		"a row is replaced in one statement": {[]string{insert + one, `WITH gone AS (DELETE FROM issuer.grants RETURNING *)
			INSERT INTO issuer.grants SELECT tenant, principal_kind, principal, role, 5 FROM gone`}, []string{"+ grant " + line("one"), "- grant " + line("one"), "+ grant " + urgent}},
		"a user is blocked": {[]string{`INSERT INTO issuer.blocks (tenant, principal_kind, principal, reason) VALUES ('` + contoso + `', 'user', '` + alice + `', 'left')`, `TRUNCATE issuer.blocks`}, []string{
			"+ block { tenant: " + contoso + ", user: " + alice + `, reason: "left" }`, "- block { tenant: " + contoso + ", user: " + alice + `, reason: "left" }`,
		}},
		"a transaction is taken back": {[]string{`BEGIN; ` + insert + one + `; ROLLBACK`, insert + two}, []string{"+ grant " + line("two")}},
		"a savepoint is taken back":   {[]string{`BEGIN; SAVEPOINT s; ` + insert + one + `; ROLLBACK TO s; ` + insert + two + `; COMMIT`}, []string{"+ grant " + line("two")}},
		"the session lives elsewhere": {[]string{`SET timezone = 'Asia/Kathmandu'; SET datestyle = 'German'; ` + insert + one}, []string{"+ grant " + line("one")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := newPool(t)
			for _, sql := range tc.sql {
				mustExec(t, pool, sql)
			}
			if diff := cmp.Diff(tc.want, linesOf(t, pool)); diff != "" {
				t.Errorf("records (-want +got):\n%s", diff)
			}
			wantWhole(t, pool, int64(len(tc.want)))
		})
	}
}

func TestARecordSaysWhoAndFromWhere(t *testing.T) {
	t.Parallel()
	pool := openPool(t, with(t, pgtest.New(t), "application_name", "3:b,c"))
	mustApply(t, pool, "cli:ada@laptop", userGrant(alice, "one"))
	mustApply(t, pool, "cli:bob@laptop", userGrant(alice, "one"), userGrant(bob, "two"))
	mustExec(t, pool, `DELETE FROM issuer.grants`)
	mustExec(t, pool, `SELECT set_config('issuer.actor', E'é\n"5:x,', false); INSERT INTO issuer.blocks (tenant, principal_kind, principal) VALUES ('`+contoso+`', 'app', '`+bob+`')`)

	var login string
	must(t, pool.QueryRow(t.Context(), `SELECT session_user`).Scan(&login))
	var actors []string
	records := everything(t, pool)
	for i, r := range records {
		actors = append(actors, r.Actor)
		if r.Login != login || r.Application != "3:b,c" || r.At.Location() != time.UTC || r.Number != int64(len(records)-i) {
			t.Errorf("record %d: %+v", r.Number, r)
		}
	}
	if diff := cmp.Diff([]string{"é\n\"5:x,", "sql", "sql", "cli:bob@laptop", "cli:ada@laptop"}, actors); diff != "" {
		t.Errorf("actors, the newest first (-want +got):\n%s", diff)
	}
	wantWhole(t, pool, 5)
}

// The login of a service need not own the tables.
func TestALoginThatMayChangeRolesIsRecordedAndMayNotWriteRecords(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	owner := openPool(t, server.URL())
	mustExec(t, owner, `CREATE ROLE clerk LOGIN PASSWORD 'clerk'; GRANT USAGE ON SCHEMA issuer TO clerk;
		GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON issuer.grants, issuer.blocks TO clerk`)
	clerk := openPool(t, with(t, with(t, server.URL(), "user", "clerk"), "password", "clerk"))
	mustApply(t, clerk, "cli:clerk@desk", userGrant(alice, "one"))
	mustExec(t, clerk, `TRUNCATE issuer.grants`)
	for _, sql := range []string{
		`SELECT FROM issuer.role_history`, `DELETE FROM issuer.role_history`, `UPDATE issuer.role_state SET version = 0`,
		`SELECT issuer.record_roles('grant', NULL, ARRAY['{}'::jsonb])`,
		`CREATE TEMP TABLE grants (x int); CREATE TRIGGER forge AFTER INSERT ON grants REFERENCING NEW TABLE AS rows_new FOR EACH STATEMENT EXECUTE FUNCTION issuer.on_roles_change()`,
	} {
		wantRefused(t, clerk, sql)
	}
	if records := everything(t, owner); len(records) != 2 || records[0].Login != "clerk" || records[1].Actor != "cli:clerk@desk" {
		t.Errorf("records: %+v", records)
	}
	wantWhole(t, owner, 2)
}

// with returns the URL of a database with a parameter set.
func with(t *testing.T, link, name, value string) string {
	t.Helper()
	parsed, err := url.Parse(link)
	must(t, err)
	query := parsed.Query()
	query.Set(name, value)
	parsed.RawQuery = query.Encode()
	return parsed.String()
}

func wantRefused(t *testing.T, pool *pgxpool.Pool, sql string) {
	t.Helper()
	_, err := pool.Exec(t.Context(), sql)
	if refused, ok := errors.AsType[*pgconn.PgError](err); !ok || refused.Code != "42501" {
		t.Errorf("%s: got error %v, want that it is not allowed", sql, err)
	}
}

func TestTheHistoryIsOnlyAppendedTo(t *testing.T) {
	t.Parallel()
	pool := newPool(t)
	mustApply(t, pool, "a test", userGrant(alice, "one"))
	for _, sql := range []string{
		`UPDATE issuer.role_history SET actor = 'nobody'`, `DELETE FROM issuer.role_history`, `TRUNCATE issuer.role_history`,
		`DELETE FROM issuer.role_history WHERE false`, // not even as an attempt
		`INSERT INTO issuer.role_history SELECT 2, at, actor, login, address, application, kind, before, after, hash FROM issuer.role_history`,
		`UPDATE issuer.role_state SET version = 7`, `DELETE FROM issuer.role_state`, `TRUNCATE issuer.role_state`,
		`INSERT INTO issuer.role_state DEFAULT VALUES`, `TRUNCATE issuer.grants, issuer.role_history`,
	} {
		wantRefused(t, pool, sql)
	}
	wantWhole(t, pool, 1)
}

func TestTheVersionMovesAndIsNotified(t *testing.T) {
	t.Parallel()
	pool := newPool(t)
	heard := make(chan string, 10)
	listener, err := pgx.Connect(t.Context(), pool.Config().ConnString())
	must(t, err)
	defer listener.Close(t.Context())
	_, err = listener.Exec(t.Context(), `LISTEN issuer_roles; LISTEN done`)
	must(t, err)
	go func() {
		defer close(heard)
		for {
			n, err := listener.WaitForNotification(t.Context())
			if err != nil || n.Channel == "done" {
				return
			}
			heard <- n.Channel + n.Payload
		}
	}()
	const insert = `INSERT INTO issuer.grants (tenant, principal_kind, principal, role) SELECT '` + contoso + `', 'user', '` + alice + `', 'r' || n FROM generate_series(%d, %d) AS n`
	version := func() (v int64) {
		must(t, pool.QueryRow(t.Context(), `SELECT version FROM issuer.role_state`).Scan(&v))
		return v
	}
	before := version()
	for _, sql := range []string{
		`BEGIN; ` + fmt.Sprintf(insert, 1, 3) + `; ` + fmt.Sprintf(insert, 4, 6) + `; COMMIT`, // told once
		`DELETE FROM issuer.grants`,
	} {
		mustExec(t, pool, sql)
		after := version()
		if after <= before {
			t.Errorf("%s: the version was %d and is %d", sql, before, after)
		}
		before = after
	}
	for _, sql := range []string{`DELETE FROM issuer.grants`, `BEGIN; ` + fmt.Sprintf(insert, 1, 3) + `; ROLLBACK`} {
		mustExec(t, pool, sql)
		if after := version(); after != before {
			t.Errorf("%s: the version was %d and is %d", sql, before, after)
		}
	}
	mustExec(t, pool, `NOTIFY done`)
	var all []string
	for one := range heard {
		all = append(all, one)
	}
	if diff := cmp.Diff([]string{"issuer_roles", "issuer_roles"}, all); diff != "" {
		t.Errorf("notified (-want +got):\n%s", diff)
	}
}

func TestWritersAtOnceKeepTheChainWhole(t *testing.T) {
	t.Parallel()
	pool := newPool(t)
	store := rolestore.NewPostgres(pool, rolestore.Rules{})
	var people sync.WaitGroup
	for i := range 4 {
		people.Go(func() {
			for j := range 5 {
				edit := rolestore.Edit{Put: rolestore.Document{Grants: []rolestore.Grant{userGrant(alice, fmt.Sprintf("cli_%d_%d", i, j))}}}
				if _, err := store.Edit(t.Context(), edit, rolestore.ApplyOptions{By: "a test"}); err != nil {
					t.Error(err)
				}
			}
		})
		people.Go(func() { // by hand, several rows of a transaction in an order of one's own
			for j := range 5 {
				tx, err := pool.Begin(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				for _, role := range []string{fmt.Sprintf("sql_%d", (i+j)%3), fmt.Sprintf("sql_%d", (i+j+1)%3)} {
					if _, err := tx.Exec(t.Context(), `INSERT INTO issuer.grants (tenant, principal_kind, principal, role, priority) VALUES ($1, 'user', $2, $3, $4)
						ON CONFLICT (tenant, principal_kind, principal, role) DO UPDATE SET priority = excluded.priority`, contoso, bob, role, 10*i+j); err != nil {
						t.Error(err)
					}
				}
				if err := tx.Commit(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	people.Wait()
	report := mustVerify(t, pool)
	if len(report.Faults) > 0 || report.Records < 40 {
		t.Errorf("%d records, faults: %q", report.Records, report.Faults)
	}
}
