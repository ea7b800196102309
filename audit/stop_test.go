package audit_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/audit"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

// TestAWriteThatHasBegunIsNotCutShortWhenTheJournalStops: of one that is cut short nobody knows whether it took effect.
func TestAWriteThatHasBegunIsNotCutShortWhenTheJournalStops(t *testing.T) {
	t.Parallel()
	for name, required := range map[string]bool{"of a record that nobody waits for": false, "of a record that somebody waits for": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.New(t)
			pool := open(t, url)
			j := runWith(t, pool, required, patient)
			release := hold(t, url, lockTable)
			kept := make(chan error, 1)
			go func() {
				_, err := j.Keep(t.Context(), granted())
				kept <- err
			}()
			stopWhileHeld(t, url, j, release)
			if err := <-kept; err != nil {
				t.Error(err)
			}
			if got := search(t, pool, audit.Query{}); len(got) != 1 || got[0].JTI != granted().JTI {
				t.Errorf("on record: %+v", got)
			}
			if kept, lost := j.kept.Load(), j.lost.Load(); kept != 1 || lost != 0 {
				t.Errorf("kept %d and lost %d", kept, lost)
			}
		})
	}
	t.Run("of a count", func(t *testing.T) {
		t.Parallel()
		url := pgtest.New(t)
		pool := open(t, url)
		j := runWith(t, pool, true, func(j *audit.Journal) { j.SetPace(time.Hour, 10*time.Millisecond) })
		ref, err := j.Keep(t.Context(), granted())
		if err != nil {
			t.Fatal(err)
		}
		release := hold(t, url, lockTable)
		for range 3 { // those after the first may be counted at the end
			j.Again(ref)
		}
		stopWhileHeld(t, url, j, release)
		if got := search(t, pool, audit.Query{}); len(got) != 1 || got[0].Repeats != 3 {
			t.Errorf("on record: %+v", got)
		}
	})
}

// stopWhileHeld tells the journal to stop while its write is held, sees that the very same write is waited for, and lets it go on.
func stopWhileHeld(t *testing.T, url string, j running, release func()) {
	t.Helper()
	w := newWatch(t, url)
	writer := w.untilHeld()
	j.tell()
	for range 200 { // looks: what is cut short is gone after a few
		if !slices.Contains(w.held(), writer) {
			t.Error("its write was cut short")
			break
		}
	}
	select {
	case <-j.ended:
		t.Error("it has stopped before its write is done")
	default:
	}
	release()
	<-j.ended
	select {
	case err := <-j.reports:
		t.Errorf("reported: %v", err)
	default:
	}
}
