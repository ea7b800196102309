package keys_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

// bench is a ring on a store that can fail, and the clocks of both.
type bench struct {
	ring   *keys.Ring
	store  *keystest.Flaky
	inside *keystore.Memory
	ours   *clock // the replica's
	theirs *clock // the store's
}

func newBench(t *testing.T, p keys.Policy, auto bool) *bench {
	t.Helper()
	b := &bench{ours: &clock{start}, theirs: &clock{start}}
	b.inside = keystore.NewMemory(b.theirs.now)
	b.store = keystest.NewFlaky(b.inside)
	b.ring = newRing(t, keys.RingConfig{Store: b.store, Policy: p, Now: b.ours.now, Auto: auto})
	return b
}

func (b *bench) advance(d time.Duration) {
	b.ours.advance(d)
	b.theirs.advance(d)
}

// generations returns the published keys by generation, in the order of the set.
func (b *bench) generations(t *testing.T) []int64 {
	t.Helper()
	var all []int64
	s := keystest.Load(t, b.inside)
	for _, kid := range kids(t, b.ring) {
		i := slices.IndexFunc(s.Keys, func(k keys.Key) bool { return k.KID == kid })
		all = append(all, s.Keys[i].Generation)
	}
	return all
}

var errDown = errors.New("the database is down")

func TestARingThatLoadedNothingIsUnavailable(t *testing.T) {
	t.Parallel()
	b := newBench(t, policy, true)
	mustBeUnavailable(t, b.ring, "no ring has been loaded yet")
	b.store.FailLoads(errDown)
	if err := b.ring.Sync(t.Context()); !errors.Is(err, errDown) {
		t.Errorf("sync: got error %v, want the store's", err)
	}
	mustBeUnavailable(t, b.ring, "no ring has been loaded yet")
	if err := b.ring.Health(); !errors.Is(err, errDown) {
		t.Errorf("health: got %v, want the store's error", err)
	}
}

func TestTheSigningKeyIsTheFirstOfTheSetAndRetiringOnesAreTheLast(t *testing.T) {
	t.Parallel()
	quick := keys.Policy{Period: 32 * time.Minute, TTL: time.Hour, MaxAge: time.Minute, Lead: 4 * time.Minute, Alg: keys.ES256}
	b := newBench(t, quick, true)
	for _, want := range [][]int64{{1, 2, 3}, {2, 3, 4, 1}, {3, 4, 5, 2, 1}, {4, 5, 6, 3, 2}} {
		syncRing(t, b.ring)
		if diff := cmp.Diff(want, b.generations(t)); diff != "" {
			t.Errorf("the set (-want +got):\n%s", diff)
		}
		if got := signer(t, b.ring); got != stored(t, b.inside, want[0]) {
			t.Errorf("%s signs, want generation %d", got, want[0])
		}
		b.advance(32 * time.Minute)
	}
}

func TestTheHandOverHappensWhileTheDatabaseIsDown(t *testing.T) {
	t.Parallel()
	b := newBench(t, policy, true)
	syncRing(t, b.ring)
	b.advance(day - 10*time.Minute)
	syncRing(t, b.ring)
	b.store.FailLoads(errDown)
	b.advance(10*time.Minute - time.Microsecond)
	if got := signer(t, b.ring); got != stored(t, b.inside, 1) {
		t.Error("the first key is not used to the end")
	}
	b.advance(time.Microsecond)
	if got := signer(t, b.ring); got != stored(t, b.inside, 2) {
		t.Error("the second key has not taken over")
	}
	if diff := cmp.Diff([]int64{2, 3, 1}, b.generations(t)); diff != "" {
		t.Errorf("the set (-want +got):\n%s", diff)
	}
}

func TestAReplicaThatDoesNotSeeTheStoreStopsAfterTheStalenessLimit(t *testing.T) {
	t.Parallel()
	b := newBench(t, policy, true)
	syncRing(t, b.ring)
	b.store.FailLoads(errDown)
	b.advance(54 * time.Minute)
	_ = b.ring.Sync(t.Context()) // fails, and must not count as seeing the store
	signer(t, b.ring)
	kids(t, b.ring)
	if err := b.ring.Health(); !errors.Is(err, errDown) {
		t.Errorf("health: got %v, want the store's error", err)
	}
	b.advance(time.Microsecond)
	mustBeUnavailable(t, b.ring, "last read 54m0s ago")
	b.store.FailLoads(nil)
	syncRing(t, b.ring)
	signer(t, b.ring)
	if err := b.ring.Health(); err != nil {
		t.Errorf("health: got %v once the store is back", err)
	}
}

