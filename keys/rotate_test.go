package keys_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

func TestTheFirstRunMakesARingAndTheNextDoesNothing(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	store := keystore.NewMemory(c.now)
	result := rotate(t, store, policy)
	var got []time.Duration
	for i, k := range result.Inserted {
		got = append(got, k.SignsFrom.Sub(start))
		if k.Generation != int64(i+1) || k.KID != stored(t, store, k.Generation) || !k.PublishedAt.Equal(start) {
			t.Errorf("the key at place %d is told as generation %d, %s, published at %v", i+1, k.Generation, k.KID, k.PublishedAt)
		}
	}
	if diff := cmp.Diff([]time.Duration{0, day, 2 * day}, got); diff != "" {
		t.Errorf("the keys sign from (-want +got):\n%s", diff)
	}
	before := keystest.Load(t, store)
	if again := rotate(t, store, policy); !again.Empty() {
		t.Errorf("the second run did something: %+v", again)
	}
	if diff := keystest.Diff(before, keystest.Load(t, store)); diff != "" {
		t.Errorf("the second run changed something (-before +after):\n%s", diff)
	}
}

func TestTheResultIsJSONWithEmptyListsWhereNothingWasDone(t *testing.T) {
	t.Parallel()
	store, c := founded(t)
	text, err := json.Marshal(rotate(t, store, policy))
	if want := `{"version":1,"inserted":[],"moved":[],"revoked":[],"resealed":[],"wiped":[],"raised":[],"pruned":[]}`; err != nil || string(text) != want {
		t.Errorf("got %s, %v; want %s", text, err, want)
	}
	c.advance(day + 56*time.Minute)
	text, err = json.Marshal(rotate(t, store, policy))
	want := `{"version":2,"inserted":[{"generation":4,"kid":"` + stored(t, store, 4) + `","alg":"ES256",` +
		`"published_at":"2026-03-02T12:56:00Z","signs_from":"2026-03-04T12:00:00Z"}],` +
		`"moved":[],"revoked":[],"resealed":[],"wiped":[{"generation":1,"kid":"` + stored(t, store, 1) + `"}],"raised":[],"pruned":[]}`
	if err != nil || string(text) != want {
		t.Errorf("got  %s, %v\nwant %s", text, err, want)
	}
}

