package keys

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys/internal/keypair"
)

// snapshot is the ring as the store last showed it, with what is needed to
// serve it without the store. Immutable.
type snapshot struct {
	state State
	tl    timeline
	pairs map[string]*keypair.Pair // by kid; of every key that signs or will
	limit time.Duration            // L: from when on it may not be used any more
	clock sighting
	since time.Time // when this replica first had a ring to show, by the store's clock
}

// sighting relates our clock to the store's. The timeline runs on the store's
// clock, carried on by our monotonic one: a wall clock that is wrong spoils the
// times in tokens, but must not spoil the key set.
type sighting struct {
	asked time.Time     // ours before the store was asked: what we know is no older
	ours  time.Time     // ours halfway between question and answer …
	store time.Time     // … when the store's clock was about this
	slack time.Duration // how far that may be out: half of the round-trip
}

func sighted(asked, answered, store time.Time) sighting {
	slack := answered.Sub(asked) / 2
	return sighting{asked: asked, ours: asked.Add(slack), store: store, slack: slack}
}

// at returns the store's clock at our now.
func (s sighting) at(now time.Time) time.Time {
	return s.store.Add(max(0, now.Sub(s.ours)))
}

// age returns how old our knowledge is at most. The wall clock counts where it
// went further than the monotonic one, which stands still while a machine sleeps.
func (s sighting) age(now time.Time) time.Duration {
	return max(now.Sub(s.asked), now.Round(0).Sub(s.asked.Round(0)))
}

// off returns how far our wall clock is off the store's now: as far as it was
// when the store answered, beyond what the round-trip explains, and as far as
// it has been set since.
func (s sighting) off(now time.Time) time.Duration {
	set := now.Round(0).Sub(s.ours.Round(0)) - now.Sub(s.ours)
	apart := s.ours.Round(0).Sub(s.store) + set
	return max(0, apart.Abs()-s.slack)
}

// stale returns an error once the snapshot may not be used any more.
func (s *snapshot) stale(now time.Time) error {
	if age := s.clock.age(now); age > s.limit {
		return fmt.Errorf("%w: the key store was last read %v ago, and %v is the limit",
			ErrUnavailable, age.Round(time.Second), s.limit)
	}
	return nil
}

// clockOff returns an error while our clock is too far off to put times into tokens.
func (s sighting) clockOff(now time.Time) error {
	if off := s.off(now); off > Skew {
		return fmt.Errorf("%w: the clock of this machine is %v off the key store's, and %v is the limit",
			ErrUnavailable, off.Round(time.Second), Skew)
	}
	return nil
}

// view is a snapshot at one moment: the key set, and the key that signs for
// those who hold it. Both come from here and nowhere else, so a token's key is
// always in the key set that the same replica serves. Immutable.
type view struct {
	*snapshot
	body    []byte
	etag    string
	kids    []string      // of the key set
	signer  *keypair.Pair // nil where no key is left to sign
	pending int
	newest  int64     // generation of the newest key of the set
	at      time.Time // the moment, by the store's clock
	until   time.Time // when it is over, by the same; zero: never
}

// newSnapshot opens the private halves of a state. Those in known are opened
// already: a kid names one key for ever.
func newSnapshot(s State, seen sighting, sealer *Sealer, policy Policy, known map[string]*keypair.Pair) (*snapshot, error) {
	tl := timelineOf(s.Keys)
	snap := &snapshot{
		state: s,
		tl:    tl,
		pairs: make(map[string]*keypair.Pair),
		limit: policy.beside(tl.promised(s.Now)).stale,
		clock: seen,
	}
	for i, phase := range tl.phases(s.Now) {
		k := tl[i].Key
		if phase != Signing && phase != Pending {
			continue
		}
		pair, found := known[k.KID]
		if !found {
			var err error
			if pair, err = unseal(sealer, k.Private); err != nil {
				return nil, fmt.Errorf("open the private half of key %s: %w", k.KID, err)
			}
			if pair.Public().KID != k.KID {
				return nil, fmt.Errorf("the private half stored with key %s belongs to another key", k.KID)
			}
		}
		snap.pairs[k.KID] = pair
	}
	return snap, nil
}

// view builds the view at a moment of the store's clock, or an error where there
// is nothing to publish: an empty key set with status 200 would be kept by
// engines as if it were the truth.
func (s *snapshot) view(at time.Time) (*view, error) {
	set, signing := s.tl.published(at)
	if len(set) == 0 {
		return nil, fmt.Errorf("%w: every key of the ring is gone", ErrUnavailable)
	}
	var newest int64
	members, kids := make([][]byte, len(set)), make([]string, len(set))
	for i, k := range set {
		members[i], kids[i] = k.Public, k.KID
		newest = max(newest, k.Generation)
	}
	body := slices.Concat([]byte(`{"keys":[`), bytes.Join(members, []byte(",")), []byte(`]}`))
	sum := sha256.Sum256(body)
	v := &view{
		snapshot: s,
		body:     body,
		etag:     `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`,
		kids:     kids,
		newest:   newest,
		pending:  count(s.tl.phases(at), Pending),
		at:       at,
		until:    s.tl.next(at),
	}
	if signing {
		v.signer = s.pairs[set[0].KID]
	}
	return v, nil
}
