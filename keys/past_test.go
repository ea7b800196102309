package keys_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

func TestAReplicaWithAnOlderRingGoesByThoseWithANewerOne(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	store := &backed{keystore.NewMemory(c.now), c.now}
	knows := replicas(t, store, c, 1)[0]
	late := newRing(t, keys.RingConfig{Store: store, Now: c.now, Name: "late"}) // others rotate, so it is in nobody's way
	syncRing(t, late)
	backup := keystest.Load(t, store)
	revoked := stored(t, store, 1)
	c.advance(policy.Lead)
	if _, err := keys.Revoke(t.Context(), store, nil, policy, keys.Revocation{KID: revoked, Reason: "leaked"}); err != nil {
		t.Fatal(err)
	}
	syncRing(t, knows)
	store.restore(t, backup)
	mustDispute(t, knows.Sync(t.Context()), "went back")
	mustDispute(t, late.Sync(t.Context()), "replica a does not follow")

	mustBeUnavailable(t, late, "is the limit") // it knows nothing of the revocation, and was stale for long enough
	keystest.Must(t, keys.BeginAdoption(t.Context(), store, 0))
	mustDispute(t, late.Sync(t.Context()), "somebody has seen 4") // it put back what it knows, which is not all
	mustBeUnavailable(t, late, "is the limit")
	syncRing(t, knows)
	syncRing(t, late)
	if signer(t, late) == revoked || signer(t, late) != signer(t, knows) {
		t.Error("the late replica signs with the revoked key, or with another one than others")
	}
}

// A promise that is lost is a token that dies before its time: the key leaves the key set as if nobody had made it.
func TestAStoreThatLostAPromiseIsNotFollowed(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	store := &backed{keystore.NewMemory(c.now), c.now}
	short, long := policy, policy
	short.TTL, long.TTL = time.Minute, time.Hour
	rotate(t, store, short)
	backup := keystest.Load(t, store)
	ring := newRing(t, keys.RingConfig{Store: store, Policy: long, Now: c.now, Name: "a"})
	syncRing(t, ring)
	kid := signer(t, ring)
	c.advance(policy.Period) // the next key takes over, and nobody has rotated yet
	store.restore(t, backup)
	mustDispute(t, ring.Sync(t.Context()), "promises less than it did")
	keystest.Must(t, keys.BeginAdoption(t.Context(), store, 0))
	syncRing(t, ring)
	c.advance(short.Hold() + time.Second) // when the key would be gone, but for the promise
	rotate(t, store, short)
	syncRing(t, ring)
	if set := kids(t, ring); set[len(set)-1] != kid {
		t.Error("the key is gone although its tokens live")
	}
}

func TestAStoreThatForgotItsAdoptionIsNotFollowed(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	store := &backed{keystore.NewMemory(c.now), c.now}
	rings := replicas(t, store, c, 1)
	backup := keystest.Load(t, store)
	keystest.Must(t, keys.BeginAdoption(t.Context(), store, 9))
	syncRing(t, rings[0])
	store.restore(t, backup)
	mustDispute(t, rings[0].Sync(t.Context()), "was adopted, and does not know of it")
	keystest.Must(t, keys.BeginAdoption(t.Context(), store, 0))
	syncRing(t, rings[0])
}

// Promises that are lost make keys seem to be gone that are still published. Who rotates by them makes a sixth.
func TestNobodyRotatesAnAdoptedStoreBeforeItIsWhole(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	store := &backed{keystore.NewMemory(c.now), c.now}
	long := policy
	long.TTL = time.Hour
	rotate(t, store, policy)
	backup := keystest.Load(t, store)
	knows := newRing(t, keys.RingConfig{Store: store, Policy: long, Now: c.now, Name: "a"})
	syncRing(t, knows)
	c.advance(policy.Period) // a step is due
	store.restore(t, backup)
	mustDispute(t, knows.Sync(t.Context()), "promises less than it did")
	keystest.Must(t, keys.BeginAdoption(t.Context(), store, 0))

	fresh := newRing(t, keys.RingConfig{Store: store, Now: c.now, Auto: true, Name: "fresh"})
	mustDispute(t, fresh.Sync(t.Context()), "replica a has yet to put back") // nor serves it
	if _, err := keys.FinishAdoption(t.Context(), store, nil, policy, 0); err == nil {
		t.Error("the adoption ends")
	}
	if _, err := keys.Rotate(t.Context(), store, nil, policy); err == nil || !strings.Contains(err.Error(), "replica a has yet to put back") {
		t.Errorf("a cron rotates: %v", err)
	}
	if _, err := keys.HandOver(t.Context(), store, nil, policy, true); err == nil {
		t.Error("a turn is brought forward")
	}
	if got := len(keystest.Load(t, store).Keys); got != len(backup.Keys) {
		t.Errorf("somebody inserted: %d keys, were %d", got, len(backup.Keys))
	}
	if _, err := keys.Revoke(t.Context(), store, nil, policy, keys.Revocation{KID: stored(t, store, 3), Reason: "leaked"}); err != nil {
		t.Errorf("a revocation has to wait: %v", err)
	}
	syncRing(t, knows)
	if result := rotate(t, store, policy); len(result.Inserted) == 0 {
		t.Error("nothing is rotated although the store is whole")
	}
}

// Where the whole database was made anew, not even the mark of a ring is there: what replicas said counts then.
func TestAStoreMadeAnewGetsNoNewRingWhileAReplicaKnowsTheOldOne(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	store := &backed{keystore.NewMemory(c.now), c.now}
	rings := replicas(t, store, c, 1)
	before, _, _ := rings[0].JWKS("")
	store.Memory = keystore.NewMemory(c.now)
	mustDispute(t, rings[0].Sync(t.Context()), "once held a ring")
	for _, adopted := range []bool{false, true} {
		if adopted {
			keystest.Must(t, keys.BeginAdoption(t.Context(), store, 0))
		}
		if _, err := keys.Rotate(t.Context(), store, nil, policy); err == nil {
			t.Fatalf("a new ring is made, adopted: %v", adopted)
		}
	}
	syncRing(t, rings[0])
	rotate(t, store, policy)
	if now, _, _ := rings[0].JWKS(""); string(now) != string(before) {
		t.Error("the ring is another one than before")
	}
}