func TestARunThatIsLateCatchesUp(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		late time.Duration   // after the founding
		want []time.Duration // takeovers of the keys inserted, after the founding
	}{
		"before the first takeover nothing is due": {day - time.Microsecond, nil},
		"at the takeover one key is due":           {day, []time.Duration{3 * day}},
		"a day later the turn after is due":        {2*day - time.Microsecond, []time.Duration{3 * day}},
		"with none pending two are due":            {2 * day, []time.Duration{3 * day, 4 * day}},
		"the turn is nearer than the lead":         {3*day - time.Minute, []time.Duration{3*day + 59*time.Minute, 4*day + 59*time.Minute}},
		"a week later they wait for the lead":      {9 * day, []time.Duration{9*day + time.Hour, 10*day + time.Hour}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, c := founded(t)
			c.advance(test.late)
			var got []time.Duration
			for _, k := range rotate(t, store, policy).Inserted {
				got = append(got, k.SignsFrom.Sub(start))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("takeovers (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAPrivateHalfIsWipedWhenNoReplicaCanSignWithItAnyMore(t *testing.T) {
	t.Parallel()
	store, c := founded(t)
	c.advance(day + 55*time.Minute) // L + SK after the takeover
	if wiped := rotate(t, store, policy).Wiped; len(wiped) != 0 {
		t.Errorf("wiped too early: %v", wiped)
	}
	c.advance(time.Microsecond)
	if wiped := rotate(t, store, policy).Wiped; len(wiped) != 1 || wiped[0].Generation != 1 {
		t.Errorf("wiped %v, want generation 1", wiped)
	}
	for _, k := range keystest.Load(t, store).Keys {
		if (k.Private == "") != (k.Generation == 1) {
			t.Errorf("generation %d is wiped: %v", k.Generation, k.Private == "")
		}
	}
}

func TestThePrivateHalfOfARevokedKeyIsWipedAtOnce(t *testing.T) {
	t.Parallel()
	for generation := range int64(3) {
		store, c := founded(t)
		c.advance(time.Hour)
		keystest.Change(t, store, func(s keys.State) keys.Change { return revoke(s, generation+1, time.Hour) })
		rotate(t, store, policy)
		if k := keystest.Load(t, store).Keys[generation]; k.Private != "" {
			t.Errorf("generation %d is revoked and not wiped", k.Generation)
		}
	}
}

func TestTheTurnOfAKeyThatWasRevokedBeforeItIsGivenToTheNext(t *testing.T) {
	t.Parallel()
	store, c := founded(t)
	c.advance(time.Hour)
	keystest.Change(t, store, func(s keys.State) keys.Change { return revoke(s, 3, time.Hour) })
	inserted := rotate(t, store, policy).Inserted
	if len(inserted) != 1 || !inserted[0].SignsFrom.Equal(start.Add(2*day)) {
		t.Errorf("got %+v, want one key that signs from %v", inserted, start.Add(2*day))
	}
}

func TestALeadCoversWhatWasPromisedWithAKeyThatIsRevoked(t *testing.T) {
	t.Parallel()
	store, c := founded(t)
	keystest.Change(t, store, func(s keys.State) keys.Change {
		s.Keys[1].Promised.Stale = 3 * time.Hour
		return keys.Change{Update: s.Keys[1:2]}
	})
	c.advance(9 * day)
	keystest.Change(t, store, func(s keys.State) keys.Change { return revoke(s, 2, time.Hour) })
	if inserted := rotate(t, store, policy).Inserted; inserted[0].SignsFrom.Sub(c.at) != 3*time.Hour+6*time.Minute {
		t.Errorf("got %+v, want the first after 3h6m", inserted)
	}
	c.advance(9 * day)
	if inserted := rotate(t, store, policy).Inserted; inserted[0].SignsFrom.Sub(c.at) != time.Hour {
		t.Errorf("got %+v, want the first after 1h once that promise is over", inserted)
	}
}

func TestTheRowsOfOldKeysAreKeptForAuditButNotForEver(t *testing.T) {
	t.Parallel()
	store, c := founded(t)
	var pruned []int64
	for range 110 {
		c.advance(day + 62*time.Minute)
		for _, k := range rotate(t, store, policy).Pruned {
			pruned = append(pruned, k.Generation)
		}
	}
	s := keystest.Load(t, store)
	old := strings.Count(phases(s, c.at), "-")
	newest := s.Keys[len(s.Keys)-1].Generation
	if old != 100 || len(pruned)+len(s.Keys) != int(newest) {
		t.Errorf("%d dropped rows are kept and %d pruned of %d, want 100 kept", old, len(pruned), newest)
	}
	for i, generation := range pruned {
		if generation != int64(i+1) {
			t.Fatalf("the rows pruned are %v, want the oldest first", pruned)
		}
	}
}

func TestAStoreThatLostItsRingGetsNoNewOne(t *testing.T) {
	t.Parallel()
	store := keystore.NewMemory((&clock{start}).now)
	keystest.Change(t, store, func(keys.State) keys.Change { return keys.Change{Found: true} })
	if _, err := keys.Rotate(t.Context(), store, nil, policy); err == nil || !strings.Contains(err.Error(), "once held a ring") {
		t.Errorf("got error %v, want one that says there was a ring", err)
	}
	if n := len(keystest.Load(t, store).Keys); n != 0 {
		t.Errorf("%d keys were made", n)
	}
}

func TestARingWhoseKeysAreAllRevokedSignsWithAFreshOneAtOnce(t *testing.T) {
	t.Parallel()
	store, c := founded(t)
	c.advance(time.Minute)
	for generation := range int64(3) {
		keystest.Change(t, store, func(s keys.State) keys.Change { return revoke(s, generation+1, 0) })
	}
	rotate(t, store, policy)
	s := keystest.Load(t, store)
	if got := phases(s, c.at); got != "xxxSpp" {
		t.Errorf("the keys are %q, want three fresh ones", got)
	}
	if after := s.Keys[3].SignsFrom.Sub(c.at); after != 0 {
		t.Errorf("the first fresh one signs after %v, want at once", after)
	}
}

func TestAnotherAlgorithmTakesEffectWithTheNextKey(t *testing.T) {
	t.Parallel()
	store, c := founded(t)
	p := policy
	p.Alg = keys.EdDSA
	if result := rotate(t, store, p); !result.Empty() {
		t.Errorf("something was done at once: %+v", result)
	}
	c.advance(day)
	rotate(t, store, p)
	var algs []keys.Alg
	for _, k := range keystest.Load(t, store).Keys {
		algs = append(algs, k.Alg)
	}
	if diff := cmp.Diff([]keys.Alg{"ES256", "ES256", "ES256", "EdDSA"}, algs); diff != "" {
		t.Errorf("algorithms (-want +got):\n%s", diff)
	}
}

func TestALeadCoversWhatOthersPromised(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		promised keys.Promise
		lead     time.Duration
	}{
		"as much as we do":           {keys.Promise{MaxAge: 5 * time.Minute, Stale: 54 * time.Minute}, time.Hour},
		"less than we do":            {keys.Promise{MaxAge: time.Minute, Stale: time.Minute}, time.Hour},
		"to be stale for longer":     {keys.Promise{Stale: 3 * time.Hour}, 3*time.Hour + 6*time.Minute},
		"a cache of two hours":       {keys.Promise{CDNTTL: 2 * time.Hour}, 54*time.Minute + 5*time.Minute + 2*time.Hour + time.Minute},
		"both":                       {keys.Promise{CDNTTL: 2 * time.Hour, Stale: 3 * time.Hour}, 5*time.Hour + 6*time.Minute},
		"a max-age longer than ours": {keys.Promise{MaxAge: 20 * time.Minute}, 75 * time.Minute},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, c := founded(t)
			keystest.Change(t, store, func(s keys.State) keys.Change {
				k := s.Keys[2]
				k.Promised = keys.Promise{
					TTL: k.Promised.TTL, MaxAge: max(k.Promised.MaxAge, test.promised.MaxAge),
					CDNTTL: test.promised.CDNTTL, Stale: max(k.Promised.Stale, test.promised.Stale),
				}
				return keys.Change{Update: []keys.Key{k}}
			})
			c.advance(9 * day)
			inserted := rotate(t, store, policy).Inserted
			if len(inserted) != 2 || inserted[0].SignsFrom.Sub(c.at) != test.lead {
				t.Errorf("got %+v, want two keys, the first after %v", inserted, test.lead)
			}
		})
	}
}

