package rolestore_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

func document(grants ...rolestore.Grant) rolestore.Document {
	return rolestore.Document{Grants: grants}
}

func mustExport(t *testing.T, store *rolestore.Postgres) rolestore.Document {
	t.Helper()
	all, err := store.Export(t.Context())
	must(t, err)
	return all
}

func textOf(t *testing.T, d rolestore.Diff) string {
	t.Helper()
	var b strings.Builder
	n, err := d.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Errorf("WriteTo says %d bytes of %d, error %v", n, b.Len(), err)
	}
	return b.String()
}

func TestADiffIsShownLineByLine(t *testing.T) {
	t.Parallel()
	store, _ := newPostgres(t, rolestore.Rules{})
	raised := userGrant(alice, "reader")
	raised.Priority = 5
	odd := userGrant(alice, "odd")
	odd.Reason = "a \u202e \"b\""
	before := document(userGrant(alice, "reader"), userGrant(bob, "reader"))
	before.Blocks = []rolestore.Block{userBlock(alice, "x"), userBlock(bob, "left")}
	after := document(raised, odd)
	after.Blocks = []rolestore.Block{userBlock(bob, "left for good")}
	mustApply(t, store, before, rolestore.ApplyOptions{})

	const tenant = "{ tenant: " + contoso
	const kept = "+ grant " + tenant + ", user: " + alice + `, role: odd, reason: "a \u202e \"b\"" }` + "\n" +
		"~ grant " + tenant + ", user: " + alice + ", role: reader } -> " + tenant + ", user: " + alice + ", role: reader, priority: 5 }\n"
	const changed = "~ block " + tenant + ", user: " + bob + `, reason: "left" } -> ` + tenant + ", user: " + bob + `, reason: "left for good" }` + "\n"
	for name, tc := range map[string]struct {
		prune bool
		want  string
	}{
		"as it is": {false, kept + changed},
		"pruned": {true, kept + "- grant " + tenant + ", user: " + bob + ", role: reader }\n" +
			changed + "- block " + tenant + ", user: " + alice + `, reason: "x" }` + "\n"},
	} {
		planned, err := store.Plan(t.Context(), after, rolestore.ApplyOptions{Prune: tc.prune})
		must(t, err)
		if diff := cmp.Diff(tc.want, textOf(t, planned)); diff != "" {
			t.Errorf("%s: diff (-want +got):\n%s", name, diff)
		}
	}
	if diff := cmp.Diff(before, mustExport(t, store)); diff != "" {
		t.Errorf("planning changed the database (-before +after):\n%s", diff)
	}
}

func TestApplyingTwiceChangesNothingTheSecondTime(t *testing.T) {
	t.Parallel()
	store, _ := newPostgres(t, rolestore.Rules{})
	if first := mustApply(t, store, exampleDocument(), rolestore.ApplyOptions{Prune: true}); first.Empty() {
		t.Error("the first run says that it changed nothing")
	}
	again := exampleDocument()
	again.Grants[0].Tenant = strings.ToUpper(again.Grants[0].Tenant) // the same, written otherwise
	again.Grants[0].Until = again.Grants[0].Until.In(time.FixedZone("elsewhere", 3600))
	again.Grants[3].Session = map[string]rolestore.Value{}
	if second := mustApply(t, store, again, rolestore.ApplyOptions{Prune: true}); !second.Empty() {
		t.Errorf("the second run changed\n%s", textOf(t, second))
	}
}

// TestAChangeOfManyEntriesSaysHowFarItIs: they are written some thousands at a time.
func TestAChangeOfManyEntriesSaysHowFarItIs(t *testing.T) {
	t.Parallel()
	store, _ := newPostgres(t, rolestore.Rules{})
	doc := rolestore.Document{Blocks: exampleDocument().Blocks[:1]}
	for i := range 5001 {
		grant := exampleDocument().Grants[0]
		grant.Role = fmt.Sprintf("role-%d", i)
		doc.Grants = append(doc.Grants, grant)
	}
	var told [][2]int
	mustApply(t, store, doc, rolestore.ApplyOptions{Progress: func(done, all int) { told = append(told, [2]int{done, all}) }})
	if want := [][2]int{{5000, 5002}, {5001, 5002}, {5002, 5002}}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	if grants, blocks, err := store.Size(t.Context()); err != nil || grants != 5001 || blocks != 1 {
		t.Errorf("%d grants, %d blocks, %v", grants, blocks, err)
	}
}

