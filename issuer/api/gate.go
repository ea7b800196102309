package api

import (
	"container/list"
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

const (
	// patience is how long the first in a queue may have waited before there are too many in it.
	patience = 100 * time.Millisecond
	// fewWaiting are begun with in some ten milliseconds. Where they have waited for longer, it is the machine that stood still.
	fewWaiting = 64
	// admittedEach is how many begin for each that is refused. A refusal costs a third to a half of an exchange, and who is refused
	// is soon back: if all were refused that there are too many of, nothing else would be done. docs/performance has the figures.
	admittedEach = 4
	// turnedAwayEach is how many may be turned away for each that begins: an eighth of what can be done then goes into all refusals together.
	turnedAwayEach = 2
	// mostSaved is how many refusals may come at once.
	mostSaved = 64
	// mostWaiting bounds a queue by number. It is what the program allows of connections, so that it is for other servers.
	mostWaiting = 2048
	// placesEach is how many requests may stand in the scheduler's queue for each processor, so that there is always one ready.
	placesEach = 2
)

// errOverloaded is the end of who did not get to begin. A queue is empty within a second once less is asked for.
var errOverloaded = &issuer.Error{
	Reason: issuer.ReasonOverloaded, RetryAfter: time.Second, Err: errors.New("more is asked for than can be answered"),
}

// gate keeps requests waiting, before they have cost more than their headers, while more come than the processors can begin
// with. Who came first begins first. It is safe for concurrent use.
//
// A place is held only until there is a processor to begin on. So what waits for a body, for Postgres or a policy holds none,
// and a slow dependency makes no queue here. Without the gate requests would wait as well, in the scheduler's queue, where
// nobody knows for how long and nobody can be refused.
type gate struct {
	yield func() // returns when all that was ready to run before has had a processor

	mu    sync.Mutex
	free  int       // places
	queue list.List // of *waiter, who came first first; empty while a place is free
	saved int       // what those that began while there were too many have paid for, in requests that are turned away
}

type waiter struct {
	since  time.Time
	called chan struct{} // closed once there is a place
}

func newGate(yield func()) *gate {
	return &gate{yield: yield, free: placesEach * runtime.GOMAXPROCS(0)}
}

// pass returns nil once the request may begin, or errOverloaded at once if it is one too many, or if ctx ended.
func (g *gate) pass(ctx context.Context) error {
	place, ok := g.enter()
	if !ok || place != nil && !g.wait(ctx, place) {
		return errOverloaded
	}
	g.yield()
	g.next()
	return nil
}

// enter takes a place, or returns one in the queue. Where there are too many, newcomers are refused instead, as many as those
// that began have paid for.
func (g *gate) enter() (inQueue *list.Element, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.free > 0:
		g.free--
		return nil, true
	case g.queue.Len() >= mostWaiting:
		return nil, false
	case g.spend(admittedEach * turnedAwayEach):
		return nil, false
	}
	return g.queue.PushBack(&waiter{time.Now(), make(chan struct{})}), true
}

// spend tells whether one is to be refused whose refusal costs so much, and takes that from what was saved. It may be more than there is,
// or those whose refusal costs little would be refused in the place of the others. mu is held.
func (g *gate) spend(cost int) bool {
	if g.saved <= 0 || !g.tooMany() {
		return false
	}
	g.saved -= cost
	return true
}

// couldTurnAway tells whether turnAway would return true now.
func (g *gate) couldTurnAway() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.saved > 0 && g.tooMany()
}

// turnAway tells whether a request is to be refused that has cost nothing yet but its bytes.
func (g *gate) turnAway() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.spend(1)
}

// tooMany tells whether more wait than can begin in good time. mu is held.
func (g *gate) tooMany() bool {
	return g.queue.Len() > fewWaiting && time.Since(waiterIn(g.queue.Front()).since) > patience
}

// wait tells whether there is a place for who waits.
func (g *gate) wait(ctx context.Context, place *list.Element) bool {
	w := waiterIn(place)
	select {
	case <-w.called:
		return true
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-w.called: // just now, and the place must not get lost
		return true
	default:
		g.queue.Remove(place)
		return false
	}
}

// next gives a place that is not needed any more to who came first.
func (g *gate) next() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.tooMany() {
		g.saved = min(g.saved+turnedAwayEach, mostSaved*admittedEach*turnedAwayEach)
	} else {
		g.saved = 0
	}
	first := g.queue.Front()
	if first == nil {
		g.free++
		return
	}
	g.queue.Remove(first)
	close(waiterIn(first).called)
}

func waiterIn(place *list.Element) *waiter {
	return place.Value.(*waiter) //nolint:forcetypeassert // there is nothing else in the queue
}

// gates are those of the doors. Each has its own, so that a flood of strangers at the token endpoint keeps no engine and no
// gateway waiting, whose callers are known.
type gates map[string]*gate

func newGates(yield func()) gates {
	all := gates{}
	for _, door := range []string{issuer.DoorToken, issuer.DoorWebhook, issuer.DoorForwardAuth, issuer.DoorAuthenticate} {
		all[door] = newGate(yield)
	}
	return all
}

// admit returns once a request for a decision may begin. It comes before anything of the request is read but its headers.
func (a *API) admit(ctx context.Context, e *entry) error { return a.gates[e.door].pass(ctx) }
