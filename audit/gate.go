package audit

import (
	"errors"
	"fmt"
	"slices"
)

// gate keeps those out who would wait for a Postgres that does not take records. It is the writer's knowledge and has no clock:
// Run alone asks Postgres, and opens the gate in two steps. That a record could be written lets one caller in, and that
// one was committed all others: a commit may hang where a statement does not, as with a standby that is waited for.
type gate struct {
	down  error // why the last write of records failed; nil: it did not
	trial bool  // none was committed since
	taken bool  // somebody is in on trial
}

var errOnTrial = errors.New("not tried, since Postgres has just come back and another record is tried first")

// enter lets somebody in who waits, or says why not.
func (g *gate) enter() error {
	switch {
	case g.down != nil:
		return fmt.Errorf("not tried, since the last attempt failed: %w", g.down)
	case g.trial && g.taken:
		return errOnTrial
	}
	g.taken = g.trial
	return nil
}

// shut lets nobody in any more.
func (g *gate) shut(why error) { *g = gate{down: why, trial: true} }

// open follows on a write of that many records.
func (g *gate) open(committed int) {
	g.down = nil
	if committed > 0 {
		g.trial, g.taken = false, false
	}
}

// conclude draws the conclusion of a write of that many records for those who wait. One whose data Postgres refuses says
// nothing about others.
func (j *Journal) conclude(err error, records int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case err == nil:
		j.gate.open(records)
	case faulty(err):
		j.gate.taken = false
	default:
		j.turnAway(err)
	}
}

// turnAway shuts the gate and tells all who wait. The caller holds mu.
func (j *Journal) turnAway(why error) {
	j.gate.shut(why)
	j.trouble = why // first: whoever hears of it may look
	j.waiting = slices.DeleteFunc(j.waiting, func(w waiting) bool {
		if w.kept == nil {
			return false
		}
		w.answer(fmt.Errorf("%w: %w", ErrNotKept, why))
		j.bytes -= w.size
		return true
	})
}

func (j *Journal) isDown() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.gate.down != nil
}