func TestWhatIsAppliedIsWhatIsThere(t *testing.T) {
	t.Parallel()
	store, _ := newPostgres(t, rolestore.Rules{})
	rapid.Check(t, func(rt *rapid.T) {
		first, second := anyDocument().Draw(rt, "first"), anyDocument().Draw(rt, "second")
		prune := rapid.Bool().Draw(rt, "prune")
		mustApply(t, store, first, rolestore.ApplyOptions{Prune: true})
		planned, err := store.Plan(t.Context(), second, rolestore.ApplyOptions{Prune: prune})
		must(t, err)
		shuffled := rolestore.Document{ // says the same, so it is the change that was confirmed
			Grants: rapid.Permutation(second.Grants).Draw(rt, "grants"),
			Blocks: rapid.Permutation(second.Blocks).Draw(rt, "blocks"),
		}
		applied := mustApply(t, store, shuffled, rolestore.ApplyOptions{Prune: prune, Confirmed: &planned})
		want := second
		if !prune {
			want = merged(first, second)
		}
		if diff := cmp.Diff(want, mustExport(t, store), sameEntries()); diff != "" {
			rt.Fatalf("content (-want +got):\n%s", diff)
		}
		if textOf(t, planned) != textOf(t, applied) {
			rt.Fatalf("planned:\n%s\napplied:\n%s", textOf(t, planned), textOf(t, applied))
		}
		left, err := store.Plan(t.Context(), second, rolestore.ApplyOptions{Prune: prune})
		if err != nil || !left.Empty() {
			rt.Fatalf("left to do: %v\n%s", err, textOf(t, left))
		}
	})
}

// merged is a with everything that b says in its place.
func merged(a, b rolestore.Document) rolestore.Document {
	type id struct {
		tenant    string
		principal rolestore.Principal
		role      string
	}
	said := map[id]bool{}
	out := rolestore.Document{}
	for _, g := range b.Grants {
		said[id{g.Tenant, g.Principal, g.Role}] = true
		out.Grants = append(out.Grants, g)
	}
	for _, g := range a.Grants {
		if !said[id{g.Tenant, g.Principal, g.Role}] {
			out.Grants = append(out.Grants, g)
		}
	}
	for _, one := range b.Blocks {
		said[id{one.Tenant, one.Principal, "block"}] = true
		out.Blocks = append(out.Blocks, one)
	}
	for _, one := range a.Blocks {
		if !said[id{one.Tenant, one.Principal, "block"}] {
			out.Blocks = append(out.Blocks, one)
		}
	}
	return out
}

func TestMoreRowsThanAStatementTakesAreWritten(t *testing.T) {
	t.Parallel()
	store, _ := newPostgres(t, rolestore.Rules{})
	var many []rolestore.Grant
	for i := range 5001 {
		many = append(many, userGrant(alice, fmt.Sprintf("r%04d", i)))
	}
	mustApply(t, store, document(many...), rolestore.ApplyOptions{})
	if got := len(mustExport(t, store).Grants); got != len(many) {
		t.Errorf("%d grants are there, want %d", got, len(many))
	}
	mustApply(t, store, document(), rolestore.ApplyOptions{Prune: true})
	if got := len(mustExport(t, store).Grants); got != 0 {
		t.Errorf("%d grants are left", got)
	}
}

