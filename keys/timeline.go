package keys

import (
	"slices"
	"time"
)

// Phase is what a key is at one moment.
type Phase string

// The phases a key goes through, in this order; any of them may end in Revoked.
const (
	Pending  Phase = "pending"  // published, signs later
	Signing  Phase = "signing"  // signs every token
	Retiring Phase = "retiring" // succeeded by another, published while its tokens live
	Dropped  Phase = "dropped"  // gone for ever
	Revoked  Phase = "revoked"  // gone for ever, at once
)

// timeline is the ring over all time: rows, oldest first, and what they make of
// each other. Everything in it comes from the rows, nothing from the settings
// of who asks, so that all replicas see the same one.
type timeline []span

type span struct {
	Key
	retires time.Time // when a later key takes over; zero: none is known
	drops   time.Time // when it leaves the key set; zero with retires
}

// timelineOf lays the rows, sorted by generation, out in time.
func timelineOf(rows []Key) timeline {
	tl := make(timeline, len(rows))
	var successor time.Time // the earliest takeover by a later key
	for i, k := range slices.Backward(rows) {
		tl[i] = span{Key: k, retires: successor}
		if !successor.IsZero() {
			tl[i].drops = successor.Add(k.Promised.Hold())
		}
		if k.begins() && (successor.IsZero() || k.SignsFrom.Before(successor)) {
			successor = k.SignsFrom
		}
	}
	return tl
}

// begins tells whether a key takes over at its SignsFrom. A key revoked after
// that still counts, or its predecessor would come back to life; one revoked
// before it never signed, so its predecessor goes on until the next one.
func (k Key) begins() bool {
	return k.RevokedAt.IsZero() || k.SignsFrom.Before(k.RevokedAt)
}

// phases returns what each key is at t. Exactly one of them signs as long as
// one is left that is neither revoked nor succeeded: where none of those has
// come of age (a store's clock was set back, say), the first in line.
func (tl timeline) phases(t time.Time) []Phase {
	phases := make([]Phase, len(tl))
	first := -1
	for i, s := range tl {
		phases[i] = s.phase(t)
		if phases[i] == Pending && (first < 0 || s.SignsFrom.Before(tl[first].SignsFrom)) {
			first = i
		}
	}
	if first >= 0 && !slices.Contains(phases, Signing) {
		phases[first] = Signing
	}
	return phases
}

// phase returns what a key is at t by its own times. Revocation is a fact, not
// a moment: a clock that is behind must not revive a key.
func (s span) phase(t time.Time) Phase {
	switch {
	case !s.RevokedAt.IsZero():
		return Revoked
	case !s.retires.IsZero() && !t.Before(s.drops):
		return Dropped
	case !s.retires.IsZero() && !t.Before(s.retires):
		return Retiring
	case !t.Before(s.SignsFrom):
		return Signing
	default:
		return Pending
	}
}

// published returns the keys of the key set at t: the signing one first, since
// Hasura v2 tries them in order, then the pending ones, then the retiring ones,
// the last to retire first. signing tells whether the first one signs.
func (tl timeline) published(t time.Time) (set []span, signing bool) {
	phases := tl.phases(t)
	var retiring []span
	for i, phase := range phases {
		switch phase {
		case Signing:
			set, signing = slices.Insert(set, 0, tl[i]), true
		case Pending:
			set = append(set, tl[i])
		case Retiring:
			retiring = append(retiring, tl[i])
		case Dropped, Revoked:
		}
	}
	slices.Reverse(retiring)
	return append(set, retiring...), signing
}

// next returns the first moment after t at which the published set changes by
// itself, or the zero time.
func (tl timeline) next(t time.Time) time.Time {
	var next time.Time
	for _, s := range tl {
		if !s.RevokedAt.IsZero() {
			continue
		}
		for _, at := range []time.Time{s.SignsFrom, s.retires, s.drops} {
			if at.After(t) && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
	}
	return next
}

// promised returns the largest promises that bind at t: those of every key
// whose tokens and key sets may still be about, revoked ones included, since a
// replica that does not know of a revocation goes by the promise it made.
func (tl timeline) promised(t time.Time) Promise {
	var all Promise
	for _, s := range tl {
		ends := s.drops
		if !s.RevokedAt.IsZero() {
			ends = s.RevokedAt.Add(s.Promised.Hold())
		}
		if ends.IsZero() || t.Before(ends) {
			all = all.raise(s.Promised)
		}
	}
	return all
}
