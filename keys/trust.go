package keys

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
)

// disputeError says why a replica does not follow the store. It is told to the others, by Witness.
type disputeError struct{ error }

func disputef(format string, args ...any) error { return &disputeError{fmt.Errorf(format, args...)} }

func (e *disputeError) Unwrap() error { return e.error }

// trust tells whether a state may follow the one this ring holds. A store that
// was restored from a backup, replaced or tampered with shows a past in which
// keys that engines hold do not exist, or a thief's key is still good. The ring
// then keeps what it has, up to the staleness limit, and writes nothing. Who
// holds nothing yet, or an older ring than others, goes by what those say.
func (r *Ring) trust(s State) error {
	v := r.view.Load()
	switch {
	case v == nil:
		return cmp.Or(s.disputed(), s.unsettled(0))
	case s.Adoption > v.state.Adoption && s.Adoption == r.followed:
		// Somebody said that the store counts: what we can put back is there, and so has to be what others hold. But
		// nobody's word brings a revoked key back.
		return cmp.Or(v.stillRevoked(s), s.disputed(), s.unsettled(v.state.Version))
	case len(s.Keys) == 0:
		return &disputeError{errLost}
	default:
		return cmp.Or(v.follows(s), s.disputedAfter(v.state.Version))
	}
}

// follows compares a state with the one held.
func (v *view) follows(s State) error {
	held := v.state
	if s.newest().Generation < held.newest().Generation {
		return disputef("the key store went back from generation %d to %d: restore the newest backup",
			held.newest().Generation, s.newest().Generation)
	}
	if s.Adoption < held.Adoption {
		return disputef("the key store was adopted, and does not know of it: restore the newest backup")
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

// stillRevoked returns an error where a state holds a key that we know as revoked as one that is not, of whatever generation.
func (v *view) stillRevoked(s State) error {
	for _, k := range v.state.Keys {
		i := slices.IndexFunc(s.Keys, func(now Key) bool { return now.KID == k.KID })
		if i >= 0 && !k.RevokedAt.IsZero() && s.Keys[i].RevokedAt.IsZero() {
			return disputef("generation %d of the key store was revoked, and is not any more", s.Keys[i].Generation)
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
		check(s.Keys[i].Promised.raise(k.Promised) == s.Keys[i].Promised, "it promises less than it did"),
		check(!s.Keys[i].SignsFrom.After(k.SignsFrom), "its turn was put off"),
		check(k.Private != "" || s.Keys[i].Private == "", "its private half was wiped, and is back"),
	)
}

// settle is what becomes of a store that is not trusted, for the reason given: nothing, until somebody adopts it. Then
// this replica puts back what it holds and the store lost. Where the store holds another key of a generation, that one
// counts. It returns whether to look again.
func (r *Ring) settle(ctx context.Context, s State, cause error) (again bool, err error) {
	v := r.view.Load()
	if v == nil || s.Adoption <= v.state.Adoption || s.Adoption == r.followed {
		return false, cause
	}
	if err := r.write(ctx, func(s State) (Change, error) { return mend(s, v.state.Keys), nil }); err != nil {
		return false, fmt.Errorf("put back what the key store lost: %w", err)
	}
	r.followed = s.Adoption
	return true, nil
}