func TestAStoreThatCanOnlyBeReadKeepsReplicasGoing(t *testing.T) {
	t.Parallel()
	b := newBench(t, policy, true)
	syncRing(t, b.ring)
	b.store.FailUpdates(errDown)
	for range 30 {
		b.advance(50 * time.Minute)
		_ = b.ring.Sync(t.Context())
		signer(t, b.ring)
	}
	if err := b.ring.Health(); !errors.Is(err, errDown) {
		t.Errorf("health: got %v, want that rotation fails", err)
	}
	b.store.FailUpdates(nil)
	syncRing(t, b.ring)
	if diff := cmp.Diff([]int64{2, 3, 4, 1}, b.generations(t)); diff != "" {
		t.Errorf("the set once the store can be written to (-want +got):\n%s", diff)
	}
}

func TestAClockThatIsOffStopsSigningAndRotatingButNotTheKeySet(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]time.Duration{"ahead": 61 * time.Second, "behind": -61 * time.Second, "days ahead": 3 * day} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, policy, true)
			syncRing(t, b.ring)
			b.ours.advance(off)
			b.advance(day) // a rotation is due
			if err := b.ring.Sync(t.Context()); !errors.Is(err, keys.ErrUnavailable) {
				t.Errorf("sync: got error %v, want ErrUnavailable", err)
			}
			if _, _, err := b.ring.Sign(t.Context(), nil); !errors.Is(err, keys.ErrUnavailable) || !strings.Contains(err.Error(), "clock") {
				t.Errorf("sign: got error %v, want ErrUnavailable about the clock", err)
			}
			if diff := cmp.Diff([]int64{2, 3, 1}, b.generations(t)); diff != "" {
				t.Errorf("the set goes by something else than the store's clock (-want +got):\n%s", diff)
			}
			if err := b.ring.Health(); err == nil || !strings.Contains(err.Error(), "clock of this machine") {
				t.Errorf("health: got %v, want something about the clock", err)
			}
			b.ours.at = b.theirs.at
			syncRing(t, b.ring)
			if got := signer(t, b.ring); got != stored(t, b.inside, 2) {
				t.Error("the right clock does not cure it")
			}
		})
	}
}

func TestAClockThatIsOffByTheSkewIsGoodEnough(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{time.Minute, -time.Minute} {
		b := newBench(t, policy, true)
		b.ours.advance(off)
		syncRing(t, b.ring)
		signer(t, b.ring)
		if err := b.ring.Health(); err != nil {
			t.Errorf("health with a clock off by %v: %v", off, err)
		}
	}
}

// slow is a store whose Load takes its time by the asker's clock.
type slow struct {
	keys.Store
	before, after func()
}

func (s *slow) Load(ctx context.Context) (keys.State, error) {
	s.before()
	defer s.after()
	return s.Store.Load(ctx)
}

// What the store says was true when it was read, which may have been as early as when it was asked.
func TestTheStalenessLimitCountsFromTheQuestion(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	inside := keystore.NewMemory(c.now)
	rotate(t, inside, policy)
	ring := newRing(t, keys.RingConfig{
		Store: &slow{inside, func() {}, func() { c.advance(9 * time.Second) }}, Now: c.now,
	})
	syncRing(t, ring)
	c.advance(policy.Stale() - 9*time.Second)
	signer(t, ring)
	c.advance(time.Microsecond)
	mustBeUnavailable(t, ring, "is the limit")
}

func TestASlowAnswerIsNotTakenForAWrongClock(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before, after, off time.Duration
		want               bool
	}{
		"all of it before the store reads its clock": {9 * time.Second, 0, 0, true},
		"all of it after":                   {0, 9 * time.Second, 0, true},
		"more than the round-trip explains": {9 * time.Second, 0, 70 * time.Second, false},
		"less than that":                    {5 * time.Second, 5 * time.Second, 64 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ours, theirs := &clock{start.Add(test.off)}, &clock{start}
			both := func(d time.Duration) func() {
				return func() { ours.advance(d); theirs.advance(d) }
			}
			inside := keystore.NewMemory(theirs.now)
			rotate(t, inside, policy)
			ring := newRing(t, keys.RingConfig{
				Store: &slow{inside, both(test.before), both(test.after)}, Now: ours.now, Auto: true,
			})
			syncRing(t, ring)
			if _, _, err := ring.Sign(t.Context(), nil); (err == nil) != test.want {
				t.Errorf("sign: got error %v", err)
			}
		})
	}
}

