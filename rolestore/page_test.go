package rolestore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// pager is a store that is read a page at a time.
type pager interface {
	GrantPage(ctx context.Context, q rolestore.PageQuery) (rolestore.Page[rolestore.Grant], error)
	BlockPage(ctx context.Context, q rolestore.PageQuery) (rolestore.Page[rolestore.Block], error)
}

// paged are all stores with one content.
func paged(t *testing.T, doc rolestore.Document) map[string]pager {
	t.Helper()
	postgres, _ := newPostgres(t, rolestore.Rules{})
	mustApply(t, postgres, doc, rolestore.ApplyOptions{})
	text, err := doc.YAML()
	must(t, err)
	path := filepath.Join(t.TempDir(), "roles.yaml")
	must(t, os.WriteFile(path, text, 0o600))
	file, err := rolestore.OpenFile(path, rolestore.Rules{})
	must(t, err)
	return map[string]pager{"postgres": postgres, "file": file, "memory": inMemory(t, doc)}
}

// inOrder reads all pages and returns the grants, in few words, page by page.
func inOrder(t *testing.T, store pager, q rolestore.PageQuery) (pages [][]string) {
	t.Helper()
	for {
		page, err := store.GrantPage(t.Context(), q)
		must(t, err)
		var words []string
		for _, g := range page.Entries {
			words = append(words, fmt.Sprintf("%.1s %s %.2s %s", g.Tenant, g.Principal.Kind, g.Principal.ID, g.Role))
		}
		pages = append(pages, words)
		if page.Next == (rolestore.Place{}) {
			return pages
		}
		q.After = page.Next
	}
}

// mixed holds every kind of principal, in two tenants.
func mixed() rolestore.Document {
	grant := func(tenant string, kind rolestore.PrincipalKind, id, role string) rolestore.Grant {
		return rolestore.Grant{Tenant: tenant, Principal: rolestore.Principal{Kind: kind, ID: id}, Role: role}
	}
	over := grant(contoso, rolestore.KindUser, alice, "b")
	over.Until = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return document(
		over, grant(contoso, rolestore.KindUser, alice, "a"), grant(contoso, rolestore.KindUser, alice, "B"), grant(contoso, rolestore.KindUser, bob, "a"),
		grant(contoso, rolestore.KindGroup, editors, "a"), grant(contoso, rolestore.KindAppRole, "Z", "a"), grant(contoso, rolestore.KindAppRole, "a", "a"),
		grant(contoso, rolestore.KindApp, bob, "a"), grant(contoso, rolestore.KindEveryone, "", "a"), grant(fabrikam, rolestore.KindUser, bob, "a"),
	)
}

func TestPagesTogetherAreEverythingThatMatchesInOneOrder(t *testing.T) {
	t.Parallel()
	const first = "0 user 22 a"
	all := []string{
		first, "7 app 22 a", "7 app_role Z a", "7 app_role a a", "7 everyone  a", "7 group d1 a", "7 user 11 B", "7 user 11 a", "7 user 11 b", "7 user 22 a",
	}
	alices := rolestore.Principal{Kind: rolestore.KindUser, ID: alice}
	for store, s := range paged(t, mixed()) {
		for name, tc := range map[string]struct {
			q    rolestore.PageQuery
			want []string
		}{
			"all":                    {rolestore.PageQuery{}, all},
			"a tenant":               {rolestore.PageQuery{Filter: rolestore.Filter{Tenant: fabrikam}}, []string{first}},
			"a principal":            {rolestore.PageQuery{Filter: rolestore.Filter{Tenant: contoso, Principal: alices}}, []string{"7 user 11 B", "7 user 11 a", "7 user 11 b"}},
			"a principal anywhere":   {rolestore.PageQuery{Filter: rolestore.Filter{Principal: rolestore.Principal{Kind: rolestore.KindUser, ID: bob}}}, []string{first, "7 user 22 a"}},
			"everyone":               {rolestore.PageQuery{Filter: rolestore.Filter{Principal: rolestore.Principal{Kind: rolestore.KindEveryone}}}, []string{"7 everyone  a"}},
			"a role":                 {rolestore.PageQuery{Filter: rolestore.Filter{Role: "b"}}, []string{"7 user 11 b"}},
			"one grant":              {rolestore.PageQuery{Filter: rolestore.Filter{Tenant: contoso, Principal: alices, Role: "a"}}, []string{"7 user 11 a"}},
			"what is over":           {rolestore.PageQuery{Over: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}, []string{"7 user 11 b"}},
			"what was not over then": {rolestore.PageQuery{Over: time.Date(2025, 12, 31, 0, 0, 0, 0, time.UTC)}, nil},
			"nothing":                {rolestore.PageQuery{Filter: rolestore.Filter{Role: "none"}}, nil},
		} {
			for _, limit := range []int{1, 2, 3, 10, 1000} {
				tc.q.Limit = limit
				pages := inOrder(t, s, tc.q)
				if diff := cmp.Diff(tc.want, slices.Concat(pages...)); diff != "" {
					t.Errorf("%s, %s, %d a page (-want +got):\n%s", store, name, limit, diff)
				}
				for _, page := range pages[:len(pages)-1] {
					if len(page) != limit {
						t.Errorf("%s, %s: a page of %d, want %d", store, name, len(page), limit)
					}
				}
			}
		}
	}
}

