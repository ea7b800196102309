package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Revocation says which key must not be trusted any more.
type Revocation struct {
	KID    string
	Reason string // for those who read the ring later; at most 200 bytes, no token and no name of a person
	Force  bool   // also where no other key is known to every engine: tokens are then refused for a while
}

// MaxReason is how long the reason of a revocation may be, in bytes.
const MaxReason = 200

// Revoke takes a key out of the key set at once. If it was signing, the oldest pending key that was public for the lead
// takes over in the same transaction; where there is none the error is a *TooEarlyError, unless it is forced. Then it
// does what Rotate does. A key that is revoked already stays as it is, and the Result is that of Rotate. It works on a
// disputed store too, and leaves the rotation to who settles that.
func Revoke(ctx context.Context, store Store, sealer *Sealer, policy Policy, r Revocation) (Result, error) {
	return change(ctx, store, sealer, policy, func(s State) (Change, error) { return r.decide(s, policy) })
}

// PreviewRevoke returns what Revoke would do to a state, and its errors. Keys to come have no kid yet.
func PreviewRevoke(s State, p Policy, r Revocation) (Result, error) {
	change, err := r.decide(s, p)
	return resultOf(s, change), err
}

func (r Revocation) decide(s State, p Policy) (Change, error) {
	if r.Reason == "" || len(r.Reason) > MaxReason {
		return Change{}, fmt.Errorf("a revocation wants a reason of 1 to %d bytes", MaxReason)
	}
	revoked, err := revoke(s, p, r)
	if err != nil || s.Dispute() != nil {
		return revoked, err
	}
	return revoked.thenStep(s, p)
}

func revoke(s State, p Policy, r Revocation) (Change, error) {
	i := slices.IndexFunc(s.Keys, func(k Key) bool { return k.KID == r.KID })
	if i < 0 {
		return Change{}, errors.New("the ring holds no key of that kid: `issuer keys list` shows those it holds")
	}
	tl := timelineOf(s.Keys)
	phases := tl.phases(s.Now)
	switch phases[i] {
	case Revoked:
		return Change{}, nil
	case Dropped:
		return Change{}, fmt.Errorf("the key left the key set on %s: there is nothing to revoke", tl[i].drops.Format(time.RFC3339))
	case Pending, Signing, Retiring:
	}
	k := s.Keys[i]
	k.RevokedAt, k.Reason, k.Private = s.Now, r.Reason, ""
	change := Change{Update: []Key{k}}
	if phases[i] != Signing {
		return change, nil
	}
	next := tl.oldest(phases, Pending)
	if next < 0 {
		return change, tl.successorMissing(s, p, r.Force)
	}
	if ready := tl.ready(next, s.Now, p); s.Now.Before(ready) && !r.Force {
		return Change{}, &TooEarlyError{From: ready, Why: "no other key was published for long enough: engines would refuse tokens"}
	}
	k = s.Keys[next]
	k.SignsFrom = s.Now
	change.Update = append(change.Update, k)
	return change, nil
}

// successorMissing refuses a revocation that leaves no key at all, for as long as a new one would need.
func (tl timeline) successorMissing(s State, p Policy, force bool) error {
	if force {
		return nil
	}
	from := s.Now.Add(p.beside(tl.promised(s.Now)).lead)
	return &TooEarlyError{From: from, Why: "no other key is published: run `issuer keys rotate`, and engines know the next one a lead later"}
}

// Exposure tells what a revocation cannot undo at once.
type Exposure struct {
	Cached time.Duration // engines that keep a key set accept the key for this long, replicas that do not know of it apart
	Tokens time.Duration // an open connection lives until its token ends: this long at most
	Stale  time.Duration // a replica that is cut off from the store publishes and signs for this long
}

// ExposureOf returns it by the promises that bind in a state.
func ExposureOf(s State) Exposure {
	promised := timelineOf(s.Keys).promised(s.Now)
	return Exposure{Cached: promised.MaxAge + promised.CDNTTL, Tokens: promised.TTL, Stale: promised.Stale}
}

// Unconfirmed returns the replicas, seen within the last hour, that do not hold the ring of a version or a later one: all
// of them while the store is disputed, since none follows it then. A version that the store has not reached is of
// another past.
func (s State) Unconfirmed(version int64) []Witness {
	disputed := s.Dispute() != nil
	return slices.DeleteFunc(s.Replicas(), func(w Witness) bool {
		return !disputed && w.Alarm == "" && version <= w.Version && w.Version <= s.Version
	})
}
