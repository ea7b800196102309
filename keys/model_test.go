package keys_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

// tick is how finely the model's time is cut. Engines fetch up to one tick too
// late, which the minute to spare in every lead has to bear.
const tick = 30 * time.Second

// settings are what replicas and crons of the model run with, and change between.
var settings = []keys.Policy{
	{Period: 12 * time.Minute, TTL: time.Minute, MaxAge: time.Minute, Lead: 4 * time.Minute, Alg: keys.EdDSA},
	{Period: 32 * time.Minute, TTL: time.Hour, MaxAge: time.Minute, Lead: 4 * time.Minute, Alg: keys.EdDSA},
	{Period: 20 * time.Minute, TTL: 5 * time.Minute, MaxAge: 5 * time.Minute, CDNTTL: 5 * time.Minute, Lead: 18 * time.Minute, Alg: keys.EdDSA},
	{Period: time.Hour, TTL: 10 * time.Minute, MaxAge: 4 * time.Minute, Lead: 45 * time.Minute, Alg: keys.EdDSA},
}

// longestLead is a lead that covers all of these side by side: the staleness of
// the last one, and the max-age and cache of the third.
const longestLead = 40*time.Minute + 11*time.Minute

// replica is one process: a ring, its link to the store, its clock.
type replica struct {
	ring   *keys.Ring
	link   *keystest.Flaky
	policy keys.Policy
	off    time.Duration
}

// engine is Hasura v2: it keeps a key set for as long as it was told, never asks
// again for a key it does not know, and retries a fetch that failed. (v3, which
// asks each time, is every replica's set of the moment.)
type engine struct {
	set   []string
	until time.Time
}

// model is a world of replicas, engines and tokens around one store.
type model struct {
	*rapid.T
	clock    *clock
	store    *keystore.Memory
	replicas []*replica
	engines  []*engine
	alive    map[string]time.Time // by kid: until when a token of it may be accepted somewhere
	seen     map[string]keys.Phase
}

func TestNoEngineEverMeetsATokenOfAKeyItDoesNotHold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{T: rt, clock: &clock{start}, alive: map[string]time.Time{}, seen: map[string]keys.Phase{}}
		m.store = keystore.NewMemory(m.clock.now)
		for range 2 + rapid.IntRange(0, 1).Draw(rt, "more replicas") {
			m.replicas = append(m.replicas, m.boot())
			m.engines = append(m.engines, &engine{})
		}
		for range rapid.IntRange(20, 160).Draw(rt, "ticks") {
			m.clock.advance(tick)
			m.disturb()
			m.work()
			m.check()
		}
	})
}

// boot starts a process with some settings and a clock that is somewhat off.
func (m *model) boot() *replica {
	r := &replica{
		link:   keystest.NewFlaky(m.store),
		policy: rapid.SampledFrom(settings).Draw(m.T, "settings"),
		off:    time.Duration(rapid.IntRange(-60, 60).Draw(m.T, "seconds off")) * time.Second,
	}
	ring, err := keys.NewRing(keys.RingConfig{
		Store:  r.link,
		Policy: r.policy,
		Now:    func() time.Time { return m.clock.now().Add(r.off) },
		Auto:   rapid.Bool().Draw(m.T, "rotates"),
	})
	if err != nil {
		m.Fatal(err)
	}
	r.ring = ring
	return r
}

// disturb lets one thing happen, at most.
func (m *model) disturb() {
	i := rapid.IntRange(0, len(m.replicas)-1).Draw(m.T, "which")
	switch rapid.IntRange(0, 20).Draw(m.T, "event") {
	case 1: // cut off from the store
		m.replicas[i].link.FailLoads(errDown)
		m.replicas[i].link.FailUpdates(errDown)
	case 2: // or only unable to write
		m.replicas[i].link.FailUpdates(errDown)
	case 3, 4:
		m.replicas[i].link.FailLoads(nil)
		m.replicas[i].link.FailUpdates(nil)
	case 5: // restarted, with other settings
		m.replicas[i] = m.boot()
	case 6, 7, 8: // a cron
		if _, err := keys.Rotate(m.Context(), m.store, nil, m.replicas[i].policy); err != nil {
			m.Fatalf("rotate: %v", err)
		}
	case 9:
		m.revoke()
	case 10, 11: // nobody does anything for a while, engines apart
		for range rapid.IntRange(1, 100).Draw(m.T, "ticks of silence") {
			m.clock.advance(tick)
			m.fetch()
		}
	}
}

