package graph

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/hasura-issuer/hasura-issuer/idp/graph/internal/recall"
	"github.com/hasura-issuer/hasura-issuer/idp/graph/internal/wire"
)

const (
	chunk           = 20  // ids that checkMemberGroups takes at once
	maxChecked      = 100 // ids; for more, the caller's own groups are read instead
	questionsAtOnce = 4   // of one reading
	maxPages        = 100 // of 999 objects each
	sharedPatience  = time.Second
)

// reading answers one query, for all who wait at its flight.
type reading struct {
	client *Client
	query  query
	tenant *tenant
	flight *flight
}

// run reads, and lets everybody know.
func (r *reading) run(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, readPatience)
	answer, source, problem := r.read(limited)
	cancel()
	c := r.client
	switch {
	case source == SourceGraph:
		c.memory.Put(r.query.key, answer)
		r.tenant.health.Store(nil)
	case source == SourceShared:
		c.memory.Put(r.query.key, answer)
	case gone(problem): // that is no outage, and an older answer would be about somebody who is gone
		c.memory.Remove(r.query.key)
	case !problem.Personal: // else one caller could have all of this service taken for ill
		r.tenant.health.Store(problem)
	}
	c.lately.note(r.query.key, problem)
	c.mu.Lock()
	delete(c.flights, r.query.key)
	c.mu.Unlock()
	r.flight.end(answer, source, problem)
	switch {
	case source == SourceGraph:
		r.share(ctx, answer.Encode(r.query.key))
	case problem != nil && gone(problem):
		r.share(ctx, recall.Nothing())
	}
}

func (r *reading) read(ctx context.Context) (recall.Answer, Source, *UnavailableError) {
	if e, found := r.fromShared(ctx); found {
		if r.client.age(e) < r.client.ttl {
			return e, SourceShared, nil
		}
		if r.client.age(e) <= r.client.stale {
			r.client.memory.Put(r.query.key, e) // for whoever finds Graph unavailable
		}
	}
	began := r.client.now()
	ids, problem := r.fromGraph(ctx)
	if problem != nil {
		return recall.Answer{}, SourceNone, problem
	}
	return recall.NewAnswer(began, ids), SourceGraph, nil
}

// sharedKey is what the answer is called in shared memory. It tells nobody who the caller is.
func (r *reading) sharedKey() string {
	return "groups/" + base64.RawURLEncoding.EncodeToString(r.query.key[:])
}

func (r *reading) fromShared(ctx context.Context) (recall.Answer, bool) {
	if r.client.shared == nil {
		return recall.Answer{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, sharedPatience)
	defer cancel()
	doc, found := r.client.shared.Get(ctx, r.sharedKey())
	if !found {
		return recall.Answer{}, false
	}
	return recall.Decode(doc, r.query.key, r.client.now())
}

func (r *reading) share(ctx context.Context, doc []byte) {
	if r.client.shared == nil || r.client.stale <= 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, sharedPatience)
	defer cancel()
	r.client.shared.Set(ctx, r.sharedKey(), doc, r.client.stale)
}

// fromGraph returns the groups that matter, in order. It asks about those alone while they are few: the answer is then
// short and right however many groups the caller is in.
func (r *reading) fromGraph(ctx context.Context) ([]uuid.UUID, *UnavailableError) {
	var ids []uuid.UUID
	var problem *UnavailableError
	if !r.query.whole && len(r.query.among) <= maxChecked {
		ids, problem = r.check(ctx)
	} else if ids, problem = r.memberGroups(ctx); problem != nil && problem.Code == codeTooMany {
		ids, problem = r.transitive(ctx)
	}
	if problem != nil {
		return nil, problem
	}
	return r.query.keep(ids), nil
}

// address is that of the caller's object. The permissions are less for an object of a known kind than for any object.
func (r *reading) address(rest string) string {
	kind := "users"
	if r.query.app {
		kind = "servicePrincipals"
	}
	return r.client.graph.String() + "/v1.0/" + kind + "/" + r.query.object + "/" + rest
}

// check asks which of the groups that matter have the caller as a member.
func (r *reading) check(ctx context.Context) ([]uuid.UUID, *UnavailableError) {
	var mu sync.Mutex
	var all []uuid.UUID
	questions, ctx := errgroup.WithContext(ctx)
	questions.SetLimit(questionsAtOnce)
	for ids := range slices.Chunk(r.query.among, chunk) {
		questions.Go(func() error {
			found, problem := r.post(ctx, "checkMemberGroups", map[string]any{"groupIds": ids})
			if problem != nil {
				return problem
			}
			if slices.ContainsFunc(found, func(id uuid.UUID) bool { return !slices.Contains(ids, id) }) {
				return wire.Misread(who, errNotGraph.Error())
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, found...)
			return nil
		})
	}
	if err := questions.Wait(); err != nil {
		problem, _ := errors.AsType[*UnavailableError](err)
		return nil, problem
	}
	return all, nil
}

// memberGroups asks for all groups of the caller. Not only for those that are "security enabled": that is served for
// users alone, and whoever grants a role to a Microsoft 365 group or a distribution list means its members.
func (r *reading) memberGroups(ctx context.Context) ([]uuid.UUID, *UnavailableError) {
	return r.post(ctx, "getMemberGroups", map[string]any{"securityEnabledOnly": false})
}

func (r *reading) post(ctx context.Context, action string, question any) ([]uuid.UUID, *UnavailableError) {
	doc, err := json.Marshal(question)
	if err != nil {
		return nil, wire.Misread(who, err.Error())
	}
	body, problem := r.ask(ctx, http.MethodPost, r.address(action), doc)
	if problem != nil {
		return nil, problem
	}
	answer, err := readPage(body, idElement)
	if err != nil || answer.next != "" { // these two answer on one page, and a second would be lost
		return nil, wire.Misread(who, errNotGraph.Error())
	}
	return answer.ids, nil
}

// transitive lists what the caller is in, page by page. The answer is asked for without a cast to groups: with one, Graph
// looks into an index that may lag behind.
func (r *reading) transitive(ctx context.Context) ([]uuid.UUID, *UnavailableError) {
	var all []uuid.UUID
	next := r.address("transitiveMemberOf?$select=id&$top=999")
	for range maxPages {
		body, problem := r.ask(ctx, http.MethodGet, next, nil)
		if problem != nil {
			return nil, problem
		}
		answer, err := readPage(body, objectElement)
		if err != nil {
			return nil, wire.Misread(who, err.Error())
		}
		all = append(all, answer.ids...)
		if answer.next == "" {
			return all, nil
		}
		if !r.client.ours(answer.next) {
			return nil, wire.Misread(who, "the next page lies on another host")
		}
		next = answer.next
	}
	return nil, wire.Misread(who, "there are more pages than anybody's groups fill")
}

// ours says that an address lies on the configured Graph: nobody else gets our token.
func (c *Client) ours(address string) bool {
	parsed, err := url.Parse(address)
	return err == nil && c.graph.Holds(parsed, "/v1.0/")
}
