package rolestore_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

func TestEveryChangeMakesARevision(t *testing.T) {
	t.Parallel()
	store, pool := newPostgres(t, rolestore.Rules{})
	revision := func() rolestore.Revision {
		r, err := store.Revision(t.Context())
		must(t, err)
		return r
	}
	last := revision()
	for _, change := range []string{
		`INSERT INTO issuer.grants (tenant, principal_kind, principal, role) VALUES ('7f2d6c1e-0000-4000-8000-000000000001', 'everyone', '', 'reader')`,
		`UPDATE issuer.grants SET priority = 1`,
		`INSERT INTO issuer.blocks (tenant, principal_kind, principal) VALUES ('7f2d6c1e-0000-4000-8000-000000000001', 'user', '11d3e5f7-0000-4000-8000-000000000001')`,
		`DELETE FROM issuer.blocks`,
		`TRUNCATE issuer.grants`,
	} {
		mustExec(t, pool, change)
		now := revision()
		if now.Number <= last.Number || now.Mark == last.Mark {
			t.Errorf("%s: revision %+v follows %+v", change, now, last)
		}
		last = now
	}
	for _, nothing := range []string{`UPDATE issuer.grants SET priority = 2`, `DELETE FROM issuer.blocks`, `SELECT FROM issuer.grants`} {
		mustExec(t, pool, nothing)
		if now := revision(); now != last {
			t.Errorf("%s: revision %+v follows %+v", nothing, now, last)
		}
	}
}

// An answer that came with a later revision than it is of would be taken for true for as long as that is.
func TestAnAnswerIsOfTheRevisionItComesWith(t *testing.T) {
	t.Parallel()
	store, pool := newPostgres(t, rolestore.Rules{})
	for _, role := range []string{"", "reader"} {
		if role != "" {
			mustApply(t, store, oneRole(role), rolestore.ApplyOptions{})
		}
		want, err := store.Revision(t.Context())
		must(t, err)
		answer, revision, err := store.Look(t.Context(), aliceQuery())
		must(t, err)
		groups, groupsRevision, err := store.NamedGroupsAt(t.Context(), aliceQuery().TenantID, 10)
		must(t, err)
		if revision != want || groupsRevision != want || (len(answer.Grants) == 1) != (role != "") || len(groups.IDs) != 0 {
			t.Errorf("%d grants at %+v, %d groups at %+v, want %+v", len(answer.Grants), revision, len(groups.IDs), groupsRevision, want)
		}
	}
	mustExec(t, pool, `ALTER TABLE issuer.role_state DISABLE TRIGGER history_is_kept`)
	mustExec(t, pool, `DELETE FROM issuer.role_state`)
	if _, _, err := store.Look(t.Context(), aliceQuery()); !errors.Is(err, rolestore.ErrUnavailable) || !strings.Contains(err.Error(), "role_state") {
		t.Errorf("without a revision: error %v, want ErrUnavailable", err)
	}
}

func TestAFingerprintTellsCallersApart(t *testing.T) {
	t.Parallel()
	const other = "22d3e5f7-0000-4000-8000-000000000002"
	print := func(alter func(*rolestore.Query)) string {
		q := aliceQuery()
		q.Groups, q.AppRoles = []string{"d1000001-0000-4000-8000-000000000001", "d2000002-0000-4000-8000-000000000002"}, []string{"A", "B"}
		alter(&q)
		sum, err := q.Fingerprint()
		must(t, err)
		return string(sum[:])
	}
	alice := print(func(*rolestore.Query) {})
	for name, alter := range map[string]func(*rolestore.Query){
		"another tenant":   func(q *rolestore.Query) { q.TenantID = other },
		"another user":     func(q *rolestore.Query) { q.ObjectID = other },
		"an app":           func(q *rolestore.Query) { q.App, q.ClientID = true, q.ObjectID },
		"one group less":   func(q *rolestore.Query) { q.Groups = q.Groups[:1] },
		"another app role": func(q *rolestore.Query) { q.AppRoles[1] = "C" },
		"app roles joined": func(q *rolestore.Query) { q.AppRoles = []string{"AB"} },
		"no groups":        func(q *rolestore.Query) { q.Groups = nil },
		"groups as roles":  func(q *rolestore.Query) { q.Groups, q.AppRoles = nil, append(q.Groups, q.AppRoles...) },
		"roles as groups":  func(q *rolestore.Query) { q.Groups, q.AppRoles = append(q.Groups, q.AppRoles...), nil },
		"another client":   func(q *rolestore.Query) { q.ClientID = other }, // which a query of the operator's can ask for
	} {
		if print(alter) == alice {
			t.Errorf("%s: the fingerprint is the same", name)
		}
	}
}
