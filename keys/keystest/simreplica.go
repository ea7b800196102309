package keystest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
)

// replica is one process: a ring, its link to the store, its clock, and what it must not go back on.
type replica struct {
	name   string
	ring   *keys.Ring
	link   *link
	policy keys.Policy
	off    time.Duration // its clock

	saw    time.Time       // when it last asked a store that it may follow; zero: never
	good   time.Time       // when it last did so with success; zero: never
	held   keys.State      // what it follows
	knows  map[string]bool // kids it knows to be revoked
	gone   map[string]bool // kids that have left its key set
	set    []string        // its key set of a moment ago
	signer string          // the kid that signed a moment ago
	tried  string          // the key and the set that a token was last verified with
}

// boot starts a process with some settings and a clock that is somewhat off, or far off.
func (w *world) boot() *replica {
	w.booted++
	const most = int(maxOff / time.Second)
	r := &replica{
		name: fmt.Sprint(w.booted), link: w.link(), policy: w.policy(),
		off:   time.Duration(w.choose("seconds off", 2*most+1)-most) * time.Second,
		knows: map[string]bool{}, gone: map[string]bool{},
	}
	if w.booted > 2 && w.choose("clock", 8) == 7 {
		r.off = []time.Duration{-time.Hour, 80 * time.Second, -80 * time.Second, 24 * time.Hour}[w.choose("far off", 4)]
	}
	ring, err := keys.NewRing(keys.RingConfig{
		Store: r.link, Sealer: w.sealer, Policy: r.policy, Now: func() time.Time { return w.at.Add(r.off) },
		Auto: w.flip("rotates"), Name: r.name,
	})
	if err != nil {
		w.Fatal(err)
	}
	r.ring = ring
	return r
}

// wrong tells whether its clock is.
func (r *replica) wrong() bool { return r.off.Abs() > keys.Skew }

// sync lets a replica look at the store, and notes what it has to know after that.
func (w *world) sync(r *replica) {
	writes, loads := r.link.writes, r.link.loads
	err := r.ring.Sync(w.Context())
	if err != nil {
		w.Logf("replica %s: %v", r.name, err)
	}
	if r.wrong() && r.link.writes > writes && w.past == nil {
		w.Fatalf("replica %s, whose clock is off by %v, writes to the store", r.name, r.off)
	}
	if r.ring.Status().Disputed {
		return
	}
	if r.link.loads > loads {
		r.saw = r.link.asked
	}
	if err != nil {
		return
	}
	r.good, r.held = r.link.asked, r.link.loaded
	if !r.link.ill && !r.link.dying {
		w.checkWord(r)
	}
	for _, k := range r.link.loaded.Keys {
		if !k.RevokedAt.IsZero() {
			r.knows[k.KID] = true
		}
	}
	if w.holds(r) && !w.past.adopted {
		w.mended(r)
	}
}

// checkWord wants a replica that follows the store to have taken back what it said against it.
func (w *world) checkWord(r *replica) {
	for _, said := range Load(w, w.store).Witnesses {
		if said.Name == r.name && said.Alarm != "" {
			w.Fatalf("replica %s follows the store, and still says: %s", r.name, said.Alarm)
		}
	}
}

// mint lets a replica sign, holds what it serves against what it may, and puts the token into the world.
func (w *world) mint(r *replica) {
	jws, kid, signErr := r.ring.Sign(w.Context(), []byte(`{}`))
	body, _, setErr := r.ring.JWKS("")
	w.checkLimit(r, signErr, setErr)
	if setErr != nil {
		return
	}
	set := w.kids(body)
	w.checkSet(r, set)
	if signErr != nil {
		return
	}
	if set[0] != kid {
		w.Fatalf("replica %s signs with %v and publishes %v", r.name, w.names(kid), w.names(set...))
	}
	if this := kid + string(body); r.tried != this {
		w.verify(jws, body)
		r.tried = this
	}
	w.checkSigner(r, kid)
	dead := w.at.Add(r.off + r.policy.TTL + keys.Skew) // by an engine whose clock is slow
	if dead.After(w.tokens[kid]) {
		w.tokens[kid] = dead
	}
}

// checkLimit holds a replica to the staleness limit, on both sides, and to its clock.
func (w *world) checkLimit(r *replica, signErr, setErr error) {
	for _, err := range []error{signErr, setErr} {
		if err != nil && !errors.Is(err, keys.ErrUnavailable) {
			w.Fatalf("replica %s: %v", r.name, err)
		}
	}
	limit := w.longest(keys.Policy.Stale)
	if (r.saw.IsZero() || w.at.Sub(r.saw) > limit) && (signErr == nil || setErr == nil) {
		w.Fatalf("replica %s serves, although it saw the store at %v and it is %v", r.name, r.saw, w.at)
	}
	if r.wrong() && signErr == nil {
		w.Fatalf("replica %s signs with a clock that is off by %v", r.name, r.off)
	}
	if !w.alike() || r.good.IsZero() || w.at.Sub(r.good) > limit {
		return
	}
	if setErr != nil || (signErr != nil && !r.wrong()) {
		w.Fatalf("replica %s, which saw the store at %v, does not serve at %v: %v, %v", r.name, r.good, w.at, signErr, setErr)
	}
}

// longest returns the longest there is of something in the settings of this world.
func (w *world) longest(of func(keys.Policy) time.Duration) time.Duration {
	var all time.Duration
	for _, p := range w.policies {
		all = max(all, of(p))
	}
	return all
}

// checkSet holds a key set to what the same replica published before and knows.
func (w *world) checkSet(r *replica, set []string) {
	for _, kid := range r.set {
		if !slices.Contains(set, kid) {
			r.gone[kid] = true
		}
	}
	for _, kid := range set {
		if r.gone[kid] {
			w.Fatalf("replica %s publishes %v again", r.name, w.names(kid))
		}
		if r.knows[kid] {
			w.Fatalf("replica %s publishes %v, which it knows to be revoked", r.name, w.names(kid))
		}
	}
	r.set = set
}
