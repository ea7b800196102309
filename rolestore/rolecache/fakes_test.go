package rolecache_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

const tenantID = "7f2d6c1e-0000-4000-8000-000000000001"

// caller is the query of the n-th caller.
func caller(n int) rolestore.Query {
	return rolestore.Query{TenantID: tenantID, ObjectID: fmt.Sprintf("11d3e5f7-0000-4000-8000-%012d", n)}
}

// store is one that holds a single role for everybody, and counts who asks it.
type store struct {
	tb testing.TB

	mu       sync.Mutex // guards what follows
	role     string
	revision rolestore.Revision
	err      error         // what it fails with; nil: it works
	lookErr  error         // what questions about callers alone fail with
	untold   bool          // changes do not show in the revision, as those of an operator's tables
	delay    time.Duration // before it answers
	looks    int
	polls    int
	namings  int
	groups   []int    // how many groups each question named
	naming   []string // the groups that grants name
	more     bool     // and there are more
	meddle   func()   // happens once, before the next look
}

func newStore(tb testing.TB) *store {
	tb.Helper()
	s := &store{tb: tb}
	s.change("role-0")
	return s
}

// change makes it hold another role from now on.
func (s *store) change(role string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.role = role
	if !s.untold {
		s.revision.Number++
		s.revision.Mark = fmt.Sprint("mark of ", role)
	}
}

// restore makes it hold what it did at an earlier revision.
func (s *store) restore(role string, revision rolestore.Revision) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.role, s.revision = role, revision
}

var errDown = fmt.Errorf("connect: %w", rolestore.ErrUnavailable)

func (s *store) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *store) failLooks(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lookErr = err
}

func (s *store) slow(delay time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = delay
}

func (s *store) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.looks
}

// read takes what is held at this moment and hands it over after the delay.
func (s *store) read(ctx context.Context, count *int) (string, rolestore.Revision, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		s.tb.Error("the store is asked without a deadline")
	}
	s.mu.Lock()
	*count++
	role, revision, err, delay := s.role, s.revision, s.err, s.delay
	if err == nil && count == &s.looks {
		err = s.lookErr
	}
	s.mu.Unlock()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return "", rolestore.Revision{}, errors.Join(rolestore.ErrUnavailable, ctx.Err())
		}
	}
	return role, revision, err
}

func (s *store) Look(ctx context.Context, q rolestore.Query) (rolestore.Answer, rolestore.Revision, error) {
	s.mu.Lock()
	s.groups = append(s.groups, len(q.Groups))
	meddle := s.meddle
	s.meddle = nil
	s.mu.Unlock()
	if meddle != nil {
		meddle()
	}
	role, revision, err := s.read(ctx, &s.looks)
	if err != nil {
		return rolestore.Answer{}, rolestore.Revision{}, err
	}
	return rolestore.Answer{Grants: []rolestore.Grant{{
		Tenant: q.TenantID, Principal: rolestore.Principal{Kind: rolestore.KindUser, ID: q.ObjectID}, Role: role,
	}}}, revision, nil
}

func (s *store) NamedGroupsAt(ctx context.Context, _ string, most int) (rolestore.NamedGroups, rolestore.Revision, error) {
	_, revision, err := s.read(ctx, &s.namings)
	if err != nil {
		return rolestore.NamedGroups{}, rolestore.Revision{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return rolestore.NamedGroups{IDs: s.naming[:min(most, len(s.naming))], More: s.more || len(s.naming) > most}, revision, nil
}

func (s *store) Revision(ctx context.Context) (rolestore.Revision, error) {
	_, revision, err := s.read(ctx, &s.polls)
	return revision, err
}

// shared is a memory that replicas have in common.
type shared struct {
	mu     sync.Mutex // guards what follows
	values map[string][]byte
	gets   int
	alter  func([]byte) []byte // what is done to each value on its way out; nil: nothing
}

func (s *shared) Get(_ context.Context, key string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gets++
	value, found := s.values[key]
	if found && s.alter != nil {
		value = s.alter(append([]byte(nil), value...))
	}
	return value, found
}

func (s *shared) Set(_ context.Context, key string, value []byte, ttl time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ttl > 0 {
		s.values[key] = append([]byte(nil), value...)
	}
}
