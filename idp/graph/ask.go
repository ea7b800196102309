package graph

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp/graph/internal/apptoken"
	"github.com/hasura-issuer/hasura-issuer/idp/graph/internal/wire"
)

const (
	who              = "Microsoft Graph"
	questionPatience = 5 * time.Second // for one question to Graph
	maxAttempts      = 3               // at one question
	firstBackoff     = 250 * time.Millisecond
	throttledPause   = time.Second // when Graph says 429 and not how long
)

// tenant is what is known of a tenant's Graph.
type tenant struct {
	tokens *apptoken.Tokens
	gate   gate
	health atomic.Pointer[UnavailableError] // why the last reading failed
}

// gate keeps questions back while Graph wants none: its limits are per app and tenant, whoever is asked about.
type gate struct {
	mu    sync.Mutex // guards what follows
	until time.Time
	why   *UnavailableError
}

func (g *gate) shut(until time.Time, why *UnavailableError) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until.After(g.until) {
		g.until, g.why = until, why
	}
}

func (g *gate) state() (time.Time, *UnavailableError) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.until, g.why
}

// ask puts a question to Graph, again where that may help, and returns the body of a 200.
func (r *reading) ask(ctx context.Context, method, address string, question []byte) ([]byte, *UnavailableError) {
	signedInAnew := false
	for attempt := 1; ; attempt++ {
		if problem := r.passGate(ctx); problem != nil {
			return nil, problem
		}
		token, problem := r.tenant.tokens.Get(ctx)
		if problem != nil {
			return nil, problem
		}
		body, problem := r.client.send(ctx, method, address, question, token)
		switch {
		case problem == nil:
			return body, nil
		case problem.Status == http.StatusUnauthorized && !signedInAnew:
			signedInAnew = true
			r.tenant.tokens.Drop(token)
		case !problem.Transient || attempt >= maxAttempts:
			return nil, problem
		default:
			if problem := r.rest(ctx, attempt, problem); problem != nil {
				return nil, problem
			}
		}
	}
}

// rest makes the pause after a failure: for everybody as long as Graph says, else a short one for this question.
func (r *reading) rest(ctx context.Context, attempt int, why *UnavailableError) *UnavailableError {
	now := r.client.now()
	pause := why.RetryAfter
	if pause == 0 && why.Status == http.StatusTooManyRequests {
		pause = throttledPause << (attempt - 1)
	}
	if pause > 0 {
		r.tenant.gate.shut(now.Add(pause), why)
		return nil // the next attempt waits at the gate
	}
	return r.waitUntil(ctx, now.Add(firstBackoff<<(attempt-1)), why)
}

func (r *reading) passGate(ctx context.Context) *UnavailableError {
	for {
		until, why := r.tenant.gate.state()
		if !until.After(r.client.now()) {
			return nil
		}
		if problem := r.waitUntil(ctx, until, why); problem != nil {
			return problem
		}
	}
}

// waitUntil waits, if ctx lasts that long; else it says at once why not, and when to come again.
func (r *reading) waitUntil(ctx context.Context, until time.Time, why *UnavailableError) *UnavailableError {
	pause := until.Sub(r.client.now())
	if deadline, ok := ctx.Deadline(); ok && until.After(deadline) {
		return why.After(pause)
	}
	r.flight.pause(until, why)
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return why.After(until.Sub(r.client.now()))
	}
}

// send puts one question. The address lies on the configured Graph.
func (c *Client) send(ctx context.Context, method, address string, question []byte, token string) ([]byte, *UnavailableError) {
	limited, cancel := context.WithTimeout(ctx, questionPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(limited, method, address, bytes.NewReader(question))
	if err != nil {
		return nil, wire.Misread(who, "the address is none")
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	if question != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, problem := wire.Exchange(c.client, request, who)
	if problem == nil && answer.Status != http.StatusOK {
		problem = refusal(answer, c.now())
	}
	if ctx.Err() == nil { // else nobody waits for it any more, which is no fault of Graph's
		c.observer.Requested(EndpointGraph, outcome(problem))
	}
	return answer.Body, problem
}
