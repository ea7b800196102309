package rolestore_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

func TestAnEditTouchesWhatItNamesAndNothingElse(t *testing.T) {
	t.Parallel()
	raised := userGrant(alice, "a")
	raised.Priority = 5
	app := rolestore.Principal{Kind: rolestore.KindApp, ID: alice} // the same id, and somebody else
	before := document(userGrant(alice, "a"), userGrant(alice, "b"), userGrant(bob, "a"), rolestore.Grant{Tenant: contoso, Principal: app, Role: "a"})
	before.Blocks = []rolestore.Block{userBlock(alice, "left"), {Tenant: contoso, Principal: app}}
	grants := func(all ...rolestore.Grant) rolestore.Edit { return rolestore.Edit{Put: document(all...)} }
	for name, tc := range map[string]struct {
		edit rolestore.Edit
		want string
	}{
		"a new grant":               {grants(userGrant(bob, "b")), "+ grant bob b"},
		"a grant that is there":     {grants(userGrant(alice, "a")), ""},
		"the same in capitals":      {grants(userGrant(strings.ToUpper(alice), "a")), ""},
		"a grant that is there so":  {grants(raised), "~ grant alice a"},
		"several":                   {grants(raised, userGrant(bob, "b"), userGrant(bob, "a")), "+ grant bob b, ~ grant alice a"},
		"a removal":                 {rolestore.Edit{Remove: document(userGrant(alice, "a"))}, "- grant alice a"},
		"a removal, said otherwise": {rolestore.Edit{Remove: document(raised)}, "- grant alice a"},
		"a removal of nothing":      {rolestore.Edit{Remove: document(userGrant(bob, "b"))}, ""},
		"a block":                   {rolestore.Edit{Put: rolestore.Document{Blocks: []rolestore.Block{userBlock(bob, "left")}}}, "+ block bob"},
		"no block":                  {rolestore.Edit{Remove: rolestore.Document{Blocks: []rolestore.Block{userBlock(alice, "")}}}, "- block alice"},
		"of both lists":             {rolestore.Edit{Put: document(userGrant(bob, "b")), Remove: rolestore.Document{Blocks: []rolestore.Block{userBlock(alice, "")}}}, "+ grant bob b, - block alice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, pool := newPostgres(t, rolestore.Rules{})
			mustApply(t, store, before, rolestore.ApplyOptions{})
			planned, err := store.Edit(t.Context(), tc.edit, rolestore.ApplyOptions{DryRun: true})
			must(t, err)
			if diff := cmp.Diff(before, mustExport(t, store), sameEntries()); diff != "" {
				t.Errorf("the plan changed something (-before +after):\n%s", diff)
			}
			done, err := store.Edit(t.Context(), tc.edit, rolestore.ApplyOptions{By: "a test", Confirmed: &planned})
			must(t, err)
			if textOf(t, done) != textOf(t, planned) || outline(done) != tc.want {
				t.Errorf("planned:\n%s\ndone:\n%s\nwant %s", textOf(t, planned), textOf(t, done), tc.want)
			}
			var rows int
			must(t, pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM issuer.grants) + (SELECT count(*) FROM issuer.blocks)`).Scan(&rows))
			if want := 6 + strings.Count(tc.want, "+") - strings.Count(tc.want, "- "); rows != want {
				t.Errorf("%d rows are left, want %d", rows, want)
			}
		})
	}
}

// outline tells a diff in few words.
func outline(d rolestore.Diff) string {
	who := map[string]string{alice: "alice", bob: "bob"}
	var all []string
	for _, g := range d.Grants.Added {
		all = append(all, "+ grant "+who[g.Principal.ID]+" "+g.Role)
	}
	for _, g := range d.Grants.Changed {
		all = append(all, "~ grant "+who[g.After.Principal.ID]+" "+g.After.Role)
	}
	for _, g := range d.Grants.Removed {
		all = append(all, "- grant "+who[g.Principal.ID]+" "+g.Role)
	}
	for _, b := range d.Blocks.Added {
		all = append(all, "+ block "+who[b.Principal.ID])
	}
	for _, b := range d.Blocks.Removed {
		all = append(all, "- block "+who[b.Principal.ID])
	}
	return strings.Join(all, ", ")
}

func TestAnEditThatIsNoneIsRefusedBeforeTheDatabaseIsAsked(t *testing.T) {
	t.Parallel()
	store, queries := countedPostgres(t)
	nobody := rolestore.Grant{Tenant: contoso, Role: "a"}
	for name, tc := range map[string]struct {
		edit rolestore.Edit
		want string
	}{
		"admin":             {rolestore.Edit{Put: document(userGrant(alice, "admin"))}, "role: admin may do everything"},
		"nobody":            {rolestore.Edit{Put: document(nobody)}, "principal: want one of"},
		"nobody to revoke":  {rolestore.Edit{Remove: document(nobody)}, "principal: want one of"},
		"no id to revoke":   {rolestore.Edit{Remove: document(userGrant("ada", "a"))}, "user: want an object id"},
		"no role to revoke": {rolestore.Edit{Remove: document(userGrant(alice, ""))}, "role: want a letter"},
		"no tenant":         {rolestore.Edit{Remove: rolestore.Document{Blocks: []rolestore.Block{{Principal: rolestore.Principal{Kind: rolestore.KindUser, ID: alice}}}}}, "tenant: want the tenant's id"},
	} {
		_, err := store.Edit(t.Context(), tc.edit, rolestore.ApplyOptions{By: "me"})
		if err == nil || !strings.HasPrefix(err.Error(), tc.want) || errors.Is(err, rolestore.ErrUnavailable) {
			t.Errorf("%s: got error %v, want %q", name, err, tc.want)
		}
	}
	if _, err := store.Edit(t.Context(), rolestore.Edit{}, rolestore.ApplyOptions{}); err == nil || !strings.Contains(err.Error(), "who changes them") {
		t.Errorf("nobody says who: got error %v", err)
	}
	if n := queries.Load(); n != 0 {
		t.Errorf("the database was asked %d times", n)
	}
}

func TestWhatTheRulesForbidByNowCanBeRemoved(t *testing.T) {
	t.Parallel()
	before, pool := newPostgres(t, rolestore.Rules{AllowAdmin: true})
	mustApply(t, before, document(userGrant(alice, "admin")), rolestore.ApplyOptions{})
	store := rolestore.NewPostgres(pool, rolestore.Rules{})
	done, err := store.Edit(t.Context(), rolestore.Edit{Remove: document(userGrant(alice, "admin"))}, rolestore.ApplyOptions{By: "a test"})
	if err != nil || outline(done) != "- grant alice admin" {
		t.Errorf("got %s, %v", outline(done), err)
	}
}

// A caller has to be blocked whatever else is wrong in the tables.
func TestAnEditIsNotHeldUpByARowThatCannotBeRead(t *testing.T) {
	t.Parallel()
	store, pool := newPostgres(t, rolestore.Rules{})
	mustExec(t, pool, `ALTER TABLE issuer.grants DROP CONSTRAINT grants_session_holds_strings`)
	mustExec(t, pool, `INSERT INTO issuer.grants (tenant, principal_kind, principal, role, session) VALUES ($1, 'user', $2, 'odd', '{"x-hasura-a": 1}')`, contoso, alice)
	block := rolestore.Edit{Put: rolestore.Document{Blocks: []rolestore.Block{userBlock(bob, "leaked")}}}
	if done, err := store.Edit(t.Context(), block, rolestore.ApplyOptions{By: "a test"}); err != nil || outline(done) != "+ block bob" {
		t.Errorf("got %s, %v", outline(done), err)
	}
}

func TestARemovalIsGraveWhenItTakesTheLastOfARoleOrManyGrants(t *testing.T) {
	t.Parallel()
	others := func(n int) []rolestore.Grant {
		var all []rolestore.Grant
		for i := range n {
			all = append(all, rolestore.Grant{Tenant: contoso, Principal: rolestore.Principal{Kind: rolestore.KindAppRole, ID: "R" + strings.Repeat("x", i)}, Role: "many"})
		}
		return all
	}
	at := func(g rolestore.Grant, from, until time.Time) rolestore.Grant {
		g.From, g.Until = from, until
		return g
	}
	elsewhere := func(g rolestore.Grant) rolestore.Grant {
		g.Tenant = fabrikam
		return g
	}
	past, future := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC)
	rare := userGrant(alice, "rare")
	over, begun, toCome := at(rare, time.Time{}, past), at(rare, past, future), at(rare, future, time.Time{})
	for name, tc := range map[string]struct {
		present, wanted []rolestore.Grant
		lost            []string
		grave           bool
	}{
		"the last of a role ends":                       {append(others(30), rare), append(others(30), over), []string{"rare"}, true},
		"the last of a role is put off":                 {append(others(30), begun), append(others(30), toCome), []string{"rare"}, true},
		"the last of a role will end":                   {append(others(30), rare), append(others(30), begun), nil, false},
		"what is over is changed":                       {append(others(3), over), append(others(3), toCome), nil, false},
		"what is over goes":                             {append(others(30), over), others(30), nil, false},
		"the last in force, of two that are there":      {append(others(30), rare, at(userGrant(bob, "rare"), time.Time{}, past)), append(others(30), at(userGrant(bob, "rare"), time.Time{}, past)), []string{"rare"}, true},
		"the last, and what is over instead":            {append(others(30), rare), append(others(30), at(userGrant(bob, "rare"), time.Time{}, past)), []string{"rare"}, true},
		"the last, and one that is over comes back":     {append(others(30), rare, at(userGrant(bob, "rare"), time.Time{}, past)), append(others(30), userGrant(bob, "rare")), nil, false},
		"the last in a tenant, and others hold it":      {append(others(30), rare, elsewhere(rare)), append(others(30), elsewhere(rare)), []string{"rare"}, true},
		"the last in each of two tenants":               {append(others(30), rare, elsewhere(rare)), others(30), []string{"rare"}, true},
		"one of ten ends":                               {append(others(8), rare, userGrant(bob, "rare")), append(others(8), over, userGrant(bob, "rare")), nil, false},
		"one of three ends, which is more than a tenth": {append(others(1), rare, userGrant(bob, "rare")), append(others(1), over, userGrant(bob, "rare")), nil, true},
		"nothing":                         {others(3), others(3), nil, false},
		"more":                            {others(3), others(30), nil, false},
		"a tenth":                         {others(10), others(9), nil, false},
		"more than a tenth":               {others(9), others(8), nil, true},
		"two of twenty":                   {others(20), others(18), nil, false},
		"three of twenty":                 {others(20), others(17), nil, true},
		"all":                             {others(2), nil, []string{"many"}, true},
		"the last of a role":              {append(others(30), userGrant(alice, "rare")), others(30), []string{"rare"}, true},
		"the last but one of a role":      {append(others(30), userGrant(alice, "rare"), userGrant(bob, "rare")), append(others(30), userGrant(bob, "rare")), nil, false},
		"the last, and a new one instead": {append(others(30), userGrant(alice, "rare")), append(others(30), userGrant(bob, "rare")), nil, false},
		"the last of two roles":           {append(others(30), userGrant(alice, "b"), userGrant(alice, "a")), others(30), []string{"a", "b"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, _ := newPostgres(t, rolestore.Rules{})
			mustApply(t, store, document(tc.present...), rolestore.ApplyOptions{})
			planned, err := store.Plan(t.Context(), document(tc.wanted...), rolestore.ApplyOptions{Prune: true})
			must(t, err)
			if diff := cmp.Diff(tc.lost, planned.Loss.Roles); diff != "" || planned.Loss.IsGrave() != tc.grave {
				t.Errorf("%+v, grave %v, want %v; lost roles (-want +got):\n%s", planned.Loss, planned.Loss.IsGrave(), tc.grave, diff)
			}
		})
	}
}

// The first look saw another grant of the role; it is gone by now.
func TestALossThatWasNotShownIsNotMade(t *testing.T) {
	t.Parallel()
	store, _ := newPostgres(t, rolestore.Rules{})
	var many []rolestore.Grant
	for role := range strings.SplitSeq("abcdefghijklmnopqrst", "") {
		many = append(many, userGrant(alice, role))
	}
	mustApply(t, store, document(append(many, userGrant(alice, "rare"), userGrant(bob, "rare"))...), rolestore.ApplyOptions{})
	edit := rolestore.Edit{Remove: document(userGrant(alice, "rare"))}
	shown, err := store.Edit(t.Context(), edit, rolestore.ApplyOptions{DryRun: true})
	must(t, err)
	_, err = store.Edit(t.Context(), rolestore.Edit{Remove: document(userGrant(bob, "rare"))}, rolestore.ApplyOptions{By: "somebody else"})
	must(t, err)
	if _, err := store.Edit(t.Context(), edit, rolestore.ApplyOptions{By: "a test", Confirmed: &shown}); !errors.Is(err, rolestore.ErrChangedMeanwhile) {
		t.Errorf("got error %v, want ErrChangedMeanwhile", err)
	}
}
