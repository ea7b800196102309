package graph

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp/graph/internal/recall"
)

// flight is one reading that any number of callers wait for, each with a deadline of its own.
type flight struct {
	began   time.Time
	done    chan struct{}
	answer  recall.Answer // written, like the next two, before done is closed
	source  Source
	problem *UnavailableError

	mu    sync.Mutex // guards what follows
	until time.Time  // the reading pauses until then
	why   *UnavailableError
	news  chan struct{} // closed when until changes
}

func newFlight(now time.Time) *flight {
	return &flight{began: now, done: make(chan struct{}), news: make(chan struct{})}
}

// pause tells those who wait that the reading rests, so that who cannot wait that long need not wait at all.
func (f *flight) pause(until time.Time, why *UnavailableError) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !until.After(f.until) {
		return
	}
	f.until, f.why = until, why
	close(f.news)
	f.news = make(chan struct{})
}

func (f *flight) pausing() (time.Time, *UnavailableError, <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.until, f.why, f.news
}

// end is called once.
func (f *flight) end(answer recall.Answer, source Source, problem *UnavailableError) {
	f.answer, f.source, f.problem = answer, source, problem
	close(f.done)
}

// wait returns how the reading ended, or a problem when ctx ends first or is sure to.
func (f *flight) wait(ctx context.Context, now func() time.Time) (recall.Answer, Source, *UnavailableError) {
	for {
		until, why, news := f.pausing()
		if deadline, ok := ctx.Deadline(); ok && until.After(deadline) {
			return recall.Answer{}, SourceNone, why.After(until.Sub(now()))
		}
		select {
		case <-f.done:
			return f.answer, f.source, f.problem
		case <-news:
		case <-ctx.Done():
			return recall.Answer{}, SourceNone, &UnavailableError{Err: fmt.Errorf("wait for Microsoft Graph: %w", context.Cause(ctx))}
		}
	}
}
