package keystest

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hasura-issuer/hasura-issuer/keys"
)

// Effort is how much of TestPromises a store can bear.
type Effort struct {
	Worlds int // how many, at most; rapid.checks bounds them too
	Ticks  int // of each one, at most
}

// Open returns a new, empty store on a clock. Those it returned before are not used any more.
type Open func(now func() time.Time) keys.Store

// TestPromises plays worlds of replicas, crons, operators, engines and accidents on a store, and holds all of them to
// what the ring promises. After every step:
//
//  1. no key signs sooner after its publication than a replica may be stale and an engine may keep a key set;
//  2. every token of a key that is not revoked is in every key set that an engine or a replica has, until it is dead;
//  3. one key signs, and where somebody rotates in time, with the same settings as all, another one is ready to;
//  4. a key set has one to five keys, and no private member;
//  5. whatever settings meet, all of that stays true;
//  6. who signs does it with the first key of its own key set;
//  7. who has not seen the store for too long does neither, and who has seen it, with the same settings as all, does both;
//  8. generations only grow and revoked keys stay revoked, for every replica, whatever the store says;
//  9. who has a wrong clock does not sign, and writes only to put back what a store lost.
//
// While a store shows a past, what it holds itself is not judged but by 2, 4 and 8. It is noticed at once, by a replica that
// held all of what was lost and lives on: where nobody is left who did, nobody can tell.
func TestPromises(t *testing.T, effort Effort, open Open) {
	t.Helper()
	done, failed, passing := 0, false, true
	rapid.Check(t, func(rt *rapid.T) {
		failed = failed || !passing // from then on rapid looks for a smaller world that fails too
		if done == effort.Worlds && !failed {
			return
		}
		done++
		passing = false
		newWorld(rt, open).live(effort.Ticks)
		passing = true
	})
}

// epoch is when every world begins. It has no monotonic part.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	maxTick = 30 * time.Second // twice the time between two looks at the store; engines fetch that much too late
	trip    = 5 * time.Second  // the longest way of a question to a slow store, and of its answer
	maxOff  = keys.Skew - trip // of a clock that counts as right: what it takes for the store's may be off by a trip more
)

var errDown = errors.New("the database is down")

// settings are what replicas, crons and operators run with. The first lead is the shortest.
var settings = []keys.Policy{
	{Period: 12 * time.Minute, TTL: time.Minute, MaxAge: time.Minute, Lead: 4 * time.Minute, Alg: keys.EdDSA},
	{Period: 20 * time.Minute, TTL: 5 * time.Minute, MaxAge: 5 * time.Minute, CDNTTL: 5 * time.Minute, Lead: 18 * time.Minute, Alg: keys.EdDSA},
	{Period: 32 * time.Minute, TTL: time.Hour, MaxAge: time.Minute, Lead: 4 * time.Minute, Alg: keys.ES256},
	{Period: time.Hour, TTL: 10 * time.Minute, MaxAge: 4 * time.Minute, Lead: 45 * time.Minute, Alg: keys.EdDSA},
}

// world is a store and all that is around it.
type world struct {
	*rapid.T
	at       time.Time
	open     Open
	store    *home
	sealer   *keys.Sealer
	policies []keys.Policy // of those who are in it: one, or all
	replicas []*replica
	booted   int
	engines  []*engine

	tokens  map[string]time.Time  // by kid: until when one may be accepted somewhere
	revoked map[string]bool       // by kid, for ever
	rows    map[string]keys.Key   // by kid, as last seen
	phases  map[string]keys.Phase // by kid, while the store holds what it should
	newest  int64
	read    map[string][]string // kids of key sets, by their text

	calm    time.Time // from when on a key has to be ready, if somebody rotates in time
	missing time.Time // since when a key is; zero: none is
	backups []keys.State
	past    *past // nil while the store holds what it should
}

func newWorld(rt *rapid.T, open Open) *world {
	w := &world{
		T: rt, at: epoch, open: open, sealer: Sealer(rt, "suite"), policies: settings,
		tokens: map[string]time.Time{}, revoked: map[string]bool{}, read: map[string][]string{},
		rows: map[string]keys.Key{}, phases: map[string]keys.Phase{},
	}
	if w.flip("all have the same settings") {
		i := w.choose("settings", len(settings))
		w.policies = settings[i : i+1]
	}
	w.store = &home{open(w.now), w}
	for range 2 + w.choose("more replicas", 2) {
		w.replicas = append(w.replicas, w.boot())
		w.engines = append(w.engines, &engine{})
	}
	return w
}

func (w *world) now() time.Time { return w.at }

// alike tells whether everybody has the same settings.
func (w *world) alike() bool { return len(w.policies) == 1 }

// live plays a world to its end, which is a good one: the store is what it should be, and all replicas serve.
func (w *world) live(ticks int) {
	for range ticks/4 + w.choose("ticks", ticks*3/4) {
		w.at = w.at.Add(w.tick())
		w.happen()
		w.work()
	}
	if w.past != nil {
		w.mend()
	}
	for _, r := range w.replicas {
		r.link.heal()
	}
	w.cron(w.policy())
	w.pass(2*maxTick, true)
	for _, r := range w.replicas {
		if _, _, err := r.ring.JWKS(""); err != nil && !r.wrong() {
			w.Fatalf("in the end, with all as it should be, replica %s does not serve: %v", r.name, err)
		}
	}
}

func (w *world) tick() time.Duration {
	return []time.Duration{maxTick, time.Second, maxTick / 2, maxTick}[w.choose("tick", 4)]
}

// pass lets time go by, in which replicas look at the store, or nobody does anything but to serve, fetch and sign.
func (w *world) pass(d time.Duration, synced bool) {
	for i := 0; d > 0; i++ {
		w.at = w.at.Add(min(d, maxTick))
		d -= maxTick
		for _, r := range w.replicas {
			if synced {
				w.sync(r)
			}
		}
		w.serve()
		if i%4 == 0 || d <= 0 {
			w.checkStore()
		}
	}
	w.remind()
}

// work is what everybody does all the time: looks at the store, but for those whom no notification reaches, and who are
// between two looks.
func (w *world) work() {
	for _, r := range w.replicas {
		if !w.flip("not notified") || !w.flip("late") {
			w.sync(r)
		}
	}
	w.serve()
	w.checkStore()
}

// serve has engines first: where nobody answered for a while, those whose time was over try again all the time.
func (w *world) serve() {
	w.fetch()
	for _, r := range w.replicas {
		w.mint(r)
	}
	w.checkTokens()
}

func (w *world) policy() keys.Policy {
	return w.policies[w.choose("policy", len(w.policies))]
}

func (w *world) flip(what string) bool { return rapid.Bool().Draw(w.T, what) }

// choose returns a number below n, each as likely as the others, which is not what rapid's integers are.
func (w *world) choose(what string, n int) int {
	return uniform.Draw(w.T, what) * n >> uniformBits
}

const uniformBits = 10

var uniform = rapid.Custom(func(t *rapid.T) int {
	bits := rapid.Bool()
	number := 0
	for range uniformBits {
		number *= 2
		if bits.Draw(t, "bit") {
			number++
		}
	}
	return number
})
