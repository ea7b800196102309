package rolestore_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolestoretest"
)

func TestPostgresIsARoleStore(t *testing.T) {
	t.Parallel()
	rolestoretest.TestStore(t, func(t *testing.T, doc rolestore.Document) rolestoretest.Store {
		t.Helper()
		store, _ := newPostgres(t, rolestore.Rules{})
		mustApply(t, store, doc, rolestore.ApplyOptions{})
		return store
	})
}

func TestPostgresTellsWhoHoldsARole(t *testing.T) {
	t.Parallel()
	rolestoretest.TestHolders(t, func(t *testing.T, doc rolestore.Document) rolestoretest.HolderStore {
		t.Helper()
		store, _ := newPostgres(t, rolestore.Rules{})
		mustApply(t, store, doc, rolestore.ApplyOptions{})
		return store
	})
}

// TestHoldersAreFoundByAnIndex: also those of a role that next to nobody holds, without a look at all grants.
func TestHoldersAreFoundByAnIndex(t *testing.T) {
	t.Parallel()
	_, pool := newPostgres(t, rolestore.Rules{})
	mustExec(t, pool, `INSERT INTO issuer.grants (tenant, principal_kind, principal, role)
		SELECT ('7f2d6c1e-3b0a-4c55-9e1d-' || lpad((n % 10)::text, 12, '0'))::uuid, 'user', gen_random_uuid()::text, CASE WHEN n % 1000 = 3 THEN 'rare' ELSE 'frequent' END
		FROM generate_series(1, 10000) n`)
	mustExec(t, pool, `ANALYZE issuer.grants`)
	for _, args := range [][]any{{"rare", nil, nil}, {"rare", nil, 3}, {"rare", "7f2d6c1e-3b0a-4c55-9e1d-000000000003", 3}, {"frequent", "7f2d6c1e-3b0a-4c55-9e1d-000000000003", 3}} {
		rows, err := pool.Query(t.Context(), "EXPLAIN "+rolestore.HoldersSQL, args...)
		must(t, err)
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		must(t, err)
		if text := strings.Join(plan, "\n"); !strings.Contains(text, "using grants_by_role") || strings.Contains(text, "Sort") || strings.Contains(text, "Seq Scan on grants") {
			t.Errorf("%v:\n%s", args, text)
		}
	}
}

