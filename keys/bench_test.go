package keys_test

import (
	"testing"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

// fullRing returns a store with as many rows as there ever are, and its clock.
func fullRing(b *testing.B, sealer *keys.Sealer) (*keystore.Memory, *clock) {
	b.Helper()
	c := &clock{start}
	store := keystore.NewMemory(c.now)
	for range 120 {
		if _, err := keys.Rotate(b.Context(), store, sealer, policy); err != nil {
			b.Fatal(err)
		}
		c.advance(policy.Period)
	}
	return store, c
}

func BenchmarkList(b *testing.B) {
	store, _ := fullRing(b, nil)
	s := keystest.Load(b, store)
	b.ReportAllocs()
	for b.Loop() {
		if list := keys.List(s, s.Now); len(list) < 100 {
			b.Fatalf("there are %d rows", len(list))
		}
	}
}

// BenchmarkStart is how long a replica takes from nothing to its first token, the way to the store apart.
func BenchmarkStart(b *testing.B) {
	for name, sealer := range map[string]*keys.Sealer{"in the clear": nil, "sealed": keystest.Sealer(b, "suite")} {
		b.Run(name, func(b *testing.B) {
			store, c := fullRing(b, sealer)
			b.ReportAllocs()
			for b.Loop() {
				ring := newRing(b, keys.RingConfig{Store: store, Sealer: sealer, Now: c.now})
				syncRing(b, ring)
				signer(b, ring)
			}
		})
	}
}