func TestTheRingNeverStepsBackWithinARoundTrip(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	store := &slow{Store: keystore.NewMemory(c.now), before: func() { c.advance(8 * time.Second) }, after: func() {}}
	ring := newRing(t, keys.RingConfig{Store: store, Now: c.now, Auto: true})
	syncRing(t, ring)
	handOver := keystest.Load(t, store.Store).Keys[1].SignsFrom
	c.at = handOver.Add(-10 * time.Second)
	syncRing(t, ring) // answered 2 s before the hand-over; half of the eight seconds are taken to have passed since
	second := signer(t, ring)
	if second != stored(t, store.Store, 2) {
		t.Fatal("the test is wrong: the second key does not sign yet")
	}
	store.before, store.after = func() {}, func() { c.advance(time.Second) }
	syncRing(t, ring) // now it is half of one
	if got := signer(t, ring); got != second {
		t.Error("a key that was succeeded signs again")
	}
}

func TestAReplicaWithoutTheNewKeyEncryptionKeyKeepsWhatItHasAndSaysSo(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	store := keystore.NewMemory(c.now)
	old, both := keystest.Sealer(t, "old"), keystest.Sealer(t, "new", "old")
	left := newRing(t, keys.RingConfig{Store: store, Sealer: old, Now: c.now, Auto: true})
	ready := newRing(t, keys.RingConfig{Store: store, Sealer: both, Now: c.now, Auto: true})
	syncRing(t, left)
	syncRing(t, ready)
	result, err := keys.Reseal(t.Context(), store, both)
	if err != nil || len(result.Resealed) != 3 {
		t.Fatalf("resealed %v, %v; want three keys", result.Resealed, err)
	}
	syncRing(t, ready)
	if err := left.Sync(t.Context()); err == nil || !strings.Contains(err.Error(), `"new", which is not among those set`) {
		t.Errorf("got error %v, want one that names the key-encryption key", err)
	}
	if signer(t, left) != signer(t, ready) {
		t.Error("the replica that was left behind signs with another key")
	}
	syncRing(t, newRing(t, keys.RingConfig{Store: store, Sealer: keystest.Sealer(t, "new"), Now: c.now, Auto: true}))
	c.advance(policy.Stale() + time.Second)
	mustBeUnavailable(t, left, "last read")
}

func TestAReplicaPromisesBeforeItSigns(t *testing.T) {
	t.Parallel()
	for _, auto := range []bool{true, false} {
		store, c := founded(t)
		c.advance(day) // one key retires already
		rotate(t, store, policy)
		before := keystest.Load(t, store)
		p := policy
		p.TTL, p.CDNTTL, p.Lead = time.Hour, 10*time.Minute, 3*time.Hour
		flaky := keystest.NewFlaky(store)
		ring := newRing(t, keys.RingConfig{Store: flaky, Policy: p, Now: c.now, Auto: auto})
		flaky.FailUpdates(errDown)
		if err := ring.Sync(t.Context()); !errors.Is(err, errDown) {
			t.Errorf("sync: got error %v, want the store's", err)
		}
		mustBeUnavailable(t, ring, "")
		flaky.FailUpdates(nil)
		syncRing(t, ring)
		signer(t, ring)
		want := keys.Promise{TTL: time.Hour, MaxAge: 5 * time.Minute, CDNTTL: 10 * time.Minute, Stale: 164 * time.Minute}
		for i, k := range keystest.Load(t, store).Keys {
			if k.Generation == 1 && k.Promised != before.Keys[i].Promised {
				t.Errorf("the promise of a key that nobody signs with any more was raised to %+v", k.Promised)
			}
			if k.Generation != 1 && k.Promised != want {
				t.Errorf("generation %d has the promise %+v, want %+v", k.Generation, k.Promised, want)
			}
		}
		updates := flaky.Updates()
		syncRing(t, ring)
		if flaky.Updates() != updates {
			t.Error("it promises again what stands already")
		}
	}
}

