// Package graph answers: which groups is this caller in, when the token does not say? Entra leaves the groups of a
// caller with many of them out of the token. This room then asks Microsoft Graph, as an app of its own, and remembers
// the answer. Whatever goes wrong means "could not be read": never fewer groups, never none. It knows nothing of tokens
// of callers, of grants and of roles, takes no address from anybody but its Config, and never logs.
package graph

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/hasura-issuer/hasura-issuer/idp/graph/internal/apptoken"
	"github.com/hasura-issuer/hasura-issuer/idp/graph/internal/recall"
	"github.com/hasura-issuer/hasura-issuer/idp/graph/internal/wire"
)

const (
	readPatience = 30 * time.Second // for one reading: sign-in, questions and the pauses that Graph asks for
	staleGrace   = 2 * time.Second  // how long callers wait for a reading while an older answer is at hand
	failurePause = 2 * time.Second  // a question that failed is not asked again sooner

	maxAnswers = 100_000  // in memory
	maxBytes   = 64 << 20 // of them, about
)

// UnavailableError is every error of this room: the groups could not be read. Its Code and Hint are for operators, and fit
// to be shown; RetryAfter is for callers.
type UnavailableError = wire.Problem

// Client asks Graph for groups. All methods may be called concurrently.
type Client struct {
	graph    wire.Base
	signIn   *apptoken.Source
	client   *http.Client
	ttl      time.Duration
	stale    time.Duration
	shared   Cache // nil: none
	observer Observer
	now      func() time.Time

	memory *recall.Memory
	lately *failures

	mu      sync.Mutex // guards what follows; never held during I/O
	flights map[recall.Key]*flight
	tenants map[string]*tenant // by id; tenants come from verified tokens, so they are few
}

// Caller is who is asked about. The ids are GUIDs, in any case.
type Caller struct {
	TenantID string
	ObjectID string
	App      bool // a service principal, not a user
}

// New checks the whole configuration and returns a Client. It does no I/O. The error names every fault, and no secret.
func New(config Config) (*Client, error) {
	settings, err := config.compile()
	if err != nil {
		return nil, err
	}
	c := &Client{
		graph: settings.graph, client: settings.questions, ttl: config.TTL, stale: config.Stale, shared: config.Shared, observer: config.Observer, now: config.Now,
		memory: recall.NewMemory(maxAnswers, maxBytes), flights: map[recall.Key]*flight{}, tenants: map[string]*tenant{},
	}
	if c.observer == nil {
		c.observer = unobserved{}
	}
	if c.now == nil {
		c.now = time.Now
	}
	c.lately = newFailures(c.now)
	c.signIn = &apptoken.Source{
		Credential: settings.credential, Scope: c.graph.String() + "/.default", Client: settings.signIns, Now: c.now,
		Ended: func(problem *UnavailableError) { c.observer.Requested(EndpointToken, outcome(problem)) },
	}
	return c, nil
}

// Groups returns the groups that the caller is in, directly or through other groups: lower-case GUIDs, sorted. Of any
// kind: what a group may be good for is said by the grant that names it. With among, only those of among are looked
// for; what is no GUID in it is nobody's group. With among nil, all are returned.
//
// The answer may be as old as Config.TTL, and as old as Config.Stale while Graph cannot be asked. Every error is an
// *UnavailableError and says nothing about the groups. Callers who ask the same share one reading, which goes on when
// ctx ends. It waits as long as Graph demands where that fits before ctx's deadline.
func (c *Client) Groups(ctx context.Context, caller Caller, among []string) ([]string, error) {
	q, problem := newQuery(c.graph.String(), caller, among)
	if problem != nil {
		return nil, problem
	}
	if q.asksNothing() {
		return []string{}, nil
	}
	answer, source, problem := c.answer(ctx, q)
	c.observer.Answered(source)
	if problem != nil {
		return nil, problem
	}
	return answer.Groups(), nil
}