func TestEveryRowKnowsWhoWroteItLast(t *testing.T) {
	t.Parallel()
	store, pool := newPostgres(t, rolestore.Rules{})
	first := document(userGrant(alice, "kept"), userGrant(alice, "changed"))
	first.Blocks = []rolestore.Block{userBlock(alice, "kept"), userBlock(bob, "changed")}
	second := document(userGrant(alice, "kept"), userGrant(alice, "changed"), userGrant(alice, "new"))
	second.Grants[1].Priority = 1
	second.Blocks = []rolestore.Block{userBlock(alice, "kept"), userBlock(bob, "changed indeed")}
	_, err := store.Apply(t.Context(), first, rolestore.ApplyOptions{By: "first"})
	must(t, err)
	_, err = store.Apply(t.Context(), second, rolestore.ApplyOptions{By: "second"})
	must(t, err)
	var got string
	must(t, pool.QueryRow(t.Context(), `SELECT string_agg(what || ' by ' || created_by, ', ' ORDER BY what) FROM (
		SELECT role AS what, created_by FROM issuer.grants UNION ALL SELECT 'block: ' || reason, created_by FROM issuer.blocks) AS rows`).Scan(&got))
	want := "block: changed indeed by second, block: kept by first, changed by second, kept by first, new by second"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestWhatCannotBeAppliedIsRefusedBeforeTheDatabaseIsAsked(t *testing.T) {
	t.Parallel()
	store, queries := countedPostgres(t)
	fine := document(userGrant(alice, "reader"))
	for name, tc := range map[string]struct {
		doc  rolestore.Document
		by   string
		want string
	}{
		"nobody says who":      {fine, "", "who changes them"},
		"a name of two lines":  {fine, "a\nb", "who changes them"},
		"admin":                {document(userGrant(alice, "admin")), "me", "grants[0].role: admin may do everything"},
		"no principal":         {document(rolestore.Grant{Tenant: contoso, Role: "a"}), "me", "grants[0].principal: want one of"},
		"the same grant twice": {document(userGrant(alice, "a"), userGrant(strings.ToUpper(alice), "a")), "me", "grants[1]: says the same as grants[0]"},
		"a group blocked": {rolestore.Document{Blocks: []rolestore.Block{{
			Tenant: contoso, Principal: rolestore.Principal{Kind: rolestore.KindGroup, ID: editors},
		}}}, "me", "blocks[0].group: only a user or an app can be blocked"},
		"everyone with an id": {document(rolestore.Grant{
			Tenant: contoso, Principal: rolestore.Principal{Kind: rolestore.KindEveryone, ID: "x"}, Role: "a",
		}), "me", "grants[0].everyone: want true, and no id"},
		"too much priority": {document(rolestore.Grant{
			Tenant: contoso, Principal: rolestore.Principal{Kind: rolestore.KindEveryone}, Role: "a", Priority: 1 << 31,
		}), "me", "grants[0].priority: want a whole number"},
	} {
		_, err := store.Apply(t.Context(), tc.doc, rolestore.ApplyOptions{By: tc.by})
		if err == nil || !strings.Contains(err.Error(), tc.want) || errors.Is(err, rolestore.ErrUnavailable) {
			t.Errorf("%s: got error %v, want %q", name, err, tc.want)
		}
	}
	if n := queries.Load(); n != 0 {
		t.Errorf("the database was asked %d times", n)
	}
}

// The rules may have become stricter: what they forbid now can be seen, changed
// and removed, or the way out would lead through SQL.
func TestWhatTheRulesForbidByNowCanBeSeenAndMended(t *testing.T) {
	t.Parallel()
	before, pool := newPostgres(t, rolestore.Rules{AllowAdmin: true})
	g := userGrant(alice, "reader")
	g.Session = map[string]rolestore.Value{"x-hasura-org": rolestore.Text("1")}
	mustApply(t, before, document(userGrant(alice, "admin"), g), rolestore.ApplyOptions{})

	store := rolestore.NewPostgres(pool, rolestore.Rules{ReservedVariables: []string{"x-hasura-org"}})
	if all := mustExport(t, store); len(all.Grants) != 2 {
		t.Errorf("got %d grants, want 2", len(all.Grants))
	}
	g.Session = nil
	mustApply(t, store, document(g), rolestore.ApplyOptions{Prune: true})
	expectRoles(t, store, "reader")
}

func TestARowThatCannotBeReadAtAllIsNamed(t *testing.T) {
	t.Parallel()
	store, pool := newPostgres(t, rolestore.Rules{})
	mustExec(t, pool, `ALTER TABLE issuer.grants DROP CONSTRAINT grants_session_holds_strings`)
	mustExec(t, pool, `INSERT INTO issuer.grants (tenant, principal_kind, principal, role, session) VALUES ($1, 'user', $2, 'odd', '{"x-hasura-a": 1}')`, contoso, alice)
	for what, err := range map[string]error{
		"export": second(store.Export(t.Context())),
		"plan":   second(store.Plan(t.Context(), document(), rolestore.ApplyOptions{Prune: true})),
	} {
		if !errors.Is(err, rolestore.ErrUnavailable) || !strings.Contains(err.Error(), "the grant of odd to user "+alice) {
			t.Errorf("%s: got error %v, want the row", what, err)
		}
	}
}
