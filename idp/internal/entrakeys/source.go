// Package entrakeys answers: which keys may sign for an Entra tenant just now, and under which issuers? It fetches the
// tenant's discovery documents and key set, keeps the last good set, and sees to it that strangers cannot make it fetch
// more than seldom. It knows nothing of tokens and claims.
package entrakeys

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

const (
	fetchDeadline = 5 * time.Second  // for all documents of one fetch together
	learnPause    = 30 * time.Second // between two fetches for unknown key ids
	soonest       = time.Second      // until somebody comes again whom nothing holds up
	maxAge        = 24 * time.Hour   // after this a set that could not be renewed is no longer believed
)

// ErrUnavailable means that the keys could not be had: never seen, too old, or the fetch failed. It says nothing about
// any token.
var ErrUnavailable = errors.New("the identity provider's keys are not available")

// Source holds the keys of one publisher. All methods may be called concurrently; readers of held keys take no lock.
type Source struct {
	publisher Publisher
	client    *http.Client
	now       func() time.Time

	held   atomic.Pointer[Set]    // the last good set; nil before the first
	offset atomic.Pointer[Offset] // as the last answer showed it; nil before the first

	mu      sync.Mutex // guards what follows; never held during I/O
	flight  *flight    // the fetch that is under way, nil when none is
	begun   uint64     // fetches so far, the one under way included
	asked   time.Time  // when Learn last began a fetch
	outcome error      // of the fetch that ended last
	unknown unknown    // key ids that Learn was asked for
}

// flight is one fetch that any number of callers wait for.
type flight struct {
	done chan struct{}
	err  error // written before done is closed
}

// NewSource returns a source for a publisher. It does not connect. The client is copied and made to follow no
// redirects: keys count only where the publisher itself hands them out.
func NewSource(publisher Publisher, client *http.Client, now func() time.Time) *Source {
	direct := *client
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Source{publisher: publisher, client: &direct, now: now, unknown: newUnknown()}
}

// Tenant returns the id of the tenant whose keys these are.
func (s *Source) Tenant() string { return s.publisher.tenant }

// Policy returns the policy of B2C, in lower case, that a token must name for these to be its keys; "" for none.
func (s *Source) Policy() string { return s.publisher.policy }

// Held returns the last good set, or nil when there is none or it is more than 24 hours old. It never waits.
func (s *Source) Held() *Set {
	set := s.held.Load()
	if set == nil || s.now().Sub(set.fetched) > maxAge {
		return nil
	}
	return set
}

// Holds reports whether key is in the set that is held: it was not withdrawn, and what tokens of it were held against is
// still so. It never waits.
func (s *Source) Holds(key *Key) bool {
	set := s.Held()
	return set != nil && set.keys[key.kid] == key
}

// Issuers returns the issuers of the tokens; known is false while only a discovery document could tell and none was
// read yet.
func (s *Source) Issuers() (v1, v2 string, known bool) {
	if s.publisher.knows() {
		return s.publisher.v1Issuer, s.publisher.v2Issuer, true
	}
	if set := s.Held(); set != nil {
		return set.V1Issuer, set.V2Issuer, true
	}
	return "", "", false
}

// Fetch reads everything anew and returns when that is done or ctx has ended, whichever is first. A fetch already under
// way is waited for instead. The fetch itself goes on when ctx ends: others may be waiting for it. On success the set
// replaces the last one whole, so keys that were withdrawn are forgotten; on failure the last good set stays.
func (s *Source) Fetch(ctx context.Context) error {
	s.mu.Lock()
	if s.flight == nil {
		s.begin(ctx)
	}
	current := s.flight
	s.mu.Unlock()
	return current.wait(ctx)
}

// Learn is Fetch for a token whose key id is not held. Since anybody can send one, it begins a fetch at most every 30
// seconds, whatever came of the last; in between it answers from memory. It returns the set to look in: one without kid
// was fetched when somebody had asked for kid already, or held it before. Else it returns ErrUnavailable: the last fetch
// failed, ctx ended first, or nobody may look for kid yet, which is ErrKeyUnseen; the method RetryAfter of each tells when
// somebody may.
func (s *Source) Learn(ctx context.Context, kid string) (*Set, error) {
	s.mu.Lock()
	current, outcome, begun := s.flight, s.outcome, s.begun
	if current != nil {
		begun-- // the one under way counts as begun for kid too
	}
	since, wait := s.unknown.since(kid, begun), learnPause-s.now().Sub(s.asked)
	if current == nil && wait <= 0 {
		s.asked = s.now()
		current = s.begin(ctx)
	}
	s.mu.Unlock()
	if current != nil {
		outcome = current.wait(ctx)
	}
	if outcome != nil {
		return nil, s.later(outcome)
	}
	set := s.Held()
	if set == nil {
		return nil, ErrUnavailable
	}
	if set.Key(kid) == nil && set.number <= since {
		return nil, &tooSoonError{wait}
	}
	return set, nil
}

// later is ErrUnavailable for want of a fetch that succeeds. Learn begins the next one no later than it says.
func (s *Source) later(outcome error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait := learnPause - s.now().Sub(s.asked)
	return &laterError{fmt.Errorf("%w: %w", ErrUnavailable, outcome), max(wait, soonest)}
}

// begin starts a fetch with a deadline of its own. Values of ctx (traces) go along, its end does not. The caller holds mu.
func (s *Source) begin(ctx context.Context) *flight {
	current := &flight{done: make(chan struct{})}
	s.flight = current
	s.begun++
	number := s.begun
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchDeadline)
		defer cancel()
		set, err := s.fetch(ctx)
		before := s.held.Load()
		if err == nil {
			set.number = number
			s.held.Store(set)
		} else {
			err = fmt.Errorf("fetch keys of %s: %w", s.publisher.name, err)
		}
		s.mu.Lock()
		if err == nil {
			s.unknown.withdraw(before, set)
		}
		s.flight, s.outcome = nil, err
		s.mu.Unlock()
		current.err = err
		close(current.done)
	}()
	return current
}

func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return fmt.Errorf("wait for keys: %w", context.Cause(ctx))
	}
}
