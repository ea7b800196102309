package keystest

import (
	"slices"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
)

// maxRows is how many rows a ring has at most, however old it is: those kept for audit, and the living.
const maxRows = 100 + 6

// TestTurns rotates a ring as often as told, and wants it to stay small, and never more than five keys to be published. A
// replica looks at it now and then.
func TestTurns(t *testing.T, turns int, open Open) {
	t.Helper()
	at := epoch
	now := func() time.Time { return at }
	p := settings[0]
	store := open(now)
	sealer := sealerFor(t, store)
	ring, err := keys.NewRing(keys.RingConfig{Store: store, Sealer: sealer, Policy: p, Now: now})
	Must(t, err)
	for turn := range turns {
		_, err := keys.Rotate(t.Context(), store, sealer, p)
		Must(t, err)
		if turn%19 == 0 {
			checkTurn(t, ring, Load(t, store), turn)
		}
		at = at.Add(p.Period)
	}
}

func checkTurn(t *testing.T, ring *keys.Ring, s keys.State, turn int) {
	t.Helper()
	if newest := s.Keys[len(s.Keys)-1].Generation; len(s.Keys) > maxRows || newest != int64(turn+3) {
		t.Fatalf("turn %d: there are %d rows, the last of generation %d", turn, len(s.Keys), newest)
	}
	Must(t, ring.Sync(t.Context()))
	body, _, err := ring.JWKS("")
	Must(t, err)
	set, want := slices.Sorted(slices.Values(readKIDs(t, body))), published(s)
	if !slices.Equal(set, want) {
		t.Fatalf("turn %d: %v are published, want %v", turn, set, want)
	}
}

// published returns the kids of the keys that belong into a key set now, sorted.
func published(s keys.State) []string {
	var kids []string
	for _, k := range keys.List(s, s.Now) {
		if k.State != keys.Dropped && k.State != keys.Revoked {
			kids = append(kids, k.KID)
		}
	}
	slices.Sort(kids)
	return kids
}

// sealerFor returns a sealer where a store takes nothing else: with one, every look at a full ring costs a hundred hashes.
func sealerFor(tb TB, store keys.Store) *keys.Sealer {
	if _, only := store.(keys.SealedOnly); only {
		return Sealer(tb, "suite")
	}
	return nil
}
