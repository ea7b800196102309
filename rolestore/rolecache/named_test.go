package rolecache_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolecache"
)

func groupID(n int) string { return fmt.Sprintf("d1000001-0000-4000-8000-%012d", n) }

// crowded is the query of a caller in two hundred groups.
func crowded(n int) rolestore.Query {
	q := caller(n)
	for g := range 200 {
		q.Groups = append(q.Groups, groupID(g))
	}
	return q
}

// grants asks for a caller, which must work, and lets everything that this begins come to its end.
func (f *fixture) grants(t *testing.T, q rolestore.Query) {
	t.Helper()
	if _, err := f.Grants(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

func TestAStoreIsOnlyAskedAboutGroupsThatGrantsName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		alter  func(*rolecache.Config, *store)
		change bool
		want   []int // how many groups the questions name
	}{
		"once it is known which":                      {func(*rolecache.Config, *store) {}, false, []int{200, 2, 2}},
		"also where they name none":                   {func(_ *rolecache.Config, s *store) { s.naming = nil }, false, []int{200, 0, 0}},
		"not where they name many":                    {func(_ *rolecache.Config, s *store) { s.more = true }, false, []int{200, 200, 200}},
		"not by what was known before a change":       {func(*rolecache.Config, *store) {}, true, []int{200, 2, 200, 200}},
		"not where a query of the operator's decides": {func(c *rolecache.Config, _ *store) { c.Untracked = true }, false, []int{200, 200, 200}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s *store
			inBubble(t, func(config *rolecache.Config) {
				s = config.Store.(*store)
				s.naming = []string{groupID(3), groupID(7)}
				c.alter(config, s)
			}, func(t *testing.T, f *fixture) {
				f.grants(t, crowded(1))
				if c.change {
					s.meddle = func() { s.change("role-1") }
				}
				f.grants(t, crowded(2))
				f.grants(t, crowded(3))
				if !slices.Equal(s.groups, c.want) {
					t.Errorf("the questions named %v groups, want %v", s.groups, c.want)
				}
			})
		})
	}
}