// answer looks in the places from near to far: a fresh answer of this process, one of another process or of Graph, and
// when Graph could not be asked, an older one.
func (c *Client) answer(ctx context.Context, q query) (recall.Answer, Source, *UnavailableError) {
	held, usable := c.held(q.key)
	if usable && c.age(held) < c.ttl {
		return held, SourceMemory, nil
	}
	problem := c.lately.of(q.key)
	if problem == nil {
		current := c.join(ctx, q)
		if usable {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, staleGrace-c.now().Sub(current.began))
			defer cancel()
		}
		var got recall.Answer
		var source Source
		if got, source, problem = current.wait(ctx, c.now); problem == nil {
			return got, source, nil
		}
	}
	if held, usable = c.held(q.key); usable {
		return held, SourceStale, nil
	}
	return recall.Answer{}, SourceNone, problem
}

// held returns the answer in memory, unless it is too old for any use.
func (c *Client) held(k recall.Key) (recall.Answer, bool) {
	e, found := c.memory.Get(k)
	return e, found && c.age(e) <= c.stale
}

func (c *Client) age(e recall.Answer) time.Duration { return c.now().Sub(e.Read) }

// join returns the reading of q that is under way, or begins one. One that ended after the caller had looked left its
// answer, or its problem, before it left flights: that is given, so that nobody asks again what was just answered.
func (c *Client) join(ctx context.Context, q query) *flight {
	c.mu.Lock()
	defer c.mu.Unlock()
	if current := c.flights[q.key]; current != nil {
		return current
	}
	current := newFlight(c.now())
	held, usable := c.held(q.key)
	problem := c.lately.of(q.key)
	if problem != nil || usable && c.age(held) < c.ttl {
		current.end(held, SourceMemory, problem)
		return current
	}
	c.flights[q.key] = current
	r := &reading{client: c, query: q, tenant: c.tenant(q.tenant), flight: current}
	// Values of ctx (traces) go along, its end does not: others may be waiting.
	go r.run(context.WithoutCancel(ctx))
	return current
}

// tenant returns what is known of a tenant. The caller holds mu.
func (c *Client) tenant(id string) *tenant {
	known := c.tenants[id]
	if known == nil {
		known = &tenant{tokens: c.signIn.Tokens(id)}
		c.tenants[id] = known
	}
	return known
}

// Entries returns how many answers are held in memory, also those that are too old for any use.
func (c *Client) Entries() int { return c.memory.Len() }

// Health returns nil unless the last reading for a tenant failed. What concerns one caller alone does not count. It
// looks only into memory. The error names the tenants.
func (c *Client) Health() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var failures []error
	for _, id := range slices.Sorted(maps.Keys(c.tenants)) {
		if problem := c.tenants[id].health.Load(); problem != nil {
			failures = append(failures, fmt.Errorf("tenant %s: %w", id, problem))
		}
	}
	return errors.Join(failures...)
}

// Check finds out whether groups of a tenant's users can be read: it signs in, asks about a user that nobody is, and for
// the id of any one group, which wants the other permission. That of apps as callers is not looked for.
// The error is an *UnavailableError. What is in memory, but for the token, plays no part.
func (c *Client) Check(ctx context.Context, tenantID string) error {
	ctx, cancel := context.WithTimeout(ctx, readPatience)
	defer cancel()
	q, problem := newQuery(c.graph.String(), Caller{TenantID: tenantID, ObjectID: uuid.NewString()}, nil)
	if problem != nil {
		return problem
	}
	c.mu.Lock()
	tenant := c.tenant(q.tenant)
	c.mu.Unlock()
	r := &reading{client: c, query: q, tenant: tenant, flight: newFlight(c.now())}
	if _, problem := r.memberGroups(ctx); problem != nil && !gone(problem) {
		return problem
	}
	if _, problem := r.ask(ctx, http.MethodGet, c.graph.String()+"/v1.0/groups?$select=id&$top=1", nil); problem != nil {
		return problem
	}
	return nil
}
