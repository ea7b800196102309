package keys_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

// shown is a store that shows whatever it was made to by somebody who can write to it, and has no key-encryption key.
type shown struct {
	keys.Store
	state *keys.State // nil: what is there
	now   func() time.Time
	stuck bool // nothing that is written to it stays
}

func (s *shown) Load(ctx context.Context) (keys.State, error) {
	if s.state == nil {
		return s.Store.Load(ctx)
	}
	state := s.state.Clone()
	state.Now = s.now()
	return state.Sound()
}

func (s *shown) Update(ctx context.Context, decide func(keys.State) (keys.Change, error)) (keys.State, error) {
	if s.state == nil {
		return s.Store.Update(ctx, decide)
	}
	state, err := s.Load(ctx)
	if err != nil {
		return keys.State{}, err
	}
	change, err := decide(state)
	if err != nil {
		return keys.State{}, err
	}
	next, err := state.Apply(change)
	if err == nil && !s.stuck {
		s.state = &next
	}
	return next, err
}

// TestNobodysWordBringsARevokedKeyBack: rows can be put back as they were, their MACs are right, and the mark of an
// adoption is a number that anybody can write.
func TestNobodysWordBringsARevokedKeyBack(t *testing.T) {
	t.Parallel()
	sealer := keystest.Sealer(t, "kek")
	for name, test := range map[string]struct{ foreign, stuck bool }{
		"the old rows":                           {false, false},
		"and a key of another ring among them":   {true, false},
		"the old rows, and what is written goes": {false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &clock{start}
			store := &shown{Store: keystore.NewMemory(c.now), now: c.now, stuck: test.stuck}
			ring := newRing(t, keys.RingConfig{Store: store, Sealer: sealer, Now: c.now, Auto: true, Name: "a"})
			syncRing(t, ring)
			c.advance(policy.Lead)
			before := keystest.Load(t, store)
			stolen := before.Keys[0].KID
			if _, err := keys.Revoke(t.Context(), store, sealer, policy, keys.Revocation{KID: stolen, Reason: "stolen"}); err != nil {
				t.Fatal(err)
			}
			syncRing(t, ring)

			if test.foreign {
				other := keystore.NewMemory(c.now)
				if _, err := keys.Rotate(t.Context(), other, sealer, policy); err != nil {
					t.Fatal(err)
				}
				before.Keys[2] = keystest.Load(t, other).Keys[2]
			}
			before.Version, before.Adoption, before.Witnesses = 1000, 1000, nil
			store.state = &before
			for range 4 {
				_ = ring.Sync(t.Context()) // an error keeps the ring as it is
				if set := kids(t, ring); strings.Contains(strings.Join(set, " "), stolen) {
					t.Fatalf("the stolen key is published again: %v", set)
				}
				if signer(t, ring) == stolen {
					t.Fatal("the stolen key signs again")
				}
			}
		})
	}
}

func TestARowThatWasPutBackToWhatItOnceWasIsNoticed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		between func(t *testing.T, store keys.Store, c *clock)
		want    string
	}{
		"its turn comes later again": {func(t *testing.T, store keys.Store, _ *clock) {
			t.Helper()
			if _, err := keys.HandOver(t.Context(), store, nil, policy, false); err != nil {
				t.Fatal(err)
			}
		}, "its turn was put off"},
		"its private half is back": {func(t *testing.T, store keys.Store, c *clock) {
			t.Helper()
			c.advance(policy.Period + policy.Hold() - time.Minute)
			rotate(t, store, policy)
		}, "its private half was wiped"},
		"it promises less": {func(t *testing.T, store keys.Store, _ *clock) {
			t.Helper()
			longer := policy
			longer.TTL = time.Hour
			rotate(t, store, longer)
		}, "it promises less"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &clock{start}
			store := &shown{Store: keystore.NewMemory(c.now), now: c.now}
			ring := newRing(t, keys.RingConfig{Store: store, Now: c.now, Auto: true})
			syncRing(t, ring)
			c.advance(policy.Lead)
			old := keystest.Load(t, store)
			test.between(t, store, c)
			syncRing(t, ring)
			body, _, err := ring.JWKS("")
			keystest.Must(t, err)

			state := keystest.Load(t, store)
			copy(state.Keys, old.Keys)
			store.state = &state
			mustDispute(t, ring.Sync(t.Context()), test.want)
			if now, _, _ := ring.JWKS(""); string(now) != string(body) {
				t.Error("the key set is another one")
			}
		})
	}
}

func TestAWitnessThatCannotBeTrueStandsInNobodysWay(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]keys.Witness{
		"of the last generation there can be": {Kind: keys.Replica, Name: "x", Generation: math.MaxInt64 - 1, Version: 1},
		"of a version beyond all":             {Kind: keys.Replica, Name: "x", Generation: 3, Version: math.MaxInt64, Alarm: "x"},
		"seen in the year 9999":               {Kind: keys.Replica, Name: "x", Generation: 3, Version: 1, Alarm: "x", SeenAt: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, c := founded(t)
			planted := &shown{Store: store, now: c.now}
			s := keystest.Load(t, store)
			if w.SeenAt.IsZero() {
				w.SeenAt = c.now()
			}
			s.Witnesses = []keys.Witness{w}
			planted.state = &s
			if _, err := keys.Rotate(t.Context(), planted, nil, policy); err != nil {
				t.Errorf("rotate: %v", err)
			}
			syncRing(t, newRing(t, keys.RingConfig{Store: planted, Now: c.now, Auto: true}))
		})
	}
}

func TestGenerationsAreNotUsedUpOnAStrangersWord(t *testing.T) {
	t.Parallel()
	store, c := founded(t)
	const far = 20_000
	keystest.Must(t, store.Witness(t.Context(), []keys.Witness{{Kind: keys.Replica, Name: "x", Generation: far, Version: 1, SeenAt: c.now()}}))
	keystest.Must(t, keys.BeginAdoption(t.Context(), store, 0))
	_, err := keys.FinishAdoption(t.Context(), store, nil, policy, 0)
	mustDispute(t, err, "--above 20000")
	result, err := keys.FinishAdoption(t.Context(), store, nil, policy, far) // but on a person's
	if err != nil || len(result.Inserted) != 1 || result.Inserted[0].Generation != far+1 {
		t.Errorf("got %+v, %v", result, err)
	}
}

func TestAnEmptyStoreThatSomebodyHasARingOfIsALostOne(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	store := keystore.NewMemory(c.now)
	keystest.Must(t, store.Witness(t.Context(), []keys.Witness{{Kind: keys.Replica, Name: "a", Generation: 3, Version: 1, SeenAt: c.now()}}))
	_, err := keys.Rotate(t.Context(), store, nil, policy)
	mustDispute(t, err, "once held a ring")
}
