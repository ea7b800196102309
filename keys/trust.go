package keys

import (
	"bytes"
	"errors"
	"fmt"
)

// trust tells whether a state may follow the one this ring holds. A store that
// was restored from a backup, replaced or tampered with shows a past in which
// keys that engines hold do not exist, or a thief's key is still good. The ring
// then keeps what it has, up to the staleness limit, and writes nothing.
func (r *Ring) trust(s State) error {
	v := r.view.Load()
	if v == nil {
		return nil // it never held a ring; a store that did is step's concern
	}
	held := v.state
	if len(s.Keys) == 0 {
		return errLost
	}
	if s.newest().Generation < held.newest().Generation {
		return fmt.Errorf("the key store went back from generation %d to %d: restore the newest backup",
			held.newest().Generation, s.newest().Generation)
	}
	for _, k := range s.Keys {
		if _, known := held.find(k.Generation); !known && k.Generation <= held.newest().Generation {
			return fmt.Errorf("generation %d of the key store was not there before: a ring only grows at its end", k.Generation)
		}
	}
	phases := v.tl.phases(s.Now)
	for i, k := range held.Keys {
		if err := mayFollow(k, phases[i], s); err != nil {
			return fmt.Errorf("generation %d of the key store is not what it was: %w", k.Generation, err)
		}
	}
	return nil
}

// mayFollow tells whether a key that we hold is what it has to be in a later state.
func mayFollow(k Key, phase Phase, s State) error {
	i, found := s.find(k.Generation)
	if !found {
		if phase == Dropped || phase == Revoked {
			return nil // pruned
		}
		return errors.New("it is gone, although its time is not over")
	}
	return errors.Join(
		check(s.Keys[i].KID == k.KID && bytes.Equal(s.Keys[i].Public, k.Public), "it is another key"),
		check(k.RevokedAt.IsZero() || !s.Keys[i].RevokedAt.IsZero(), "it was revoked, and is not any more"),
	)
}
