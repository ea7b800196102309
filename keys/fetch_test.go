package keys_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

var errAway = errors.New("the vault is away")

// late is a key-encryption key that lies in a vault, the same as keystest.Sealer has for that id.
type late struct {
	id    string
	there atomic.Bool
	asked atomic.Int64
}

func (l *late) kek() keys.KEK {
	return keys.KEK{ID: l.id, Fetch: func(context.Context) ([32]byte, error) {
		l.asked.Add(1)
		if !l.there.Load() {
			return [32]byte{1}, errAway
		}
		return sha256.Sum256([]byte(l.id)), nil
	}}
}

func sealerOf(t *testing.T, keks ...keys.KEK) *keys.Sealer {
	t.Helper()
	sealer, err := keys.NewSealer(keks...)
	if err != nil {
		t.Fatal(err)
	}
	return sealer
}

func TestARingWaitsForAKeyEncryptionKeyThatIsFetchedLate(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	store := keystore.NewMemory(c.now)
	vault := &late{id: "first"}
	sealer := sealerOf(t, vault.kek())
	ring := newRing(t, keys.RingConfig{Store: store, Sealer: sealer, Now: c.now, Auto: true})
	if err := ring.Sync(t.Context()); err == nil || !strings.Contains(err.Error(), `key-encryption key "first" was not fetched yet`) {
		t.Errorf("before the first try: %v", err)
	}
	err := sealer.Fetch(t.Context())
	if !errors.Is(err, errAway) || err.Error() != `key-encryption key "first": the vault is away` || sealer.Missing() == nil {
		t.Errorf("got %v, and missing %v", err, sealer.Missing())
	}
	if err := ring.Sync(t.Context()); !errors.Is(err, errAway) || !strings.Contains(err.Error(), `"first"`) {
		t.Errorf("while it is away: %v", err)
	}
	if _, _, err := ring.JWKS(""); !errors.Is(err, keys.ErrUnavailable) {
		t.Errorf("the key set while it is away: %v", err)
	}
	if s := keystest.Load(t, store); len(s.Keys) != 0 || s.Founded {
		t.Errorf("something was stored: %v", s)
	}
	vault.there.Store(true)
	if err := errors.Join(sealer.Fetch(t.Context()), ring.Sync(t.Context()), sealer.Missing()); err != nil {
		t.Error(err)
	}
	other := newRing(t, keys.RingConfig{Store: store, Sealer: keystest.Sealer(t, "first"), Now: c.now, Auto: true})
	if err := other.Sync(t.Context()); err != nil {
		t.Errorf("the same key from the settings: %v", err)
	}
}

func TestAKeyEncryptionKeyIsFetchedOnce(t *testing.T) {
	t.Parallel()
	first, second := &late{id: "first"}, &late{id: "second"}
	first.there.Store(true)
	sealer := sealerOf(t, first.kek(), keys.KEK{ID: "plain"}, second.kek())
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := sealer.Fetch(t.Context()); !errors.Is(err, errAway) || strings.Contains(err.Error(), "first") {
				t.Errorf("got %v", err)
			}
		})
	}
	all.Wait()
	if first.asked.Load() != 1 || second.asked.Load() != 8 {
		t.Errorf("asked %d and %d times, want 1 and 8", first.asked.Load(), second.asked.Load())
	}
	first.there.Store(false)
	second.there.Store(true)
	if err := sealer.Fetch(t.Context()); err != nil {
		t.Errorf("one that was had is gone: %v", err)
	}
	var none *keys.Sealer
	if err := errors.Join(none.Fetch(t.Context()), none.Missing()); err != nil {
		t.Errorf("no sealer misses something: %v", err)
	}
}

// Who derives keys of their own gets all of them in their order, or none.
func TestKeyEncryptionKeysAreHandedOutWhole(t *testing.T) {
	t.Parallel()
	second := &late{id: "second"}
	sealer := sealerOf(t, keys.KEK{ID: "first", Key: [32]byte{7}}, second.kek())
	if all, err := sealer.Keys(); err == nil || all != nil {
		t.Errorf("%d keys before the second one was fetched, and %v", len(all), err)
	}
	_ = sealer.Fetch(t.Context())
	if all, err := sealer.Keys(); !errors.Is(err, errAway) || all != nil {
		t.Errorf("%d keys while the second one is away, and %v", len(all), err)
	}
	second.there.Store(true)
	if err := sealer.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all, err := sealer.Keys(); err != nil || !slices.Equal(all, [][32]byte{{7}, sha256.Sum256([]byte("second"))}) {
		t.Errorf("%d keys, and %v: they are not those that were given", len(all), err)
	}
}

// A key-encryption key that cannot be had stops what needs it, and nothing else.
func TestOneMissingKeyEncryptionKeyStopsOnlyWhatNeedsIt(t *testing.T) {
	t.Parallel()
	c := &clock{start}
	store := keystore.NewMemory(c.now)
	if _, err := keys.Rotate(t.Context(), store, keystest.Sealer(t, "first"), policy); err != nil {
		t.Fatal(err)
	}
	before := keystest.Load(t, store)
	first := keys.KEK{ID: "first", Key: sha256.Sum256([]byte("first"))}
	retired, next := &late{id: "retired"}, &late{id: "next"}
	for name, list := range map[string][]keys.KEK{
		"one that no row needs": {first, retired.kek()},
		"the one that seals":    {next.kek(), first},
	} {
		sealer := sealerOf(t, list...)
		if err := sealer.Fetch(t.Context()); !errors.Is(err, errAway) {
			t.Errorf("%s: got %v", name, err)
		}
		ring := newRing(t, keys.RingConfig{Store: store, Sealer: sealer, Now: c.now, Auto: true})
		if err := ring.Sync(t.Context()); err != nil {
			t.Errorf("%s: the ring is not read: %v", name, err)
		}
		_, err := keys.Reseal(t.Context(), store, sealer)
		if needed := list[0].ID == "next"; needed != errors.Is(err, errAway) || needed != strings.Contains(errText(err), `"next"`) {
			t.Errorf("%s: resealing ends with %v", name, err)
		}
	}
	written := &late{id: "first"}
	sealer := sealerOf(t, keys.KEK{ID: "next", Key: [32]byte{1}}, written.kek())
	_ = sealer.Fetch(t.Context())
	ring := newRing(t, keys.RingConfig{Store: store, Sealer: sealer, Now: c.now, Auto: true})
	if err := ring.Sync(t.Context()); !errors.Is(err, errAway) || !strings.Contains(err.Error(), `"first"`) {
		t.Errorf("the one that the rows were written with: got %v", err)
	}
	if diff := keystest.Diff(before, keystest.Load(t, store)); diff != "" {
		t.Errorf("the stored ring changed (-before +after):\n%s", diff)
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
