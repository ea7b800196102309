package keys_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

// backed is a store that can be put back to what it was, with all it knew then.
type backed struct {
	*keystore.Memory
	now func() time.Time
}

func (b *backed) restore(t *testing.T, s keys.State) {
	t.Helper()
	b.Memory = keystore.NewMemory(b.now)
	keystest.Change(t, b.Memory, func(keys.State) keys.Change { return keys.Change{Found: true, Insert: s.Keys} })
	keystest.Must(t, b.Witness(context.WithoutCancel(t.Context()), s.Witnesses))
}

// replicas returns n rings on the store, in step with it.
func replicas(t *testing.T, store keys.Store, c *clock, n int) []*keys.Ring {
	t.Helper()
	rings := make([]*keys.Ring, n)
	for i := range rings {
		rings[i] = newRing(t, keys.RingConfig{Store: store, Now: c.now, Auto: true, Name: string(rune('a' + i))})
		syncRing(t, rings[i])
	}
	return rings
}

func mustDispute(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("got error %v, want one with %q", err, text)
	}
}

func TestAReplicaPutsBackWhatARestoredStoreLostOnceItIsAdopted(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	store := &backed{keystore.NewMemory(c.now), c.now}
	rings := replicas(t, store, c, 2)
	backup := keystest.Load(t, store)
	c.advance(policy.Period)
	for _, ring := range rings {
		syncRing(t, ring) // generation 4 is there
	}
	if _, err := keys.Revoke(t.Context(), store, nil, policy, keys.Revocation{KID: stored(t, store, 2), Reason: "leaked"}); err != nil {
		t.Fatal(err)
	}
	for _, ring := range rings {
		syncRing(t, ring)
	}
	before, _, _ := rings[0].JWKS("")
	held := keystest.Load(t, store)

	store.restore(t, backup)
	mustDispute(t, rings[0].Sync(t.Context()), "went back from generation 5 to 3")
	_, err := keys.Rotate(t.Context(), store, nil, policy)
	mustDispute(t, err, "replica a does not follow")
	newcomer := newRing(t, keys.RingConfig{Store: store, Now: c.now, Auto: false, Name: "z"})
	mustDispute(t, newcomer.Sync(t.Context()), "replica a does not follow")
	if now, _, _ := rings[0].JWKS(""); string(now) != string(before) || !rings[0].Status().Disputed {
		t.Error("the replica that disputes the store does not keep what it has, or does not show it")
	}

	keystest.Must(t, keys.BeginAdoption(t.Context(), store, 0))
	_, err = keys.Rotate(t.Context(), store, nil, policy)
	mustDispute(t, err, "somebody has seen 5") // until a replica has put it back
	for _, ring := range rings {
		syncRing(t, ring)
	}
	if s := keystest.Load(t, store); !s.Mended(0) || len(s.Unconfirmed(s.Version)) != 0 {
		t.Error("the store is not what it was, or somebody does not hold it")
	}
	result, err := keys.FinishAdoption(t.Context(), store, nil, policy, 0)
	if err != nil || !result.Empty() {
		t.Errorf("got %+v, %v; want nothing left to do", result, err)
	}
	after := keystest.Load(t, store)
	for i, k := range after.Keys {
		if k.KID != held.Keys[i].KID || !k.RevokedAt.Equal(held.Keys[i].RevokedAt) || !k.SignsFrom.Equal(held.Keys[i].SignsFrom) {
			t.Errorf("generation %d is not what it was", k.Generation)
		}
	}
	syncRing(t, newcomer)
	for _, ring := range append(rings, newcomer) {
		if now, _, _ := ring.JWKS(""); string(now) != string(before) {
			t.Error("a replica publishes something else than before")
		}
	}
}

