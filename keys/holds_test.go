package keys_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

// TestARingHoldsTheKeysOfItsKeySetAndNoOther: over days of rotation, and a revocation.
func TestARingHoldsTheKeysOfItsKeySetAndNoOther(t *testing.T) {
	t.Parallel()
	c := &clock{time.Now()}
	store := keystore.NewMemory(c.now)
	ring := newRing(t, keys.RingConfig{Store: store, Now: c.now, Auto: true})
	if ring.Holds("") {
		t.Error("a ring that has loaded nothing holds a key")
	}
	var seen []string
	for range 60 {
		syncRing(t, ring)
		published := kids(t, ring)
		for _, kid := range published {
			if !slices.Contains(seen, kid) {
				seen = append(seen, kid)
			}
		}
		for _, kid := range append(seen, "", "other") {
			if ring.Holds(kid) != slices.Contains(published, kid) {
				t.Fatalf("holds %q: %v, published %q", kid, ring.Holds(kid), published)
			}
		}
		c.at = c.at.Add(2 * time.Hour)
	}
	if len(seen) < 5 {
		t.Fatalf("only %d keys came and went", len(seen))
	}
	syncRing(t, ring)
	leaked := signer(t, ring)
	if _, err := keys.Revoke(t.Context(), store, nil, policy, keys.Revocation{KID: leaked, Reason: "leaked"}); err != nil {
		t.Fatal(err)
	}
	syncRing(t, ring)
	if ring.Holds(leaked) || !ring.Holds(signer(t, ring)) {
		t.Error("a revoked key is held, or the one that took over is not")
	}
}

func TestARingThatMayNotBeReliedOnHoldsNothing(t *testing.T) {
	t.Parallel()
	c := &clock{time.Now()}
	ring := newRing(t, keys.RingConfig{Store: keystore.NewMemory(c.now), Now: c.now, Auto: true})
	syncRing(t, ring)
	kid := signer(t, ring)
	for name, at := range map[string]time.Time{
		"its clock was set":       wallOnly(t, c.at, 61*time.Second),
		"the store was long gone": c.at.Add(55 * time.Minute),
	} {
		before := c.at
		if c.at = at; ring.Holds(kid) {
			t.Error(name)
		}
		if c.at = before; !ring.Holds(kid) {
			t.Error("it is well again, and holds nothing")
		}
	}
}
