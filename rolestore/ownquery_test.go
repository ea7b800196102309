package rolestore_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// newOwnQuery returns a store of a query on a database with more tables than ours.
func newOwnQuery(t *testing.T, tables, query string) (*rolestore.OwnQuery, *pgxpool.Pool) {
	t.Helper()
	pool := openPool(t, pgtest.New(t))
	mustExec(t, pool, tables)
	store, err := rolestore.NewOwnQuery(t.Context(), pool, rolestore.Rules{ReservedVariables: []string{"x-hasura-user-id"}}, query)
	must(t, err)
	return store, pool
}

func TestOwnTablesSayWhatACallerMayBe(t *testing.T) {
	t.Parallel()
	alice := aliceQuery()
	alice.Groups, alice.AppRoles = []string{"d1000001-0000-4000-8000-000000000001"}, []string{"Hasura.Reader"}
	ends := time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		query string
		want  []rolestore.Grant
	}{
		"a constant":       {`SELECT 'reader' AS role`, []rolestore.Grant{{Role: "reader"}}},
		"nobody's":         {`SELECT 'reader' AS role WHERE false`, nil},
		"with a semicolon": {"SELECT 'reader' AS role;\n", []rolestore.Grant{{Role: "reader"}}},
		"all columns": {
			`SELECT 'reader' AS role, 7 AS priority, '{"x-hasura-org-id": "42", "x-hasura-regions": ["eu"]}'::json AS session, '2099-01-01Z'::timestamptz AS until`,
			[]rolestore.Grant{{Role: "reader", Priority: 7, Until: ends, Session: map[string]rolestore.Value{"x-hasura-org-id": rolestore.Text("42"), "x-hasura-regions": rolestore.List("eu")}}},
		},
		"nulls are what is left out": {`SELECT 'reader' AS role, NULL::int AS priority, NULL::jsonb AS session, NULL::timestamptz AS until`, []rolestore.Grant{{Role: "reader"}}},
		"infinity is no end":         {`SELECT 'reader' AS role, 'infinity'::timestamptz AS until`, []rolestore.Grant{{Role: "reader"}}},
		"ids as uuid": {
			`SELECT 'reader' AS role WHERE @tenant = '` + alice.TenantID + `'::uuid AND @subject = '` + alice.ObjectID + `'::uuid AND @groups::uuid[] = ARRAY['d1000001-0000-4000-8000-000000000001'::uuid] AND @app_roles = ARRAY['Hasura.Reader']
				AND @kind = 'user'::text AND @now > now() - interval '1 minute'`,
			[]rolestore.Grant{{Role: "reader"}},
		},
		"in a transaction that can only read and ends by itself": {
			`SELECT 'limit_' || current_setting('statement_timeout') AS role WHERE current_setting('transaction_read_only') = 'on'`, []rolestore.Grant{{Role: "limit_4500ms"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, _ := newOwnQuery(t, `SELECT`, tc.query)
			must(t, store.Check(t.Context()))
			answer, err := store.Grants(t.Context(), alice)
			must(t, err)
			for i := range tc.want {
				tc.want[i].Tenant, tc.want[i].Principal = alice.TenantID, rolestore.Principal{Kind: "query"}
			}
			if diff := cmp.Diff(tc.want, answer.Grants); diff != "" {
				t.Errorf("grants (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnAppIsAskedAboutByItsClientID(t *testing.T) {
	t.Parallel()
	app := rolestore.Query{TenantID: aliceQuery().TenantID, ObjectID: aliceQuery().ObjectID, App: true, ClientID: "5A5A5A5A-1111-4222-8333-444455556666"}
	store, _ := newOwnQuery(t, `SELECT`, `SELECT 'robot' AS role WHERE @kind::text = 'app' AND @client::text = '5a5a5a5a-1111-4222-8333-444455556666'`)
	answer, err := store.Grants(t.Context(), app)
	must(t, err)
	if len(answer.Grants) != 1 {
		t.Errorf("%d grants", len(answer.Grants))
	}
}

func TestAQueryThatCannotBeUsedSaysWhy(t *testing.T) {
	t.Parallel()
	const tables = `CREATE TABLE users (id uuid, role text)`
	for name, tc := range map[string]struct{ query, want string }{
		"nothing":                    {" ;\n", "the query is empty"},
		"no such parameter":          {`SELECT role FROM users WHERE id = @user`, "the query names @user: want one of @tenant, @subject"},
		"no column role":             {`SELECT id::text AS name FROM users`, `no column role`},
		"another column":             {`SELECT role, id FROM users`, `a column id: want role`},
		"a column twice":             {`SELECT role, role FROM users`, "the column role twice"},
		"a role of another type":     {`SELECT id AS role FROM users`, "the query's column role has another type than text: cast it (role::text)"},
		"a session of text":          {`SELECT role, '{}'::text AS session FROM users`, "cast it (session::jsonb)"},
		"a time without a zone":      {`SELECT role, now()::timestamp AS until FROM users`, "cast it (until::timestamptz)"},
		"no such table":              {"SELECT role\nFROM people", "line 2 of the query"},
		"a syntax error":             {"SELECT role\nFORM users", "line 2 of the query"},
		"two statements":             {`SELECT role FROM users; DELETE FROM users`, "multiple commands"},
		"one that writes":            {`INSERT INTO users (role) VALUES ('reader') RETURNING role`, "read-only transaction"},
		"one that writes by stealth": {`WITH gone AS (DELETE FROM users RETURNING role) SELECT role FROM gone`, "read-only transaction"},
		"none that returns":          {`SELECT`, "no column role"},
		"a parameter without a type": {`SELECT role FROM users WHERE @groups IS NOT NULL`, "could not determine data type"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := openPool(t, pgtest.New(t))
			mustExec(t, pool, tables)
			store, err := rolestore.NewOwnQuery(t.Context(), pool, rolestore.Rules{}, tc.query)
			if err == nil {
				err = store.Check(t.Context())
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got error %v, want %q", err, tc.want)
			}
		})
	}
}

func TestAQueryThatTakesTooLongSaysHowLongItMay(t *testing.T) {
	t.Parallel()
	store, _ := newOwnQuery(t, `SELECT`, `SELECT 'late' AS role FROM pg_sleep(60)`)
	_, err := store.Grants(t.Context(), aliceQuery())
	if !errors.Is(err, rolestore.ErrUnavailable) || !strings.Contains(err.Error(), "runs for 4.5s") || strings.Contains(err.Error(), "57014") {
		t.Error(err)
	}
}

// Without the row the caller might get more than is meant, so nothing is given at all.
func TestARowOfAQueryThatBreaksTheRulesIsNoAnswer(t *testing.T) {
	t.Parallel()
	for name, query := range map[string]string{
		"admin":                    `SELECT 'admin' AS role`,
		"no role":                  `SELECT NULL::text AS role`,
		"a role with a blank":      `SELECT 'a b' AS role`,
		"a priority too high":      `SELECT 'reader' AS role, 3000000000 AS priority`,
		"a variable from a claim":  `SELECT 'reader' AS role, '{"x-hasura-user-id": "1"}'::jsonb AS session`,
		"the role as a variable":   `SELECT 'reader' AS role, '{"x-hasura-role": "admin"}'::jsonb AS session`,
		"a number for a text":      `SELECT 'reader' AS role, '{"x-hasura-org": 1}'::jsonb AS session`,
		"a session that is a list": `SELECT 'reader' AS role, '[]'::jsonb AS session`,
		"an end before all time":   `SELECT 'reader' AS role, '-infinity'::timestamptz AS until`,
		"a good row before it":     `SELECT 'reader' AS role UNION ALL SELECT 'admin'`,
		"more rows than sense":     `SELECT 'role_' || n AS role FROM generate_series(1, 1001) AS n`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, _ := newOwnQuery(t, `SELECT`, query)
			answer, err := store.Grants(t.Context(), aliceQuery())
			if !errors.Is(err, rolestore.ErrBrokenRow) || !errors.Is(err, rolestore.ErrUnavailable) || len(answer.Grants) > 0 {
				t.Errorf("got %+v and error %v, want ErrBrokenRow", answer, err)
			}
		})
	}
}

// What is wrong with a value is said in words that hold the value.
func TestAnErrorOfAQueryHoldsNobodysData(t *testing.T) {
	t.Parallel()
	alice := aliceQuery()
	alice.AppRoles = []string{"secret-value"}
	for name, query := range map[string]string{
		"a cast":   `SELECT 'reader' AS role WHERE (@app_roles::text[])[1]::uuid IS NOT NULL`,
		"a raise":  `SELECT raise((@app_roles::text[])[1]) AS role`,
		"a number": `SELECT 'reader' AS role WHERE (@app_roles::text[])[1]::int > 0`,
	} {
		store, _ := newOwnQuery(t, `CREATE FUNCTION raise(what text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no: %', what; END $$`, query)
		_, err := store.Grants(t.Context(), alice)
		if !errors.Is(err, rolestore.ErrUnavailable) || strings.Contains(err.Error(), "secret-value") || !strings.Contains(err.Error(), "SQLSTATE") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A table that is locked while somebody alters it says nothing about the query.
func TestAQueryThatRunsIntoALimitIsNotWrong(t *testing.T) {
	t.Parallel()
	store, _ := newOwnQuery(t, `CREATE FUNCTION busy() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE lock_not_available; END $$`, `SELECT busy() AS role`)
	if err := store.Check(t.Context()); !errors.Is(err, rolestore.ErrUnavailable) || errors.Is(err, rolestore.ErrBrokenRow) {
		t.Errorf("%v", err)
	}
}

func TestBlocksCountWithOwnTablesToo(t *testing.T) {
	t.Parallel()
	store, pool := newOwnQuery(t, `SELECT`, `SELECT 'reader' AS role WHERE @subject::text IS NOT NULL`)
	before, err := store.Revision(t.Context())
	must(t, err)
	mustExec(t, pool, `INSERT INTO issuer.blocks (tenant, principal_kind, principal, reason) VALUES ($1, 'user', $2, 'left')`, aliceQuery().TenantID, aliceQuery().ObjectID)
	answer, revision, err := store.Look(t.Context(), aliceQuery())
	must(t, err)
	if len(answer.Grants) != 1 || len(answer.Blocks) != 1 || answer.Blocks[0].Reason != "left" || revision == before {
		t.Errorf("%+v at %+v", answer, revision)
	}
	if _, err := store.Grants(t.Context(), rolestore.Query{}); err == nil || errors.Is(err, rolestore.ErrUnavailable) {
		t.Errorf("a caller without ids: error %v", err)
	}
}

// Groups that a token leaves out have to be read where the query asks for them, and only there.
func TestAQueryTellsWhetherGroupsMatter(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]bool{
		`SELECT 'reader' AS role WHERE 'd1' = ANY(@groups::text[])`: true,
		`SELECT 'reader' AS role /* not of @groups */`:              false,
	} {
		store, _ := newOwnQuery(t, `SELECT`, query)
		groups, err := store.NamedGroups(t.Context(), aliceQuery().TenantID, 20)
		if err != nil || groups.More != want || len(groups.IDs) > 0 {
			t.Errorf("%s: %+v, %v", query, groups, err)
		}
	}
}

// The tables are those that the examples describe.
func TestTheExamplesOfQueriesWork(t *testing.T) {
	t.Parallel()
	alice := aliceQuery()
	alice.Groups = []string{"d1000001-0000-4000-8000-000000000001", "d2000002-0000-4000-8000-000000000002"}
	for file, tc := range map[string]struct {
		tables string
		want   []string
	}{
		"users-role-column.sql": {`CREATE TABLE users (tenant uuid, id uuid, role text, organisation integer, disabled boolean NOT NULL DEFAULT false, PRIMARY KEY (tenant, id));
			INSERT INTO users VALUES ('` + alice.TenantID + `', '` + alice.ObjectID + `', 'editor', 42), ('` + alice.TenantID + `', '00000000-0000-4000-8000-000000000009', 'reader', 1)`, []string{"editor 0 x-hasura-org-id"}},
		"hasura-tracked-tables.sql": {
			`CREATE TABLE roles (role text PRIMARY KEY, rank integer NOT NULL DEFAULT 0);
			CREATE TABLE members (tenant uuid, object_id uuid, role text REFERENCES roles, ends_at timestamptz, PRIMARY KEY (tenant, object_id, role));
			CREATE TABLE teams (tenant uuid, group_id uuid, role text REFERENCES roles, regions text[] NOT NULL DEFAULT '{}', PRIMARY KEY (tenant, group_id, role));
			INSERT INTO roles VALUES ('editor', 5), ('reader', 1), ('gone', 9);
			INSERT INTO members VALUES ('` + alice.TenantID + `', '` + alice.ObjectID + `', 'editor', NULL), ('` + alice.TenantID + `', '` + alice.ObjectID + `', 'gone', '2020-01-01Z');
			INSERT INTO teams VALUES ('` + alice.TenantID + `', 'd2000002-0000-4000-8000-000000000002', 'reader', '{eu,us}'), ('` + alice.TenantID + `', 'd3000003-0000-4000-8000-000000000003', 'gone', '{}')`,
			[]string{"editor 5", "reader 1 x-hasura-regions"},
		},
		"rolemapping.sql": {
			`CREATE SCHEMA rolemapping; CREATE TABLE rolemapping.user_roles ("user" text, role_id text); CREATE TABLE rolemapping.group_roles ("group" text, role_id text);
			INSERT INTO rolemapping.user_roles VALUES ('user:` + alice.ObjectID + `', 'sales_orders_1_api_role'), ('user:somebody', 'other_role');
			INSERT INTO rolemapping.group_roles VALUES ('group:d1000001-0000-4000-8000-000000000001', 'hr_people_1_api_role'), ('group:d9', 'other_role')`,
			[]string{"hr_people_1_api_role 0", "sales_orders_1_api_role 0"},
		},
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			query, err := os.ReadFile(filepath.Join("..", "deploy", "roles-queries", file))
			must(t, err)
			store, _ := newOwnQuery(t, tc.tables, strings.ReplaceAll(string(query), "00000000-0000-0000-0000-000000000000", alice.TenantID))
			must(t, store.Check(t.Context()))
			answer, err := store.Grants(t.Context(), alice)
			must(t, err)
			var got []string
			for _, g := range answer.Grants {
				line := g.Role + " " + strconv.Itoa(g.Priority)
				for name := range g.Session {
					line += " " + name
				}
				got = append(got, line)
			}
			slices.Sort(got)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("grants (-want +got):\n%s", diff)
			}
		})
	}
	files, err := filepath.Glob(filepath.Join("..", "deploy", "roles-queries", "*.sql"))
	if err != nil || len(files) != 3 {
		t.Errorf("there are %d examples, %v", len(files), err)
	}
}