func TestBlocksComeInPagesToo(t *testing.T) {
	t.Parallel()
	doc := rolestore.Document{Blocks: []rolestore.Block{
		userBlock(alice, "left"), userBlock(bob, ""), {Tenant: contoso, Principal: rolestore.Principal{Kind: rolestore.KindApp, ID: bob}, Until: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
	}}
	for store, s := range paged(t, doc) {
		first, err := s.BlockPage(t.Context(), rolestore.PageQuery{Limit: 2})
		must(t, err)
		rest, err := s.BlockPage(t.Context(), rolestore.PageQuery{Limit: 2, After: first.Next})
		must(t, err)
		want := []rolestore.Block{doc.Blocks[2], doc.Blocks[0], doc.Blocks[1]}
		if diff := cmp.Diff(want, slices.Concat(first.Entries, rest.Entries)); diff != "" || rest.Next != (rolestore.Place{}) {
			t.Errorf("%s (-want +got):\n%s", store, diff)
		}
		over, err := s.BlockPage(t.Context(), rolestore.PageQuery{Limit: 2, Over: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)})
		must(t, err)
		if len(over.Entries) != 1 || over.Entries[0].Principal.Kind != rolestore.KindApp {
			t.Errorf("%s: over are %v", store, over.Entries)
		}
		none, err := s.BlockPage(t.Context(), rolestore.PageQuery{Limit: 2, Filter: rolestore.Filter{Role: "a"}})
		if must(t, err); len(none.Entries) > 0 {
			t.Errorf("%s: blocks with a role: %v", store, none.Entries)
		}
	}
}

func TestAPageThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	at := func(change func(*rolestore.Place)) rolestore.PageQuery {
		place := rolestore.Place{Tenant: contoso, Principal: rolestore.Principal{Kind: rolestore.KindUser, ID: alice}, Role: "a"}
		change(&place)
		return rolestore.PageQuery{Limit: 1, After: place}
	}
	for store, s := range paged(t, mixed()) {
		for name, q := range map[string]rolestore.PageQuery{
			"without a limit":   {},
			"too many":          {Limit: 1001},
			"less than none":    {Limit: -1},
			"a tenant's name":   {Limit: 1, Filter: rolestore.Filter{Tenant: "contoso"}},
			"after a name":      at(func(p *rolestore.Place) { p.Tenant = "contoso" }),
			"after no kind":     at(func(p *rolestore.Place) { p.Principal.Kind = "" }),
			"after a null byte": at(func(p *rolestore.Place) { p.Role = "\x00" }),
			"after no text":     at(func(p *rolestore.Place) { p.Principal.ID = "\xff" }),
		} {
			if _, err := s.GrantPage(t.Context(), q); !errors.Is(err, rolestore.ErrRefused) {
				t.Errorf("%s, %s: %v", store, name, err)
			}
			if _, err := s.BlockPage(t.Context(), q); !errors.Is(err, rolestore.ErrRefused) {
				t.Errorf("%s, blocks, %s: %v", store, name, err)
			}
		}
	}
}

