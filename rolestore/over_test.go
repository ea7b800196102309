package rolestore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

func TestWhatIsAddedOrChangedHasItsEndBeforeIt(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	grant := func(until time.Time) rolestore.Grant { return rolestore.Grant{Role: "a", Until: until} }
	block := func(until time.Time) rolestore.Block { return rolestore.Block{Until: until} }
	type grants = rolestore.Changes[rolestore.Grant]
	type blocks = rolestore.Changes[rolestore.Block]
	for name, one := range map[string]struct {
		diff rolestore.Diff
		want int
	}{
		"no end":                      {rolestore.Diff{Grants: grants{Added: []rolestore.Grant{grant(time.Time{})}}, Blocks: blocks{Added: []rolestore.Block{block(time.Time{})}}}, 0},
		"an end to come":              {rolestore.Diff{Grants: grants{Added: []rolestore.Grant{grant(now.Add(1))}}, Blocks: blocks{Added: []rolestore.Block{block(now.Add(1))}}}, 0},
		"an end just now":             {rolestore.Diff{Grants: grants{Added: []rolestore.Grant{grant(now)}}, Blocks: blocks{Added: []rolestore.Block{block(now)}}}, 2},
		"a change to what is over":    {rolestore.Diff{Blocks: blocks{Changed: []rolestore.Change[rolestore.Block]{{After: block(now.Add(-1))}}}}, 1},
		"a change of what was over":   {rolestore.Diff{Blocks: blocks{Changed: []rolestore.Change[rolestore.Block]{{Before: block(now.Add(-1)), After: block(time.Time{})}}}}, 0},
		"the removal of what is over": {rolestore.Diff{Grants: grants{Removed: []rolestore.Grant{grant(now.Add(-1))}}}, 0},
	} {
		if got := one.diff.Over(now); got != one.want {
			t.Errorf("%s: %d entries are over, want %d", name, got, one.want)
		}
		if err := one.diff.Timely(now); errors.Is(err, rolestore.ErrRefused) != (one.want > 0) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