func TestAReplicaWithAShortLeadBearsWithWhatOthersPromised(t *testing.T) {
	t.Parallel()
	store, c := founded(t)
	p := policy
	p.CDNTTL, p.Lead = 2*time.Hour, 3*time.Hour
	syncRing(t, newRing(t, keys.RingConfig{Store: store, Policy: p, Now: c.now, Auto: true}))
	ring := newRing(t, keys.RingConfig{Store: store, Now: c.now, Auto: true}) // a lead of an hour beside a cache of two
	syncRing(t, ring)
	c.advance(6 * time.Minute) // what 2·MA + CD + SK + 60 s leave after MA + CD + SK
	signer(t, ring)
	c.advance(time.Microsecond)
	mustBeUnavailable(t, ring, "6m0s is the limit")
}

func TestWithoutAutoAReplicaNeverRotates(t *testing.T) {
	t.Parallel()
	b := newBench(t, policy, false)
	if err := b.ring.Sync(t.Context()); err == nil || !strings.Contains(err.Error(), "issuer keys rotate") {
		t.Errorf("sync of an empty store: got error %v, want one that names the command to run", err)
	}
	if n := len(keystest.Load(t, b.inside).Keys); n != 0 {
		t.Fatalf("%d keys were made", n)
	}
	rotate(t, b.inside, policy)
	syncRing(t, b.ring)
	if err := b.ring.Health(); err != nil {
		t.Errorf("health: %v", err)
	}
	b.advance(2 * day)
	syncRing(t, b.ring)
	if n := len(keystest.Load(t, b.inside).Keys); n != 3 {
		t.Errorf("there are %d keys, want the 3 there were", n)
	}
	if err := b.ring.Health(); err == nil || !strings.Contains(err.Error(), "nobody has rotated in time") {
		t.Errorf("health: got %v, want that rotation is overdue", err)
	}
}

func TestWithoutAutoALostRingIsNotTakenForOneThatIsYetToBeMade(t *testing.T) {
	t.Parallel()
	b := newBench(t, policy, false)
	keystest.Change(t, b.inside, func(keys.State) keys.Change { return keys.Change{Found: true} })
	if err := b.ring.Sync(t.Context()); err == nil || !strings.Contains(err.Error(), "once held a ring") {
		t.Errorf("got error %v, want one that says there was a ring", err)
	}
}

func TestARevocationReachesAReplicaAtItsNextSync(t *testing.T) {
	t.Parallel()
	b := newBench(t, policy, true)
	syncRing(t, b.ring)
	b.advance(12 * time.Hour)
	syncRing(t, b.ring)
	keystest.Change(t, b.inside, func(s keys.State) keys.Change { return revoke(s, 1, time.Hour) })
	syncRing(t, b.ring)
	if diff := cmp.Diff([]int64{2, 3, 4}, b.generations(t)); diff != "" {
		t.Errorf("the set (-want +got):\n%s", diff)
	}
	if got := signer(t, b.ring); got != stored(t, b.inside, 2) {
		t.Error("the next key has not taken over")
	}
}

func TestARingKeepsWhatItHasWhenTheStoreShowsAPast(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(s keys.State) keys.State
		want  string
	}{
		"empty and never founded": {func(keys.State) keys.State { return keys.State{} }, "once held a ring"},
		"empty":                   {func(keys.State) keys.State { return keys.State{Founded: true} }, "once held a ring"},
		"fewer generations": {func(s keys.State) keys.State {
			s.Keys = s.Keys[:3]
			return s
		}, "went back from generation 4 to 3"},
		"a key that is revoked no more": {func(s keys.State) keys.State {
			s.Keys[1].RevokedAt = time.Time{}
			return s
		}, "was revoked"},
		"another key in the place of one": {func(s keys.State) keys.State {
			s.Keys[2].KID, s.Keys[2].Public = s.Keys[3].KID+"x", s.Keys[3].Public
			return s
		}, "another key"},
		"a gap": {func(s keys.State) keys.State {
			s.Keys = slices.Delete(s.Keys, 2, 3)
			return s
		}, "is gone"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &clock{start}
			store := &restored{Store: keystore.NewMemory(c.now), now: c.now}
			ring := newRing(t, keys.RingConfig{Store: store, Now: c.now, Auto: true})
			syncRing(t, ring)
			keystest.Change(t, store, func(s keys.State) keys.Change { return revoke(s, 2, time.Hour) })
			syncRing(t, ring)
			before := kids(t, ring)
			past := test.spoil(keystest.Load(t, store))
			store.past = &past
			if err := ring.Sync(t.Context()); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("sync: got error %v, want one with %q", err, test.want)
			}
			if err := ring.Health(); err == nil {
				t.Error("health: all is well")
			}
			if diff := cmp.Diff(before, kids(t, ring)); diff != "" {
				t.Errorf("the set changed (-before +after):\n%s", diff)
			}
			signer(t, ring)
			if store.written {
				t.Error("it wrote to the store")
			}
			store.past = nil
			syncRing(t, ring)
		})
	}
}

