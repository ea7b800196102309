package rolemap_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolemap"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// The cast of these tests.
const (
	tenant = "7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901"
	alice  = "11d3e5f7-0a1b-4c2d-8e3f-4a5b6c7d8e9f"
	bob    = "22e4f6a8-1b2c-4d3e-8f4a-5b6c7d8e9fa0"
	carol  = "33f5a7b9-2c3d-4e4f-8a5b-6c7d8e9fa0b1"
	sales  = "sales_orders_0_view_role"
)

var (
	known    = rolemap.By{Actor: "admin:x", Known: true}
	stranger = rolemap.By{Actor: "compat@192.0.2.1"}
)

type stage struct {
	*testing.T
	pool  *pgxpool.Pool
	store *rolemap.Store
}

func open(t *testing.T) stage {
	t.Helper()
	pool, err := database.Open(t.Context(), pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return stage{t, pool, rolemap.New(pool, rolestore.Rules{})}
}

// withRole is a stage with the mapped role sales.
func withRole(t *testing.T) stage {
	t.Helper()
	s := open(t)
	s.must(s.store.PutRole(t.Context(), stranger, rolemap.Role{Role: sales, Component: "urn:sales"}, []string{"orders"}))
	return s
}

func (s stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// list puts the users of sales and returns how many nobody was found by.
func (s stage) list(holders ...rolemap.Holder) int {
	s.Helper()
	unresolved, err := s.store.PutHolders(s.Context(), stranger, rolemap.List{Tenant: tenant, Role: sales, Kind: rolestore.KindUser, Holders: holders})
	s.must(err)
	return unresolved
}

// grants are those of sales in the database, as "kind id priority".
func (s stage) grants() (found []string) {
	s.Helper()
	rows, err := s.pool.Query(s.Context(), `SELECT principal_kind || ' ' || principal || ' ' || priority FROM issuer.grants WHERE role = $1 ORDER BY 1`, sales)
	s.must(err)
	defer rows.Close()
	for rows.Next() {
		var one string
		s.must(rows.Scan(&one))
		found = append(found, one)
	}
	return found
}

func (s stage) wantGrants(want ...string) {
	s.Helper()
	if diff := cmp.Diff(want, s.grants()); diff != "" {
		s.Errorf("grants (-want +got):\n%s", diff)
	}
}

func (s stage) fields() (found []string) {
	s.Helper()
	s.must(s.pool.QueryRow(s.Context(), `SELECT coalesce(array_agg(field ORDER BY field), '{}') FROM issuer.mapped_fields WHERE role = $1`, sales).Scan(&found))
	return found
}

func found(name, id string) rolemap.Holder { return rolemap.Holder{Name: name, ID: id} }

func lost(name string, why rolemap.Why) rolemap.Holder { return rolemap.Holder{Name: name, Why: why} }

func TestARoleIsPutFoundAndReplaced(t *testing.T) {
	t.Parallel()
	s := open(t)
	want := rolemap.Role{Role: sales, Component: "urn:sales"}
	for _, fields := range [][]string{{"b", "a", "a"}, {"c", "b"}, {}} {
		s.must(s.store.PutRole(t.Context(), stranger, want, fields))
	}
	if got := s.fields(); len(got) != 0 {
		t.Errorf("fields %q, want none", got)
	}
	s.must(s.store.PutRole(t.Context(), stranger, want, []string{"c", "b", "c"}))
	if diff := cmp.Diff([]string{"b", "c"}, s.fields()); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	for name, find := range map[string]func(context.Context, string) (rolemap.Role, error){want.Role: s.store.ByRole, want.Component: s.store.ByComponent} {
		if got, err := find(t.Context(), name); got != want || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		for _, other := range []string{"other", "", "a\x00b", "\xff"} {
			if _, err := find(t.Context(), other); !errors.Is(err, rolemap.ErrNoRole) {
				t.Errorf("%q: %v", other, err)
			}
		}
	}
}

func TestWhatMustNotBeMappedIsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := withRole(t)
	_, err := s.pool.Exec(t.Context(), `INSERT INTO issuer.grants (tenant, principal_kind, principal, role) VALUES ($1, 'user', $2, 'editor')`, tenant, alice)
	s.must(err)
	for name, c := range map[string]struct {
		by     rolemap.By
		role   rolemap.Role
		fields []string
		want   error
	}{
		"another component":         {known, rolemap.Role{Role: sales, Component: "urn:other"}, nil, rolemap.ErrOtherComponent},
		"a component's second role": {known, rolemap.Role{Role: "second", Component: "urn:sales"}, nil, rolemap.ErrOtherRole},
		"somebody's role":           {stranger, rolemap.Role{Role: "editor", Component: "urn:e"}, nil, rolemap.ErrTaken},
		"admin":                     {known, rolemap.Role{Role: "admin", Component: "urn:a"}, nil, rolemap.ErrBadRole},
		"a role that is none":       {known, rolemap.Role{Role: "a b", Component: "urn:a"}, nil, rolemap.ErrBadRole},
		"no role":                   {known, rolemap.Role{Component: "urn:a"}, nil, rolemap.ErrBadRole},
		"no component":              {known, rolemap.Role{Role: "r"}, nil, rolemap.ErrBadComponent},
		"a component of two lines":  {known, rolemap.Role{Role: "r", Component: "a\nb"}, nil, rolemap.ErrBadComponent},
		"a component without end":   {known, rolemap.Role{Role: "r", Component: strings.Repeat("a", 1025)}, nil, rolemap.ErrBadComponent},
		"a field that is no name":   {known, rolemap.Role{Role: "r", Component: "urn:a"}, []string{"a", "b c"}, rolemap.ErrBadField},
		"a field without end":       {known, rolemap.Role{Role: "r", Component: "urn:a"}, []string{strings.Repeat("a", 256)}, rolemap.ErrBadField},
	} {
		err := s.store.PutRole(t.Context(), c.by, c.role, c.fields)
		if !errors.Is(err, c.want) || !errors.Is(err, rolestore.ErrRefused) || errors.Is(err, rolestore.ErrUnavailable) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if diff := cmp.Diff([]string{"orders"}, s.fields()); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	s.must(s.store.PutRole(t.Context(), known, rolemap.Role{Role: "editor", Component: "urn:e"}, nil))
}

func TestAListReplacesAndLeavesTheRestAsItIs(t *testing.T) {
	t.Parallel()
	s := withRole(t)
	_, err := s.pool.Exec(t.Context(), `INSERT INTO issuer.grants (tenant, principal_kind, principal, role, priority)
VALUES ($1, 'user', $2, $4, 7), ($1, 'user', $3, $4, 9), ($1, 'group', $2, $4, 1)`, tenant, alice, carol, sales)
	s.must(err)
	s.list(found("user:alice", alice), found("user:bob", bob), found("user:bobby", bob), found("user:bob", bob))
	s.wantGrants("group "+alice+" 1", "user "+alice+" 7", "user "+bob+" 0", "user "+carol+" 9")
	s.list(found("user:alice", alice))
	s.wantGrants("group "+alice+" 1", "user "+alice+" 7", "user "+carol+" 9") // no list has ever named carol
	s.list()
	s.wantGrants("group "+alice+" 1", "user "+carol+" 9")
	var actors []string
	s.must(s.pool.QueryRow(t.Context(), `SELECT array_agg(DISTINCT actor ORDER BY actor) FROM issuer.role_history`).Scan(&actors))
	if diff := cmp.Diff([]string{stranger.Actor, "sql"}, actors); diff != "" {
		t.Errorf("actors of the history (-want +got):\n%s", diff)
	}
}

func TestANameNobodyIsFoundByGivesNothingAndIsKept(t *testing.T) {
	t.Parallel()
	s := withRole(t)
	if n := s.list(found("user:alice", alice), lost("user:x", rolemap.Unknown), lost("user:y", rolemap.Ambiguous), lost("?", rolemap.Malformed)); n != 3 {
		t.Errorf("%d were not found, want 3", n)
	}
	s.wantGrants("user " + alice + " 0")
	var kept int
	s.must(s.pool.QueryRow(t.Context(), `SELECT count(*) FROM issuer.mapped_holders WHERE principal IS NULL`).Scan(&kept))
	if kept != 3 {
		t.Errorf("%d names are kept, want 3", kept)
	}
}

// TestThatGraphIsDownTakesNothingAway: who was found before stays, unless Graph says otherwise.
func TestThatGraphIsDownTakesNothingAway(t *testing.T) {
	t.Parallel()
	s := withRole(t)
	s.list(found("user:alice", alice), found("user:bob", bob))
	if n := s.list(lost("user:alice", rolemap.NotAsked), lost("user:bob", rolemap.Unknown), lost("user:carol", rolemap.NotAsked)); n != 2 {
		t.Errorf("%d were not found, want 2", n)
	}
	s.wantGrants("user " + alice + " 0")
	s.list(found("user:alice", carol)) // the name is somebody else's by now
	s.wantGrants("user " + carol + " 0")
}

// TestWhoTakesANameThatIsTakenTakesNothingAway: whoever may make groups may give one the name of another.
func TestWhoTakesANameThatIsTakenTakesNothingAway(t *testing.T) {
	t.Parallel()
	s := withRole(t)
	s.list(found("user:alice", alice), found("user:bob", bob))
	twins := []rolemap.Holder{lost("user:alice", rolemap.Ambiguous), lost("user:bob", rolemap.Ambiguous), lost("user:carol", rolemap.Ambiguous)}
	n, err := s.store.PutHolders(t.Context(), known, rolemap.List{
		Tenant: tenant, Role: sales, Kind: rolestore.KindUser, Holders: twins,
		Among: rolemap.Among{"user:alice": {carol, alice}, "user:bob": {alice, carol}, "user:carol": {carol, alice}},
	})
	s.must(err)
	if n != 2 {
		t.Errorf("%d were not found, want 2", n)
	}
	s.wantGrants("user " + alice + " 0") // bob is called otherwise by now, and carol never had it
}

func TestAListThatWasChangedMeanwhileIsNotChanged(t *testing.T) {
	t.Parallel()
	s := withRole(t)
	put := func(expected []rolemap.Holder, holders ...rolemap.Holder) error {
		_, err := s.store.PutHolders(t.Context(), known, rolemap.List{Tenant: tenant, Role: sales, Kind: rolestore.KindUser, Holders: holders, Expected: expected})
		return err
	}
	a, b := found("user:a", alice), lost("user:b", rolemap.Unknown)
	s.must(put([]rolemap.Holder{}, b, a))
	for _, expected := range [][]rolemap.Holder{{}, {a}, {a, found("user:b", bob)}} {
		if err := put(expected, a); !errors.Is(err, rolestore.ErrChangedMeanwhile) {
			t.Errorf("%v: %v", expected, err)
		}
	}
	s.must(put([]rolemap.Holder{a, b}, found("user:b", bob)))
	s.wantGrants("user " + bob + " 0")
}

func TestAListOfNoRoleOrOfNoNamesIsRefused(t *testing.T) {
	t.Parallel()
	s := withRole(t)
	for name, c := range map[string]struct {
		role    string
		holders []rolemap.Holder
		want    error
	}{
		"no such role":        {"other", []rolemap.Holder{found("user:a", alice)}, rolemap.ErrNoRole},
		"an empty name":       {sales, []rolemap.Holder{found("", alice)}, rolemap.ErrBadName},
		"a name of two lines": {sales, []rolemap.Holder{lost("a\nb", rolemap.Unknown)}, rolemap.ErrBadName},
		"nobody, and no why":  {sales, []rolemap.Holder{{Name: "user:a"}}, rolemap.ErrBadName},
	} {
		_, err := s.store.PutHolders(t.Context(), known, rolemap.List{Tenant: tenant, Role: c.role, Kind: rolestore.KindUser, Holders: c.holders})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	s.wantGrants()
}

func TestAGrantThatBreaksTheRulesTakesTheWholeListBack(t *testing.T) {
	t.Parallel()
	s := withRole(t)
	s.list(found("user:alice", alice))
	_, err := s.store.PutHolders(t.Context(), known, rolemap.List{Tenant: tenant, Role: sales, Kind: rolestore.KindUser, Holders: []rolemap.Holder{found("user:x", "no id")}})
	if err == nil {
		t.Fatal("accepted")
	}
	s.wantGrants("user " + alice + " 0")
}

func TestTheCatalogFollowsTheDatabase(t *testing.T) {
	t.Parallel()
	s := withRole(t)
	catalog := rolemap.NewCatalog(s.store, time.Hour, time.Hour)
	if _, err := catalog.Owner([]string{sales}, nil); !errors.Is(err, rolestore.ErrUnavailable) {
		t.Errorf("before anything was read: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		catalog.Run(ctx, func(err error) { t.Errorf("reported: %v", err) })
	}()
	defer func() { cancel(); <-ended }()
	s.must(s.store.PutRole(t.Context(), known, rolemap.Role{Role: "wide", Component: "urn:wide"}, []string{"orders", "items"}))
	await := func(want string, roles, fields []string) {
		t.Helper()
		for {
			catalog.Wake()
			if got, err := catalog.Owner(roles, fields); err == nil && got == want {
				return
			}
			if t.Context().Err() != nil {
				t.Fatalf("%q never came to own %q", want, fields)
			}
		}
	}
	await("wide", []string{sales, "wide"}, []string{"items", "orders"})
	await(sales, []string{sales, "wide"}, []string{"orders"})
	await("wide", []string{"wide", sales}, []string{"orders"})
	await("x", []string{"x", sales}, []string{})
	await("", nil, nil)
	s.must(s.store.PutRole(t.Context(), known, rolemap.Role{Role: "wide", Component: "urn:wide"}, []string{"items"}))
	await("", []string{sales, "wide"}, []string{"items", "orders"})
	if _, err := s.pool.Exec(t.Context(), `DELETE FROM issuer.mapped_roles`); err != nil {
		t.Fatal(err)
	}
	await("", []string{sales, "wide"}, []string{"items"})
}

// TestTheCatalogAnswersForAWhileWithoutTheDatabase, and then says that it does not know.
func TestTheCatalogAnswersForAWhileWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	s := withRole(t)
	catalog := rolemap.NewCatalog(s.store, time.Second, time.Minute)
	now := time.Now()
	catalog.SetClock(func() time.Time { return now })
	s.must(catalog.Refresh(t.Context()))
	now = now.Add(30 * time.Second)
	s.must(catalog.Refresh(t.Context())) // nothing has changed, and that is news as well
	s.pool.Close()
	if err := catalog.Refresh(t.Context()); !errors.Is(err, rolestore.ErrUnavailable) {
		t.Errorf("without a database: %v", err)
	}
	now = now.Add(time.Minute)
	if owner, err := catalog.Owner([]string{sales}, []string{"orders"}); owner != sales || err != nil {
		t.Errorf("after a minute: %q, %v", owner, err)
	}
	now = now.Add(time.Nanosecond)
	if owner, err := catalog.Owner([]string{sales}, []string{"orders"}); owner != "" || !errors.Is(err, rolestore.ErrUnavailable) {
		t.Errorf("after more: %q, %v", owner, err)
	}
}

func TestWithoutADatabaseEveryAnswerSaysSo(t *testing.T) {
	t.Parallel()
	s := withRole(t)
	s.pool.Close()
	_, byRole := s.store.ByRole(t.Context(), sales)
	_, byList := s.store.PutHolders(t.Context(), known, rolemap.List{Tenant: tenant, Role: sales, Kind: rolestore.KindUser})
	for name, err := range map[string]error{
		"look up": byRole, "list": byList, "put": s.store.PutRole(t.Context(), known, rolemap.Role{Role: sales, Component: "urn:sales"}, nil),
	} {
		if !errors.Is(err, rolestore.ErrUnavailable) || errors.Is(err, rolestore.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
