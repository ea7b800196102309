// Package keystest answers three questions for tests of keys: does a store keep
// what every key store promises (TestStore), does the ring keep what it promises
// on that store, whatever happens (TestPromises), and what happens when a store
// fails (Flaky)? All stand on what any caller can see.
package keystest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

// TB is what the helpers need of a test: testing.TB and rapid.TB both have it.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	Context() context.Context
}

// Policy returns the default policy: a day, five minutes, five minutes, no
// cache in front, an hour's lead, ES256.
func Policy() keys.Policy {
	return keys.Policy{
		Period: 24 * time.Hour,
		TTL:    5 * time.Minute,
		MaxAge: 5 * time.Minute,
		Lead:   time.Hour,
		Alg:    keys.ES256,
	}
}

// Sealer returns a sealer with keys of the ids given, the first of which seals:
// the same key for the same id.
func Sealer(tb TB, ids ...string) *keys.Sealer {
	tb.Helper()
	keks := make([]keys.KEK, len(ids))
	for i, id := range ids {
		keks[i] = keys.KEK{ID: id, Key: sha256.Sum256([]byte(id))}
	}
	sealer, err := keys.NewSealer(keks...)
	if err != nil {
		tb.Fatal(err)
	}
	return sealer
}

// Diff returns how two states differ, their clocks aside, or "". Private
// halves show as the beginning of their hash.
func Diff(want, got keys.State) string {
	return cmp.Diff(want, got,
		cmpopts.IgnoreFields(keys.State{}, "Now", "Version", "Witnesses"),
		cmpopts.EquateEmpty(),
		cmp.Transformer("JWK", func(b []byte) string { return string(b) }),
		cmp.Transformer("hash", func(p keys.PrivateJWK) string {
			sum := sha256.Sum256([]byte(p))
			return hex.EncodeToString(sum[:4])
		}))
}

// Load returns the state of a store, which must not fail.
func Load(tb TB, store keys.Store) keys.State {
	tb.Helper()
	s, err := store.Load(tb.Context())
	if err != nil {
		tb.Fatalf("load: %v", err)
	}
	return s
}

// Change makes one change to a store, whatever it holds, and returns the state
// after it; it must not fail.
func Change(tb TB, store keys.Store, alter func(keys.State) keys.Change) keys.State {
	tb.Helper()
	s, err := store.Update(tb.Context(), func(s keys.State) (keys.Change, error) { return alter(s), nil })
	if err != nil {
		tb.Fatalf("update: %v", err)
	}
	return s
}

// Rows returns n rows as a ring would have them, sealed, with generations from
// 1 and takeovers a day apart.
func Rows(tb TB, n int) []keys.Key {
	tb.Helper()
	now := time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)
	store := keystore.NewMemory(func() time.Time { return now })
	for len(Load(tb, store).Keys) < n {
		if _, err := keys.Rotate(tb.Context(), store, Sealer(tb, "suite"), Policy()); err != nil {
			tb.Fatalf("make rows: %v", err)
		}
		now = now.Add(Policy().Period)
	}
	rows := Load(tb, store).Keys[:n]
	for i := range rows {
		rows[i].Promised = keys.Promise{TTL: 5 * time.Minute, MaxAge: 4 * time.Minute, CDNTTL: 3 * time.Minute, Stale: 2 * time.Minute}
	}
	return rows
}