// TestAPageOfAGreatTableReadsLittleOfIt counts the rows that Postgres itself says were read.
func TestAPageOfAGreatTableReadsLittleOfIt(t *testing.T) {
	t.Parallel()
	config, err := pgxpool.ParseConfig(pgtest.New(t))
	must(t, err)
	config.MaxConns = 1 // the counts are those of a session until it is told to show them
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(pool.Close)
	store := rolestore.NewPostgres(pool, rolestore.Rules{})
	const rows, perUser = 200_000, 2
	mustExec(t, pool, `ALTER TABLE issuer.grants DISABLE TRIGGER USER`)
	mustExec(t, pool, `INSERT INTO issuer.grants (tenant, principal_kind, principal, role)
		SELECT $1, 'user', format('%s-0000-4000-8000-000000000000', lpad(to_hex(n / 2), 8, '0')), CASE WHEN n % 2 = 0 THEN 'common' ELSE 'other' END
		FROM generate_series(0, $2::int - 1) AS n`, contoso, rows)
	mustExec(t, pool, `UPDATE issuer.grants SET role = 'rare' WHERE role = 'other' AND principal = '0001869f-0000-4000-8000-000000000000'`)
	mustExec(t, pool, `VACUUM ANALYZE issuer.grants`)
	mid := rolestore.Place{Tenant: contoso, Principal: rolestore.Principal{Kind: rolestore.KindUser, ID: "0000c350-0000-4000-8000-000000000000"}, Role: "other"}
	user := rolestore.Principal{Kind: rolestore.KindUser, ID: mid.Principal.ID}
	for name, tc := range map[string]struct {
		q     rolestore.PageQuery
		most  int64 // rows read
		found int
	}{
		"the first":                 {rolestore.PageQuery{}, 200, 100},
		"one in the middle":         {rolestore.PageQuery{After: mid}, 200, 100},
		"of a tenant":               {rolestore.PageQuery{Filter: rolestore.Filter{Tenant: contoso}, After: mid}, 200, 100},
		"of a user":                 {rolestore.PageQuery{Filter: rolestore.Filter{Tenant: contoso, Principal: user}}, 2 * perUser, perUser},
		"one grant":                 {rolestore.PageQuery{Filter: rolestore.Filter{Tenant: contoso, Principal: user, Role: "other"}}, 2 * perUser, 1},
		"of a common role":          {rolestore.PageQuery{Filter: rolestore.Filter{Role: "common"}}, 200, 100},
		"of a rare role":            {rolestore.PageQuery{Filter: rolestore.Filter{Role: "rare"}}, 4, 1},
		"of a role from there on":   {rolestore.PageQuery{Filter: rolestore.Filter{Tenant: contoso, Role: "common"}, After: mid}, 200, 100},
		"of a role and over":        {rolestore.PageQuery{Filter: rolestore.Filter{Role: "common"}, Over: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}, 101_000, 0},
		"what is over":              {rolestore.PageQuery{Over: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), After: mid}, 101_000, 0},
		"of a user in every tenant": {rolestore.PageQuery{Filter: rolestore.Filter{Principal: user}}, 101_000, 0},
	} {
		tc.q.Limit = 100
		before := rowsRead(t, pool)
		const times = 7 // more than it takes for Postgres to think of a plan that fits any arguments
		for range times {
			page, err := store.GrantPage(t.Context(), tc.q)
			if must(t, err); len(page.Entries) != tc.found {
				t.Errorf("%s: %d grants, want %d", name, len(page.Entries), tc.found)
			}
		}
		if read := (rowsRead(t, pool) - before) / times; read > tc.most {
			t.Errorf("%s: %d rows were read, want %d at most", name, read, tc.most)
		}
	}
	beside := rolestore.PageQuery{Limit: 100, Filter: rolestore.Filter{Principal: user}}
	if pages := inOrder(t, store, beside); len(pages) != rows/50_000+1 || len(slices.Concat(pages...)) != perUser {
		t.Errorf("%d pages with %v", len(pages), slices.Concat(pages...))
	}
}

func rowsRead(t *testing.T, pool *pgxpool.Pool) (n int64) {
	t.Helper()
	mustExec(t, pool, `SELECT pg_stat_force_next_flush()`)
	mustExec(t, pool, `SELECT pg_stat_clear_snapshot()`)
	must(t, pool.QueryRow(t.Context(), `SELECT s.seq_tup_read + (SELECT sum(i.idx_tup_read) FROM pg_stat_user_indexes i WHERE i.relid = s.relid)
		FROM pg_stat_user_tables s WHERE s.relid = 'issuer.grants'::regclass`).Scan(&n))
	return n
}
