// Package apptoken answers: with which token may our app speak in this tenant? It signs in by MSAL-go, which gets tokens
// right and everything around them less so; what is around them is here.
package apptoken

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp/graph/internal/wire"
)

const (
	patience    = 10 * time.Second // for one sign-in, the documents included
	pause       = 5 * time.Second  // after one that failed, unless Entra asks for a longer one
	maxPause    = time.Minute
	renewBefore = 5 * time.Minute  // its end a token is renewed, or at nine tenths of a short life
	minAge      = 10 * time.Second // a younger token is not renewed, whatever its life and whatever is said of it
)

// Source signs in. Its fields are set once and then only read.
type Source struct {
	Credential Credential
	Scope      string
	Client     *http.Client        // must follow no redirects: a sign-in's body holds the secret
	Now        func() time.Time    // must go with the time of day, by which MSAL-go says when a token ends
	Ended      func(*wire.Problem) // is told how each sign-in ended
}

// Tokens holds the token for one tenant. All methods may be called concurrently. MSAL-go's own memory is not used: it
// lets fifty callers sign in at once (its issues 569 and 587), lends the first caller's context to all, fetches a token
// of less than five minutes' life anew each time, and does not forget one that was refused.
type Tokens struct {
	source *Source
	tenant string

	mu      sync.Mutex    // guards what follows; never held during I/O
	flying  chan struct{} // closed when the sign-in that is under way has ended; nil when none is
	held    token
	refused bool // the last token was: do not take it again from a memory below
	problem *wire.Problem
	rest    time.Time // no sign-in before
}

type token struct {
	value                string
	fetched, renew, ends time.Time
}

// Tokens returns the tokens for a tenant, a lower-case GUID.
func (s *Source) Tokens(tenant string) *Tokens { return &Tokens{source: s, tenant: tenant} }

// Get returns a token. Those who come without one wait for one sign-in, which goes on when ctx ends. After a failure
// nobody signs in for some seconds: the problem says how many are left.
func (t *Tokens) Get(ctx context.Context) (string, *wire.Problem) {
	for {
		value, problem, signedIn := t.look(ctx)
		if value != "" || problem != nil {
			return value, problem
		}
		select {
		case <-signedIn:
		case <-ctx.Done():
			return "", &wire.Problem{Err: fmt.Errorf("wait for the sign-in: %w", context.Cause(ctx))}
		}
	}
}

// look returns what is in memory: a token that need not be renewed, or one that cannot be renewed just now and is still
// good, or why there is none. Otherwise it sees to it that somebody signs in, and returns what is closed after that.
func (t *Tokens) look(ctx context.Context) (string, *wire.Problem, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.source.Now()
	switch {
	case now.Before(t.held.renew):
		return t.held.value, nil, nil
	case now.Before(t.rest) && now.Before(t.held.ends):
		return t.held.value, nil, nil
	case now.Before(t.rest):
		return "", t.problem.After(t.rest.Sub(now)), nil
	}
	if t.flying == nil {
		t.flying = make(chan struct{})
		go t.renew(context.WithoutCancel(ctx), t.refused)
	}
	return "", nil, t.flying
}

// renew signs in.
func (t *Tokens) renew(ctx context.Context, anew bool) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	value, ends, problem := t.source.signIn(ctx, t.tenant, anew)
	t.source.Ended(problem)

	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.flying)
	t.flying = nil
	now := t.source.Now()
	if problem != nil {
		t.problem, t.rest = problem, now.Add(min(max(problem.RetryAfter, pause), maxPause))
		return
	}
	life := ends.Sub(now)
	renew := now.Add(max(life-min(life/10, renewBefore), minAge))
	t.held = token{value: value, fetched: now, renew: renew, ends: ends}
	t.refused, t.problem, t.rest = false, nil, time.Time{}
}

// Drop forgets a token that was refused. A young one is kept: it is not its age that is wrong with it, and a service that
// refuses every token must not make us sign in for every question.
func (t *Tokens) Drop(value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held.value == value && t.source.Now().Sub(t.held.fetched) >= minAge {
		t.held, t.refused = token{}, true
	}
}
