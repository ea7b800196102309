package policy

import (
	"sync"
	"time"
)

const (
	patience = 5               // questions in a row that may go unanswered before no more are asked
	pause    = 3 * time.Second // until one of them is tried again
)

// breaker keeps callers from waiting for a policy that does not answer. It counts what was not answered at all: an answer
// that cannot be used came at once, and may be due to the caller whom it is about, who must not stop the others.
type breaker struct {
	mu      sync.Mutex
	missed  int       // in a row
	retryAt time.Time // when one question is let through; zero: all are
}

// enter tells whether a question may be asked, and else how long not. Once the pause is over the first one may, as a try,
// and the others wait for what comes of it.
func (b *breaker) enter(now time.Time) (wait time.Duration, isTry, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if wait = b.retryAt.Sub(now); wait > 0 {
		return wait, false, false
	}
	if isTry = !b.retryAt.IsZero(); isTry {
		b.retryAt = now.Add(pause)
	}
	return 0, isTry, true
}

// leave counts how a question went.
func (b *breaker) leave(answered bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if answered {
		b.missed, b.retryAt = 0, time.Time{}
		return
	}
	if b.missed++; b.missed >= patience {
		b.retryAt = now.Add(pause)
	}
}

// abandon is for a question whose caller went away, which says nothing about the policy: where it was the try, the next
// question is. Else whoever comes in time and leaves at once could keep everybody else out.
func (b *breaker) abandon(isTry bool, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if isTry && !b.retryAt.IsZero() {
		b.retryAt = now
	}
}