// A row may be pruned, but none may come (back) in the middle: it could be a key that was revoked, or one that was planted.
func TestARowThatWasGoneDoesNotComeBack(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	store := &restored{Store: keystore.NewMemory(c.now), now: c.now}
	ring := newRing(t, keys.RingConfig{Store: store, Now: c.now, Auto: true})
	syncRing(t, ring)
	keystest.Change(t, store, func(s keys.State) keys.Change { return revoke(s, 2, time.Hour) })
	syncRing(t, ring)
	without, back := keystest.Load(t, store), keystest.Load(t, store)
	without.Keys = slices.Delete(without.Keys, 1, 2)
	back.Keys[1].RevokedAt = time.Time{}

	store.past = &without
	syncRing(t, ring)
	before := kids(t, ring)
	store.past = &back
	if err := ring.Sync(t.Context()); err == nil || !strings.Contains(err.Error(), "generation 2 of the key store was not there before") {
		t.Errorf("sync: got error %v", err)
	}
	if diff := cmp.Diff(before, kids(t, ring)); diff != "" {
		t.Errorf("the set changed (-before +after):\n%s", diff)
	}
}

// restored is a store that shows a past once that is set.
type restored struct {
	keys.Store
	now     func() time.Time
	past    *keys.State
	written bool
}

func (r *restored) Load(ctx context.Context) (keys.State, error) {
	if r.past == nil {
		return r.Store.Load(ctx)
	}
	s := *r.past
	s.Now = r.now()
	return s, nil
}

func (r *restored) Update(ctx context.Context, decide func(keys.State) (keys.Change, error)) (keys.State, error) {
	if r.past == nil {
		return r.Store.Update(ctx, decide)
	}
	s, err := r.Load(ctx)
	if err == nil {
		_, err = decide(s)
	}
	r.written = err == nil
	return s, err
}

func TestAStoreThatTurnsIntoAnotherUnderTheLockIsNotWrittenTo(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	store := keystore.NewMemory(c.now)
	other := keystore.NewMemory(c.now)
	rotate(t, other, policy)
	switching := &moving{Store: store}
	ring := newRing(t, keys.RingConfig{Store: switching, Now: c.now, Auto: true})
	syncRing(t, ring)
	c.advance(day)
	switching.between = func() { switching.Store = other }
	if err := ring.Sync(t.Context()); err == nil {
		t.Error("sync: got no error")
	}
	if n := len(keystest.Load(t, other).Keys); n != 3 {
		t.Errorf("the other ring has %d keys, want the 3 it had", n)
	}
}

func TestManyMaySignWhileTheRingMoves(t *testing.T) {
	t.Parallel()
	store := keystore.NewMemory(time.Now)
	ring := newRing(t, keys.RingConfig{Store: store, Auto: true})
	syncRing(t, ring)
	done := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 200 {
				_, kid, err := ring.Sign(t.Context(), []byte(`{}`))
				if err != nil {
					t.Errorf("sign: %v", err)
					return
				}
				body, _, err := ring.JWKS("")
				if err != nil || !slices.Contains(kidsOf(t, body), kid) {
					t.Errorf("the set does not hold the key that signed, %v", err)
					return
				}
			}
		}()
	}
	for running := 4; running > 0; {
		select {
		case <-done:
			running--
		default:
			syncRing(t, ring)
		}
	}
}
