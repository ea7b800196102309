package rolemap_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolemap"
)

// TestListsAreWeighedTogether: who goes from one list and comes by another is no loss to the role.
func TestListsAreWeighedTogether(t *testing.T) {
	t.Parallel()
	s := withRole(t)
	s.list(found("user:a", alice))
	users := func(holders ...rolemap.Holder) rolemap.List {
		return rolemap.List{Tenant: tenant, Role: sales, Kind: rolestore.KindUser, Holders: holders}
	}
	group := rolemap.List{Tenant: tenant, Role: sales, Kind: rolestore.KindGroup, Holders: []rolemap.Holder{found("group:g", carol)}}
	for name, c := range map[string]struct {
		lists []rolemap.List
		want  rolestore.Loss
	}{
		"nothing":               {nil, rolestore.Loss{}},
		"the same":              {[]rolemap.List{users(found("user:a", alice))}, rolestore.Loss{}},
		"Graph is down":         {[]rolemap.List{users(lost("user:a", rolemap.NotAsked))}, rolestore.Loss{}},
		"nobody is left":        {[]rolemap.List{users()}, rolestore.Loss{Roles: []string{sales}, Removed: 1, Present: 1}},
		"nobody who is known":   {[]rolemap.List{users(lost("user:a", rolemap.Unknown))}, rolestore.Loss{Roles: []string{sales}, Removed: 1, Present: 1}},
		"somebody else instead": {[]rolemap.List{users(found("user:b", bob))}, rolestore.Loss{Removed: 1, Present: 1}},
		"a group instead":       {[]rolemap.List{users(), group}, rolestore.Loss{Removed: 1, Present: 1}},
	} {
		got, err := s.store.Weigh(t.Context(), c.lists)
		s.must(err)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	s.wantGrants("user " + alice + " 0")
	other := users()
	other.Expected = []rolemap.Holder{}
	if _, err := s.store.Weigh(t.Context(), []rolemap.List{other}); !errors.Is(err, rolestore.ErrChangedMeanwhile) {
		t.Errorf("a list that is another by now: %v", err)
	}
	if _, err := s.store.Weigh(t.Context(), []rolemap.List{{Tenant: tenant, Role: "unmapped", Kind: rolestore.KindUser}}); !errors.Is(err, rolemap.ErrNoRole) {
		t.Errorf("a role that is not mapped: %v", err)
	}
}