func TestNeverMoreThanTwoRetireAtOnceWhateverWasPromised(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	store := keystore.NewMemory(c.now)
	quick := keys.Policy{Period: 12 * time.Minute, TTL: time.Minute, MaxAge: 5 * time.Minute, Lead: 12 * time.Minute, Alg: keys.ES256}
	slow := keys.Policy{Period: 59 * time.Minute, TTL: time.Hour, MaxAge: 5 * time.Minute, Lead: 59 * time.Minute, Alg: keys.ES256}
	rotate(t, store, quick)
	for range 30 * 60 {
		c.advance(time.Minute)
		p := quick
		if c.at.Sub(start) > 40*time.Minute { // the takeovers up to here are 12 minutes apart
			p = slow
		}
		rotate(t, store, p)
		all := phases(keystest.Load(t, store), c.at)
		if n := len(strings.Trim(all, "-")); n > 5 || n < 3 || strings.Count(all, "S") != 1 || !strings.HasSuffix(all, "Spp") {
			t.Fatalf("after %v the keys are %q", c.at.Sub(start), all)
		}
	}
}

func TestALostAnswerIsNoHarm(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	store := keystest.NewFlaky(keystore.NewMemory(c.now))
	broken := errors.New("connection reset")
	store.LoseAnswers(broken)
	if _, err := keys.Rotate(t.Context(), store, nil, policy); !errors.Is(err, broken) {
		t.Errorf("got error %v, want the store's", err)
	}
	store.LoseAnswers(nil)
	if result := rotate(t, store, policy); !result.Empty() {
		t.Errorf("the next run did it again: %+v", result)
	}
	if n := len(keystest.Load(t, store).Keys); n != 3 {
		t.Errorf("there are %d keys, want 3", n)
	}
}

func TestRotateRefusesAnInvalidPolicy(t *testing.T) {
	t.Parallel()
	store := keystore.NewMemory(time.Now)
	if _, err := keys.Rotate(t.Context(), store, nil, keys.Policy{}); err == nil {
		t.Error("the zero policy is accepted")
	}
	if s := keystest.Load(t, store); s.Founded {
		t.Error("a ring was made all the same")
	}
}

// moving is a store in which somebody else acts between a Load and the Update after it.
type moving struct {
	keys.Store
	between func()
}

func (m *moving) Update(ctx context.Context, decide func(keys.State) (keys.Change, error)) (keys.State, error) {
	if act := m.between; act != nil {
		m.between = nil
		act()
	}
	return m.Store.Update(ctx, decide)
}

func TestARaceThatNeedsMoreKeysThanWerePreparedIsRunAgain(t *testing.T) {
	t.Parallel()
	store, c := founded(t)
	c.advance(day)                                                         // one key is due …
	result := rotate(t, &moving{store, func() { c.advance(day) }}, policy) // … and two under the lock
	if len(result.Inserted) != 2 {
		t.Errorf("%d keys were inserted, want 2", len(result.Inserted))
	}
}

func TestARaceThatIsLostIsANormalOutcome(t *testing.T) {
	t.Parallel()
	store, c := founded(t)
	c.advance(day)
	result := rotate(t, &moving{store, func() { rotate(t, store, policy) }}, policy)
	if n := len(keystest.Load(t, store).Keys); n != 4 || !result.Empty() {
		t.Errorf("there are %d keys, want 4; the loser did %+v", n, result)
	}
}
