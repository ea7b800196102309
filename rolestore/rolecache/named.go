package rolecache

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// mostNamed is how many groups of a tenant are kept track of. Where grants name more, each question names all of a
// caller's groups.
const mostNamed = 50_000

// restFactor is how many times longer than it took to find that out the store is left in peace.
const restFactor = 10

// named knows, by tenant, which groups grants name: a caller may be in two hundred groups, and only those few can matter
// to the store, which takes a step for each.
type named struct {
	mu      sync.Mutex // guards what follows
	tenants map[string]*namedSet
}

// namedSet are the groups that grants of a tenant named at a revision. Immutable.
type namedSet struct {
	revision rolestore.Revision
	groups   map[string]struct{} // nil: there are too many
	again    time.Time           // before then it is not found out anew: where it costs much, it is seldom
}

// of returns what is known of a tenant; nil for nothing.
func (n *named) of(tenant string) *namedSet {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.tenants[tenant]
}

func (n *named) put(tenant string, set *namedSet) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.tenants == nil {
		n.tenants = make(map[string]*namedSet)
	}
	n.tenants[tenant] = set
}

// look asks the store about a caller, and only about those of their groups that grants name, as far as that is known. Who
// asks does not wait for it to become known: that is found out meanwhile, for those who come later.
func (c *Cache) look(ctx context.Context, query rolestore.Query, known *sighting) (rolestore.Answer, rolestore.Revision, error) {
	if c.config.Untracked || len(query.Groups) < 2 {
		return c.config.Store.Look(ctx, query)
	}
	tenant := strings.ToLower(query.TenantID)
	set := c.named.of(tenant)
	if set == nil || !known.holds(set.revision) {
		if set == nil || c.config.Now().After(set.again) {
			c.learn(ctx, tenant, known)
		}
		return c.config.Store.Look(ctx, query)
	}
	narrowed, all := set.narrow(query)
	answer, revision, err := c.config.Store.Look(ctx, narrowed)
	if err == nil && !all && revision != set.revision {
		return c.config.Store.Look(ctx, query) // grants may name another group by now
	}
	return answer, revision, err
}

// narrow returns the query with those groups that are in the set, and whether these are all.
func (s *namedSet) narrow(query rolestore.Query) (narrowed rolestore.Query, all bool) {
	if s.groups == nil {
		return query, true
	}
	var some []string
	for _, id := range query.Groups {
		if _, named := s.groups[strings.ToLower(id)]; named {
			some = append(some, id)
		}
	}
	all = len(some) == len(query.Groups)
	query.Groups = some
	return query, all
}

// learn finds out which groups grants of a tenant name, once for all who want to know.
func (c *Cache) learn(ctx context.Context, tenant string, known *sighting) {
	c.flights.DoChan("groups named in "+tenant+string(known.name()), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askTimeout)
		defer cancel()
		began := c.config.Now()
		groups, revision, err := c.config.Store.NamedGroupsAt(ctx, tenant, mostNamed)
		if err != nil {
			return nil, err // the next one asks again
		}
		now := c.config.Now()
		set := &namedSet{revision: revision, again: now.Add(restFactor * now.Sub(began))}
		if !groups.More {
			set.groups = make(map[string]struct{}, len(groups.IDs))
			for _, id := range groups.IDs {
				set.groups[id] = struct{}{}
			}
		}
		c.named.put(tenant, set)
		return nil, nil
	})
}
