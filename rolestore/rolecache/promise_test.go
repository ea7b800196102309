package rolecache_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hasura-issuer/hasura-issuer/rolestore/rolecache"
)

// act is one thing that happens, after a pause.
type act struct {
	Pause time.Duration
	What  string
}

var acts = []string{"ask", "ask", "ask", "change", "change and tell", "down", "up"}

func drawActs(t *rapid.T) []act {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) act {
		return act{
			Pause: time.Duration(rapid.SampledFrom([]int{1, 300, 1100, 4000, 9000, 20000}).Draw(t, "pause")) * time.Millisecond,
			What:  rapid.SampledFrom(acts).Draw(t, "what"),
		}
	}), 10, 60).Draw(t, "acts")
}

// past is what the store held, and when.
type past struct {
	now     time.Time
	changes []time.Time // when it began to hold role-0, role-1, …
	told    time.Time   // of the newest change that replicas were told of
	toldN   int         // its number
	down    bool
	since   time.Time // of down, or of its end
	good    time.Time // when a question was last answered, while the store was up
}

// steady tells whether the store has been up for long enough that everybody knows.
func (p *past) steady() bool { return !p.down && p.now.Sub(p.since) >= 1200*time.Millisecond }

// oldest returns the lowest number of a role that may still be answered.
func (p *past) oldest() int {
	bound := ttl
	if !p.steady() {
		bound = stale
	}
	n := 0
	for n+1 < len(p.changes) && !p.changes[n+1].After(p.now.Add(-bound)) {
		n++
	}
	if p.steady() && p.now.Sub(p.told) >= 250*time.Millisecond {
		n = max(n, p.toldN)
	}
	return n
}

// TestNoAnswerIsOlderThanItMayBe lets anything happen to a store, and holds each answer to what the store held: within the
// TTL, at once where a change was told of, within Stale while it is down; and no question of an old acquaintance fails before that.
func TestNoAnswerIsOlderThanItMayBe(t *testing.T) {
	t.Parallel()
	for i := range 1000 { // rapid's own Check cannot run in a bubble
		plan := rapid.Custom(drawActs).Example(i)
		for _, untracked := range []bool{false, true} {
			inBubble(t, func(c *rolecache.Config) {
				c.Untracked = untracked
				c.Store.(*store).untold = untracked
			}, func(t *testing.T, f *fixture) { play(t, f, plan, untracked) })
			if t.Failed() {
				return
			}
		}
	}
}

// play lets a plan come true. Of a store that is not tracked only the questions about callers fail.
func play(t *testing.T, f *fixture, plan []act, untracked bool) {
	t.Helper()
	fail := f.store.fail
	if untracked {
		fail = f.store.failLooks
	}
	p := &past{changes: []time.Time{time.Now()}, since: time.Now().Add(-time.Hour)}
	for i, a := range plan {
		time.Sleep(a.Pause)
		p.now = time.Now()
		switch a.What {
		case "ask":
			p.check(t, f, fmt.Sprintf("%+v", plan[:i+1]))
		case "down":
			fail(errDown)
			if !p.down {
				p.down, p.since = true, p.now
			}
		case "up":
			fail(nil)
			if p.down {
				p.down, p.since = false, p.now
			}
		default:
			f.store.change(fmt.Sprintf("role-%d", len(p.changes)))
			p.changes = append(p.changes, p.now)
			if a.What == "change and tell" && !untracked {
				f.Wake()
				p.told, p.toldN = p.now, len(p.changes)-1
			}
		}
	}
}

func (p *past) check(t *testing.T, f *fixture, so string) {
	t.Helper()
	role, err := f.ask(t, 1)
	switch {
	case err != nil && !p.down:
		t.Errorf("%v, although the store is up: %s", err, so)
	case err != nil && !p.good.IsZero() && p.now.Sub(p.good) < stale-ttl: // its age counts from when it was last confirmed
		t.Errorf("%v, although an answer is %v old: %s", err, p.now.Sub(p.good), so)
	case err == nil:
		var n int
		if _, err := fmt.Sscanf(role, "role-%d", &n); err != nil || n < p.oldest() || n >= len(p.changes) {
			t.Errorf("%s, want role-%d or later: %s", role, p.oldest(), so)
		}
		if p.steady() {
			p.good = p.now
		}
	}
}
