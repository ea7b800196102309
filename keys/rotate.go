package keys

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Rotate does what is due to the ring in the store, and makes the ring where
// there never was one. Any number of processes may run it, any number of times.
// Losing a race to one of them is a normal outcome: the Result is then empty.
// The errors: an invalid policy, a store that lost its ring or is disputed, rows
// that nobody vouches for, a store or sealer that fails. After an error the
// change may have been made; running it again is always right.
func Rotate(ctx context.Context, store Store, sealer *Sealer, policy Policy) (Result, error) {
	return change(ctx, store, sealer, policy, func(s State) (Change, error) { return step(s, policy) })
}

// change runs one operation on behalf of a policy, which has to be valid.
func change(ctx context.Context, store Store, sealer *Sealer, policy Policy, decide func(State) (Change, error)) (Result, error) {
	if err := errors.Join(policy.Validate(), checkSealed(store, sealer)); err != nil {
		return Result{}, err
	}
	return operation{store: store, sealer: sealer, alg: policy.Alg, decide: decide}.run(ctx)
}

// TooEarlyError refuses what would be an outage now and will be none later.
type TooEarlyError struct {
	From time.Time // from when on; by the store's clock
	Why  string
}

func (e *TooEarlyError) Error() string {
	return fmt.Sprintf("%s; from %s on it is safe", e.Why, e.From.UTC().Format(time.RFC3339))
}

// HandOver makes the next key sign now instead of when its turn comes, and then does what Rotate does. The next key must
// have been public for the lead, or an engine might not hold it: else the error is a *TooEarlyError, unless force says to
// go on all the same. Nothing forces a sixth key into the key set.
func HandOver(ctx context.Context, store Store, sealer *Sealer, policy Policy, force bool) (Result, error) {
	return change(ctx, store, sealer, policy, func(s State) (Change, error) {
		if err := s.Dispute(); err != nil {
			return Change{}, err
		}
		moved, err := handOver(s, policy, force)
		if err != nil {
			return Change{}, err
		}
		return moved.thenStep(s, policy)
	})
}

// thenStep adds what is due once the change is made.
func (c Change) thenStep(s State, p Policy) (Change, error) {
	after, err := s.Apply(c)
	if err != nil {
		return Change{}, err
	}
	due, err := step(after, p)
	if err != nil {
		return Change{}, err
	}
	return c.then(due), nil
}

func handOver(s State, p Policy, force bool) (Change, error) {
	tl := timelineOf(s.Keys)
	set, signing := tl.published(s.Now)
	phases := tl.phases(s.Now)
	next := tl.oldest(phases, Pending)
	if next < 0 || !signing {
		return Change{}, errors.New("there is no next key to hand over to: run `issuer keys rotate` first")
	}
	if retiring := count(phases, Retiring); retiring > 1 {
		return Change{}, &TooEarlyError{From: set[len(set)-1].drops, Why: "two keys retire already, and a key set with a sixth key helps nobody"}
	}
	if ready := tl.ready(next, s.Now, p); s.Now.Before(ready) && !force {
		return Change{}, &TooEarlyError{From: ready, Why: "the next key was not published for long enough: some engine may not hold it yet"}
	}
	k := tl[next].Key
	k.SignsFrom = s.Now
	return Change{Update: []Key{k}}, nil
}

// oldest returns the index of the first key in this phase, or -1.
func (tl timeline) oldest(phases []Phase, phase Phase) int {
	for i := range tl {
		if phases[i] == phase {
			return i
		}
	}
	return -1
}

// ready returns from when on every engine holds a key: a lead after its publication, the longest that counts now.
func (tl timeline) ready(i int, now time.Time, p Policy) time.Time {
	return tl[i].PublishedAt.Add(p.beside(tl.promised(now)).lead)
}

func count(phases []Phase, phase Phase) int {
	n := 0
	for _, p := range phases {
		if p == phase {
			n++
		}
	}
	return n
}
