package graph

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/hasura-issuer/hasura-issuer/idp/graph/internal/recall"
)

const maxFailures = 10_000

// failures remembers for a moment which questions failed, so that an outage is not hammered by whoever asks again, and
// those with an older answer at hand do not wait for it each time.
type failures struct {
	now  func() time.Time
	mu   sync.Mutex // guards what follows
	last *simplelru.LRU[recall.Key, failed]
}

type failed struct {
	at      time.Time
	problem *UnavailableError
}

func newFailures(now func() time.Time) *failures {
	last, err := simplelru.NewLRU[recall.Key, failed](maxFailures, nil)
	if err != nil {
		panic(err) // a size that is not positive
	}
	return &failures{now: now, last: last}
}

func (f *failures) of(k recall.Key) *UnavailableError {
	f.mu.Lock()
	defer f.mu.Unlock()
	last, found := f.last.Get(k)
	if !found || f.now().Sub(last.at) >= failurePause {
		return nil
	}
	return last.problem
}

// note takes down how the reading ended.
func (f *failures) note(k recall.Key, problem *UnavailableError) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if problem == nil {
		f.last.Remove(k)
		return
	}
	f.last.Add(k, failed{f.now(), problem})
}