// TestTenantsAreFoundByAnIndex: of as many grants as there may be, one is read for each tenant.
func TestTenantsAreFoundByAnIndex(t *testing.T) {
	t.Parallel()
	store, pool := newPostgres(t, rolestore.Rules{})
	if tenants, err := store.Tenants(t.Context(), 10); err != nil || len(tenants) > 0 {
		t.Errorf("without grants: %v, %v", tenants, err)
	}
	mustExec(t, pool, `INSERT INTO issuer.grants (tenant, principal_kind, principal, role)
		SELECT ('7f2d6c1e-3b0a-4c55-9e1d-' || lpad((n % 3)::text, 12, '0'))::uuid, 'user', gen_random_uuid()::text, 'editor'
		FROM generate_series(1, 10000) n`)
	mustExec(t, pool, `ANALYZE issuer.grants`)
	all := []string{"7f2d6c1e-3b0a-4c55-9e1d-000000000000", "7f2d6c1e-3b0a-4c55-9e1d-000000000001", "7f2d6c1e-3b0a-4c55-9e1d-000000000002"}
	for most, want := range map[int][]string{10: all, 2: all[:2]} {
		got, err := store.Tenants(t.Context(), most)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	rows, err := pool.Query(t.Context(), "EXPLAIN "+rolestore.TenantsSQL, 10)
	must(t, err)
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	must(t, err)
	if text := strings.Join(plan, "\n"); strings.Contains(text, "Sort") || strings.Contains(text, "Seq Scan") {
		t.Error(text)
	}
}

// newPostgres returns a store on an empty database of its own, and its pool.
func newPostgres(t *testing.T, rules rolestore.Rules) (*rolestore.Postgres, *pgxpool.Pool) {
	t.Helper()
	pool := openPool(t, pgtest.New(t))
	return rolestore.NewPostgres(pool, rules), pool
}

func openPool(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := database.Open(t.Context(), url)
	must(t, err)
	t.Cleanup(pool.Close)
	return pool
}

func mustApply(t *testing.T, store *rolestore.Postgres, doc rolestore.Document, options rolestore.ApplyOptions) rolestore.Diff {
	t.Helper()
	options.By = "a test"
	changed, err := store.Apply(t.Context(), doc, options)
	must(t, err)
	return changed
}

func mustExec(t *testing.T, pool *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	_, err := pool.Exec(t.Context(), sql, args...)
	must(t, err)
}

// queryCounter counts what is sent to the database.
type queryCounter struct{ queries atomic.Int64 }

func (c *queryCounter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.queries.Add(1)
	return ctx
}

func (c *queryCounter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// countedPostgres is newPostgres with a count of the queries.
func countedPostgres(t *testing.T) (*rolestore.Postgres, *atomic.Int64) {
	t.Helper()
	config, err := pgxpool.ParseConfig(pgtest.New(t))
	must(t, err)
	counter := &queryCounter{}
	config.ConnConfig.Tracer = counter
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(pool.Close)
	return rolestore.NewPostgres(pool, rolestore.Rules{}), &counter.queries
}

func TestOneLookUpIsOneStatement(t *testing.T) {
	t.Parallel()
	store, queries := countedPostgres(t)
	q := aliceQuery()
	q.Groups, q.AppRoles = []string{editors, bob}, []string{"Hasura.Reader"}
	for range 3 {
		before := queries.Load()
		_, err := store.Grants(t.Context(), q)
		must(t, err)
		if sent := queries.Load() - before; sent != 1 {
			t.Errorf("sent %d statements, want 1", sent)
		}
	}
}

func TestTheOrderOfAnAnswerIsNotThatOfTheTable(t *testing.T) {
	t.Parallel()
	store, _ := newPostgres(t, rolestore.Rules{})
	for _, role := range []string{"b", "c", "a"} {
		mustApply(t, store, oneRole(role), rolestore.ApplyOptions{})
	}
	expectRoles(t, store, "a", "b", "c")
}

// A row may be written by hand, under older settings, or by another release.
func TestARowThatBreaksTheRulesFailsItsCallersAndNobodyElse(t *testing.T) {
	t.Parallel()
	const insert = `INSERT INTO issuer.grants (tenant, principal_kind, principal, role, session, reason) VALUES ($1, 'user', $2, `
	for name, tc := range map[string]struct{ loosen, insert, want string }{
		"a variable from a claim": {
			``, insert + `'reader', '{"x-hasura-user-id": "1"}', '')`, "session.x-hasura-user-id: comes from verified claims",
		},
		"a variable in capitals": {`grants_session_names_are_variables`, insert + `'reader', '{"X-Hasura-Org": "1"}', '')`, "session: want names like"},
		"a line break in a value": {
			``, insert + `'reader', '{"x-hasura-org": "1\n2"}', '')`, "session.x-hasura-org: want one line",
		},
		"a line break in the reason": {`grants_reason_is_one_line`, insert + `'reader', '{}', E'a\nb')`, "reason: want one line"},
		"admin":                      {``, insert + `'admin', '{}', '')`, "role: admin may do everything"},
		"a number": {
			`grants_session_holds_strings`, insert + `'reader', '{"x-hasura-org": 1}', '')`, "session: want an object of strings",
		},
		"null in a list": {
			`grants_session_holds_strings`, insert + `'reader', '{"x-hasura-org": [null]}', '')`, "session: want an object of strings",
		},
		"null for a session": {
			`grants_session_is_an_object`, insert + `'reader', 'null', '')`, "session: want an object of strings",
		},
		"the variable of the role": {
			`grants_session_is_not_reserved`, insert + `'reader', '{"x-hasura-role": "admin"}', '')`, "session.x-hasura-role: comes from",
		},
		"a role that is none": {`grants_role_is_well_formed`, insert + `'a"b', '{}', '')`, "role: want a letter"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, pool := newPostgres(t, rolestore.Rules{ReservedVariables: []string{"x-hasura-user-id"}})
			mustApply(t, store, rolestore.Document{Grants: []rolestore.Grant{userGrant(alice, "fine"), userGrant(bob, "fine")}}, rolestore.ApplyOptions{})
			if tc.loosen != "" {
				mustExec(t, pool, `ALTER TABLE issuer.grants DROP CONSTRAINT `+tc.loosen)
			}
			mustExec(t, pool, tc.insert, contoso, alice)

			answer, err := store.Grants(t.Context(), aliceQuery())
			if !errors.Is(err, rolestore.ErrUnavailable) {
				t.Fatalf("got %d grants and error %v, want ErrUnavailable", len(answer.Grants), err)
			}
			if text := err.Error(); !strings.Contains(text, tc.want) || !strings.Contains(text, "to user "+alice+" in tenant "+contoso) {
				t.Errorf("the error does not name the row or what is wrong with it: %s", text)
			}
			if len(answer.Grants)+len(answer.Blocks) > 0 {
				t.Error("got an answer beside the error")
			}
			_, err = store.Grants(t.Context(), rolestore.Query{TenantID: contoso, ObjectID: bob})
			must(t, err)
		})
	}
}

func TestABlockThatBreaksTheRulesFailsItsCaller(t *testing.T) {
	t.Parallel()
	store, pool := newPostgres(t, rolestore.Rules{})
	mustExec(t, pool, `ALTER TABLE issuer.blocks DROP CONSTRAINT blocks_reason_is_one_line`)
	mustExec(t, pool, `INSERT INTO issuer.blocks (tenant, principal_kind, principal, reason) VALUES ($1, 'user', $2, E'\t')`, contoso, alice)
	if _, err := store.Grants(t.Context(), aliceQuery()); !errors.Is(err, rolestore.ErrUnavailable) {
		t.Errorf("got error %v, want ErrUnavailable", err)
	}
}

// Without end is null, and an infinite date is nothing that a grant or a token can have.
func TestAnInfiniteDateFailsItsCaller(t *testing.T) {
	t.Parallel()
	for _, date := range []string{"valid_from, valid_until) VALUES ($1, 'user', $2, 'reader', '-infinity', NULL)", "valid_from, valid_until) VALUES ($1, 'user', $2, 'reader', NULL, 'infinity')"} {
		store, pool := newPostgres(t, rolestore.Rules{})
		mustExec(t, pool, `ALTER TABLE issuer.grants DROP CONSTRAINT grants_dates_are_finite`)
		mustExec(t, pool, `INSERT INTO issuer.grants (tenant, principal_kind, principal, role, `+date, contoso, alice)
		if answer, err := store.Grants(t.Context(), aliceQuery()); !errors.Is(err, rolestore.ErrUnavailable) || len(answer.Grants) > 0 {
			t.Errorf("%s: got %d grants and error %v, want ErrUnavailable", date, len(answer.Grants), err)
		}
	}
}

func TestAnExportIsInTheOrderOfADocument(t *testing.T) {
	t.Parallel()
	store, _ := newPostgres(t, rolestore.Rules{})
	mustApply(t, store, exampleDocument(), rolestore.ApplyOptions{})
	got, err := store.Export(t.Context())
	must(t, err)
	if diff := cmp.Diff(exampleDocument(), got); diff != "" {
		t.Errorf("export (-want +got):\n%s", diff)
	}
}

// A caller is found by the primary keys, however many grants there are.
func TestALookUpReadsByIndex(t *testing.T) {
	t.Parallel()
	store, pool := newPostgres(t, rolestore.Rules{})
	mustExec(t, pool, `ALTER TABLE issuer.grants DISABLE TRIGGER USER`) // as if there were a history of them
	mustExec(t, pool, `INSERT INTO issuer.grants (tenant, principal_kind, principal, role)
		SELECT $1::uuid, 'user', gen_random_uuid()::text, 'reader' FROM generate_series(1, 50000)`, contoso)
	mustExec(t, pool, `ANALYZE issuer.grants`)
	before := scans(t, pool)
	q := aliceQuery()
	for n := range 200 {
		q.Groups = append(q.Groups, strings.Replace(editors, "0001-0000", "0001-"+strconv.Itoa(1000+n), 1))
	}
	_, err := store.Grants(t.Context(), q)
	must(t, err)
	_, err = store.NamedGroups(t.Context(), contoso, 100)
	must(t, err)
	if after := scans(t, pool); after != before {
		t.Errorf("the table was read from end to end: %d sequential scans, were %d", after, before)
	}
}

// scans counts the sequential scans of grants so far.
func scans(t *testing.T, pool *pgxpool.Pool) (n int) {
	t.Helper()
	conn, err := pool.Acquire(t.Context())
	must(t, err)
	defer conn.Release()
	_, err = conn.Exec(t.Context(), `SELECT pg_stat_force_next_flush()`)
	must(t, err)
	must(t, conn.QueryRow(t.Context(), `SELECT seq_scan FROM pg_stat_user_tables WHERE schemaname = 'issuer' AND relname = 'grants'`).Scan(&n))
	return n
}
