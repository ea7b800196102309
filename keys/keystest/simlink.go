package keystest

import (
	"context"
	"errors"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
)

// home is where the store of a world is, which a backup may take the place of. Every change goes by here.
type home struct {
	keys.Store
	w *world
}

// Load is keys.Store's.
func (h *home) Load(ctx context.Context) (keys.State, error) {
	s, err := h.Store.Load(ctx)
	for _, k := range s.Keys {
		h.w.rows[k.KID] = k
	}
	return s, err
}

// Update is keys.Store's.
func (h *home) Update(ctx context.Context, decide func(keys.State) (keys.Change, error)) (keys.State, error) {
	var before keys.State
	var change keys.Change
	after, err := h.Store.Update(ctx, func(s keys.State) (keys.Change, error) {
		before = s.Clone()
		c, err := decide(s)
		change = c
		return c, err
	})
	if err == nil {
		h.w.checkChange(before, change)
	}
	return after, err
}

// link is what one process has of the store: a line that may be slow or down, on which others may come first, and that
// the process may not live to see the end of.
type link struct {
	*Flaky
	w       *world
	slow    []time.Duration // how long the next question and its answer take
	between func()          // what others do right after the next answer
	ill     bool            // some of its calls fail
	dying   bool
	lives   int // how many calls a dying process has left

	asked  time.Time  // when the store was last asked, with success
	loaded keys.State // what it said
	loads  int        // how often it was
	writes int        // changes that were asked for
}

var errDead = errors.New("this process was killed")

func (w *world) link() *link { return &link{Flaky: NewFlaky(w.store), w: w} }

func (l *link) heal() {
	l.ill = false
	l.FailLoads(nil)
	l.FailUpdates(nil)
	l.LoseAnswers(nil)
}

func (l *link) cut() {
	l.ill = true
	l.FailLoads(errDown)
	l.FailUpdates(errDown)
}

// dead counts a call of a dying process.
func (l *link) dead() bool {
	l.lives--
	return l.dying && l.lives < 0
}

func (l *link) travel() {
	if len(l.slow) > 0 {
		l.w.at = l.w.at.Add(l.slow[0])
		l.slow = l.slow[1:]
	}
}

// Load is keys.Store's.
func (l *link) Load(ctx context.Context) (keys.State, error) {
	if l.dead() {
		return keys.State{}, errDead
	}
	asked := l.w.at
	l.travel()
	s, err := l.Flaky.Load(ctx)
	l.travel()
	if err != nil {
		return s, err
	}
	l.asked, l.loaded = asked, s
	l.loads++
	if act := l.between; act != nil {
		l.between = nil
		act()
	}
	return s, nil
}

// Update is keys.Store's.
func (l *link) Update(ctx context.Context, decide func(keys.State) (keys.Change, error)) (keys.State, error) {
	l.writes++
	if l.dead() {
		return keys.State{}, errDead
	}
	return l.Flaky.Update(ctx, decide)
}

// Witness is keys.Store's.
func (l *link) Witness(ctx context.Context, seen []keys.Witness) error {
	if l.dead() {
		return errDead
	}
	return l.Flaky.Witness(ctx, seen)
}