func TestAStoreThatHoldsAnotherKeyCountsOnceItIsAdopted(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	store := &backed{keystore.NewMemory(c.now), c.now}
	rings := replicas(t, store, c, 1)
	backup := keystest.Load(t, store)
	c.advance(policy.Period)
	syncRing(t, rings[0]) // generation 4
	backup.Witnesses = nil
	store.restore(t, backup)
	rotate(t, store, policy) // another generation 4: nobody was there to dispute it
	mustDispute(t, rings[0].Sync(t.Context()), "it is another key")

	keystest.Must(t, keys.BeginAdoption(t.Context(), store, 0))
	syncRing(t, rings[0])
	if _, err := keys.FinishAdoption(t.Context(), store, nil, policy, 0); err != nil {
		t.Fatal(err)
	}
	syncRing(t, rings[0])
	if set := kids(t, rings[0]); set[len(set)-1] != stored(t, store, 1) || !strings.Contains(strings.Join(set, " "), stored(t, store, 4)) {
		t.Errorf("the replica publishes %v", set)
	}
}

func TestWithoutAReplicaLeftNewKeysAreAboveAllThatWasEverSeen(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		seen, above, want int64
	}{
		"by the record":                {9, 0, 10},
		"by what somebody remembers":   {0, 12, 13},
		"by the higher of both":        {9, 12, 13},
		"by the other higher of both":  {12, 9, 13},
		"by what the store itself has": {0, 4, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, c := ringAt(t, policy.Lead)
			if test.seen > 0 {
				keystest.Must(t, store.Witness(t.Context(), []keys.Witness{{Kind: keys.Replica, Name: "a", Generation: test.seen, Version: 7, SeenAt: c.now()}}))
				c.advance(2 * time.Hour) // it is long gone
				_, err := keys.Rotate(t.Context(), store, nil, policy)
				mustDispute(t, err, "somebody has seen")
			}
			keystest.Must(t, keys.BeginAdoption(t.Context(), store, test.above))
			result, err := keys.FinishAdoption(t.Context(), store, nil, policy, test.above)
			if err != nil || len(result.Inserted) != 1 || result.Inserted[0].Generation != test.want {
				t.Fatalf("got %+v, %v; want one key of generation %d", result, err, test.want)
			}
			if got := phases(keystest.Load(t, store), c.now()); got != "Spxp" {
				t.Errorf("the ring is %s", got)
			}
			rotate(t, store, policy)
		})
	}
}

func TestALostRingIsAdoptedAsANewOneAboveWhatWasSeen(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	store := keystore.NewMemory(c.now)
	keystest.Change(t, store, func(keys.State) keys.Change { return keys.Change{Found: true} })
	_, err := keys.Rotate(t.Context(), store, nil, policy)
	mustDispute(t, err, "once held a ring")
	keystest.Must(t, keys.BeginAdoption(t.Context(), store, 0))
	result, err := keys.FinishAdoption(t.Context(), store, nil, policy, 41)
	if err != nil || len(result.Inserted) != 3 || result.Inserted[0].Generation != 42 {
		t.Errorf("got %+v, %v; want three keys from generation 42", result, err)
	}
}

func TestThereIsNothingToAdoptWhereNobodyDisputesTheStore(t *testing.T) {
	t.Parallel()
	store, _ := ringAt(t, policy.Lead)
	before := keystest.Load(t, store)
	mustDispute(t, keys.BeginAdoption(t.Context(), store, 3), "nothing to adopt")
	if after := keystest.Load(t, store); after.Version != before.Version || after.Adoption != 0 {
		t.Error("a refusal left its mark")
	}
}

func TestAKeyIsRevokedOnADisputedStoreToo(t *testing.T) {
	t.Parallel()
	store, c := ringAt(t, policy.Lead)
	keystest.Must(t, store.Witness(t.Context(), []keys.Witness{{Kind: keys.Replica, Name: "a", Generation: 3, Version: 1, Alarm: "x", SeenAt: c.now()}}))
	if _, err := keys.HandOver(t.Context(), store, nil, policy, true); err == nil {
		t.Error("a hand-over is done on a disputed store")
	}
	if _, err := keys.Revoke(t.Context(), store, nil, policy, keys.Revocation{KID: stored(t, store, 1), Reason: "leaked"}); err != nil {
		t.Fatal(err)
	}
	if got := phases(keystest.Load(t, store), c.now()); got != "xSp" {
		t.Errorf("the ring is %s", got)
	}
}
