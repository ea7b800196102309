package keys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// disputeError says why a replica does not follow the store. It is told to the others, by Witness.
type disputeError struct{ error }

func disputef(format string, args ...any) error { return &disputeError{fmt.Errorf(format, args...)} }

func (e *disputeError) Unwrap() error { return e.error }

// trust tells whether a state may follow the one this ring holds. A store that
// was restored from a backup, replaced or tampered with shows a past in which
// keys that engines hold do not exist, or a thief's key is still good. The ring
// then keeps what it has, up to the staleness limit, and writes nothing. Who
// holds nothing yet goes by what others say.
func (r *Ring) trust(s State) error {
	v := r.view.Load()
	switch {
	case v == nil:
		return s.disputed()
	case s.Adoption > v.state.Adoption && s.Adoption == r.followed:
		return nil // somebody said that the store counts, and what it lost was put back
	case len(s.Keys) == 0:
		return &disputeError{errLost}
	default:
		return v.follows(s)
	}
}

// follows compares a state with the one held.
func (v *view) follows(s State) error {
	held := v.state
	if s.newest().Generation < held.newest().Generation {
		return disputef("the key store went back from generation %d to %d: restore the newest backup",
			held.newest().Generation, s.newest().Generation)
	}
	for _, k := range s.Keys {
		if _, known := held.find(k.Generation); !known && k.Generation <= held.newest().Generation {
			return disputef("generation %d of the key store was not there before: a ring only grows at its end", k.Generation)
		}
	}
	phases := v.tl.phases(s.Now)
	for i, k := range held.Keys {
		if err := mayFollow(k, phases[i], s); err != nil {
			return disputef("generation %d of the key store is not what it was: %w", k.Generation, err)
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

// settle is what becomes of a store that is not trusted, for the reason given: nothing, until somebody adopts it. Then
// this replica puts back what it holds and the store lost. Where the store holds another key of a generation, there is
// nothing to put back, and the store counts. It returns whether to look again.
func (r *Ring) settle(ctx context.Context, s State, cause error) (again bool, err error) {
	v := r.view.Load()
	if v == nil || s.Adoption <= v.state.Adoption {
		return false, cause
	}
	err = r.write(ctx, func(s State) (Change, error) { return mend(s, v.state.Keys) })
	if err != nil && !errors.Is(err, errOther) {
		return false, fmt.Errorf("put back what the key store lost: %w", err)
	}
	r.followed = s.Adoption
	return true, nil
}