// revoke revokes a key that is no later than signing, where another is old enough to
// take over without an outage.
func (m *model) revoke() {
	s := keystest.Load(m, m.store)
	list := keys.List(s, s.Now)
	ready := slices.ContainsFunc(s.Keys, func(k keys.Key) bool {
		i, _ := slices.BinarySearchFunc(list, k.Generation, func(l keys.Info, g int64) int { return int(l.Generation - g) })
		return list[i].State == keys.Pending && s.Now.Sub(k.PublishedAt) >= longestLead
	})
	if !ready {
		return
	}
	k := rapid.SampledFrom(list).Draw(m.T, "to revoke")
	if k.State == keys.Signing || k.State == keys.Retiring {
		keystest.Change(m, m.store, func(s keys.State) keys.Change { return revoke(s, k.Generation, longestLead) })
	}
}

// work is what everybody does all the time.
func (m *model) work() {
	for _, r := range m.replicas {
		if rapid.IntRange(0, 3).Draw(m.T, "sync") > 0 {
			_ = r.ring.Sync(m.Context()) // a failure shows in what it serves
		}
	}
	m.fetch()
	for _, r := range m.replicas {
		m.mint(r)
	}
}

// fetch renews the sets of engines whose time is over, from any replica that answers.
func (m *model) fetch() {
	for i, e := range m.engines {
		if m.clock.at.Before(e.until) {
			continue
		}
		for j := range m.replicas {
			r := m.replicas[(i+j)%len(m.replicas)]
			if body, _, err := r.ring.JWKS(""); err == nil {
				e.set, e.until = kidsOf(m, body), m.clock.at.Add(r.policy.MaxAge+r.policy.CDNTTL)
				break
			}
		}
	}
}

// mint lets a replica sign. Its key must be the first of the set it serves.
func (m *model) mint(r *replica) {
	_, kid, err := r.ring.Sign(m.Context(), []byte(`{}`))
	if err != nil {
		return
	}
	set := kids(m, r.ring)
	if set[0] != kid || len(set) > 5 {
		m.Fatalf("a replica signs with %s and publishes %v", kid, set)
	}
	exp := m.clock.at.Add(r.off + r.policy.TTL + keys.Skew) // engines may be a minute slow
	if exp.After(m.alive[kid]) {
		m.alive[kid] = exp
	}
}

func (m *model) check() {
	m.checkRows()
	sets := m.published()
	for kid, exp := range m.alive {
		if !m.clock.at.Before(exp) || m.seen[kid] == keys.Revoked {
			delete(m.alive, kid)
			continue
		}
		for i, e := range m.engines {
			if len(e.set) > 0 && !slices.Contains(e.set, kid) {
				m.Fatalf("engine %d holds %v and meets a token of %s", i, e.set, kid)
			}
		}
		for i, set := range sets {
			if len(set) > 0 && !slices.Contains(set, kid) {
				m.Fatalf("replica %d publishes %v and a token of %s is about", i, set, kid)
			}
		}
	}
}

// published returns the set of each replica, none where it answers 503.
func (m *model) published() [][]string {
	sets := make([][]string, len(m.replicas))
	for i, r := range m.replicas {
		if body, _, err := r.ring.JWKS(""); err == nil {
			sets[i] = kidsOf(m, body)
		}
	}
	return sets
}

// checkRows holds the stored ring to what is always true of it: one key signs,
// now and later, and no key ever goes back in its life.
func (m *model) checkRows() {
	s := keystest.Load(m, m.store)
	if !s.Founded {
		return
	}
	order := []keys.Phase{keys.Pending, keys.Signing, keys.Retiring, keys.Dropped, keys.Revoked}
	later := time.Duration(rapid.IntRange(0, 600).Draw(m.T, "minutes later")) * time.Minute
	for _, at := range []time.Time{s.Now, s.Now.Add(later)} {
		signing := 0
		for _, k := range keys.List(s, at) {
			if k.State == keys.Signing {
				signing++
			}
			if at.Equal(s.Now) {
				if before := m.seen[k.KID]; before != "" && slices.Index(order, k.State) < slices.Index(order, before) {
					m.Fatalf("generation %d was %s and is %s", k.Generation, before, k.State)
				}
				m.seen[k.KID] = k.State
			}
		}
		if signing != 1 {
			m.Fatalf("%d keys sign at %v", signing, at)
		}
	}
}
