package graph_test

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp/graph"
)

// shelf is a Cache as Redis would be one, but that its clock is the bubble's.
type shelf struct {
	mu      sync.Mutex
	entries map[string][]byte
	ttls    []time.Duration
	hangs   bool
}

func newShelf() *shelf { return &shelf{entries: map[string][]byte{}} }

func (c *shelf) Get(ctx context.Context, key string) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hangs {
		<-ctx.Done()
		return nil, false
	}
	value, found := c.entries[key]
	return value, found
}

func (c *shelf) Set(_ context.Context, key string, value []byte, ttl time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries[key], c.ttls = bytes.Clone(value), append(c.ttls, ttl)
}

// kept returns for how long each entry was put in.
func (c *shelf) kept() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.ttls)
}

func (c *shelf) alter(how func([]byte) []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, value := range c.entries {
		c.entries[key] = how(value)
	}
}

// replicas are two processes with one shelf.
func (s *stage) replicas(t *testing.T, shared *shelf) (one, other *graph.Client) {
	t.Helper()
	with := func(c *graph.Config) { c.Shared = shared }
	return s.open(t, with), s.open(t, with)
}

func TestReplicasShareAnswersWithTheirAge(t *testing.T) {
	in(t, func(t *testing.T, s *stage) {
		shared := newShelf()
		one, other := s.replicas(t, shared)
		caller := s.user(groups(0, 3)...)
		want(t, one, caller, nil, groups(0, 3))
		synctest.Wait()
		s.observed()
		time.Sleep(fresh - time.Second)
		want(t, other, caller, nil, groups(0, 3))
		if got := s.observed(); got["answer shared"] != 1 || got["graph ok"] != 0 {
			t.Errorf("observed %v, want the other's answer", got)
		}
		time.Sleep(time.Second) // it is a second old here, and five minutes in all
		want(t, other, caller, nil, groups(0, 3))
		if got := s.observed(); got["graph ok"] != 1 {
			t.Errorf("observed %v, want a new answer", got)
		}
		synctest.Wait()
		if got, want := shared.kept(), []time.Duration{stale, stale}; !slices.Equal(got, want) {
			t.Errorf("kept for %v, want %v", got, want)
		}
	})
}

func TestWhileGraphIsDownAnOlderAnswerOfAnotherServes(t *testing.T) {
	in(t, func(t *testing.T, s *stage) {
		one, other := s.replicas(t, newShelf())
		caller := s.user(groups(0, 1)...)
		want(t, one, caller, nil, groups(0, 1))
		s.graphAnswers(down)
		time.Sleep(stale - 10*time.Second)
		want(t, other, caller, nil, groups(0, 1))
		if n := s.observed()["answer stale"]; n != 1 {
			t.Errorf("%d stale answers, want 1", n)
		}
		time.Sleep(10 * time.Second)
		got, _, err := ask(t, other, caller, nil, time.Hour)
		s.refused(t, got, err)
	})
}

func TestAnOlderAnswerOfAnotherServesNobodyWhoIsGone(t *testing.T) {
	in(t, func(t *testing.T, s *stage) {
		shared := newShelf()
		one, other := s.replicas(t, shared)
		caller := s.user(groups(0, 1)...)
		want(t, one, caller, nil, groups(0, 1))
		s.Remove(caller.ObjectID)
		time.Sleep(fresh)
		got, _, err := ask(t, one, caller, nil, time.Hour)
		s.refused(t, got, err)
		synctest.Wait()
		s.graphAnswers(down)
		for _, client := range []*graph.Client{one, other} {
			time.Sleep(3 * time.Second)
			got, _, err := ask(t, client, caller, nil, time.Hour)
			s.refused(t, got, err)
		}
	})
}

// What another process could read does not tell that this one can.
func TestASharedAnswerIsNoSignOfHealth(t *testing.T) {
	in(t, func(t *testing.T, s *stage) {
		one, other := s.replicas(t, newShelf())
		caller := s.user()
		want(t, one, caller, nil, []string{})
		synctest.Wait()
		s.graphAnswers(down)
		got, _, err := ask(t, other, s.user(), nil, time.Hour)
		s.refused(t, got, err)
		want(t, other, caller, nil, []string{})
		if other.Health() == nil {
			t.Error("healthy")
		}
	})
}

func TestSharedMemoryThatHangsCostsASecond(t *testing.T) {
	in(t, func(t *testing.T, s *stage) {
		shared := newShelf()
		shared.hangs = true
		client, _ := s.replicas(t, shared)
		got, took, err := ask(t, client, s.user(groups(0, 1)...), nil, time.Hour)
		if err != nil || len(got) != 1 || took != time.Second {
			t.Errorf("got %v, %v after %s", got, err, took)
		}
	})
}

// Whatever stands in shared memory, at worst it is a miss. An answer to another question is none to this.
func TestWhatIsNotOursInSharedMemoryIsAMiss(t *testing.T) {
	for name, alter := range map[string]func([]byte) []byte{
		"nothing":                 func([]byte) []byte { return nil },
		"another version":         func(doc []byte) []byte { return put(doc, 0, 2) },
		"another question's":      func(doc []byte) []byte { return put(doc, 5, doc[5]+1) },
		"cut short":               func(doc []byte) []byte { return doc[:len(doc)-1] },
		"without its end":         func(doc []byte) []byte { return doc[:40] },
		"one byte more":           func(doc []byte) []byte { return append(doc, 0) },
		"a part of a group":       func(doc []byte) []byte { return append(doc, 0xff) },
		"a group twice":           func(doc []byte) []byte { return append(doc, doc[len(doc)-16:]...) },
		"out of order":            func(doc []byte) []byte { return append(doc, make([]byte, 16)...) },
		"from a far future":       func(doc []byte) []byte { return put(doc, 33, 1) },
		"from before the numbers": func(doc []byte) []byte { return put(doc, 33, 0x80) },
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, s *stage) {
				shared := newShelf()
				one, other := s.replicas(t, shared)
				caller := s.user(groups(0, 3)...)
				want(t, one, caller, nil, groups(0, 3))
				synctest.Wait()
				shared.alter(alter)
				s.observed()
				want(t, other, caller, nil, groups(0, 3))
				if got := s.observed(); got["answer graph"] != 1 {
					t.Errorf("observed %v, want a question to Graph", got)
				}
			})
		})
	}
}

func put(doc []byte, at int, what byte) []byte {
	changed := bytes.Clone(doc)
	changed[at] = what
	return changed
}

// Clocks of replicas differ a little. An answer from the near future is fresh; it does not become fresher by that.
func TestClocksOfReplicasMayDiffer(t *testing.T) {
	in(t, func(t *testing.T, s *stage) {
		shared := newShelf()
		ahead := s.open(t, func(c *graph.Config) {
			c.Shared, c.Now = shared, func() time.Time { return time.Now().Add(30 * time.Second) }
		})
		far := s.open(t, func(c *graph.Config) {
			c.Shared, c.Now = shared, func() time.Time { return time.Now().Add(90 * time.Second) }
		})
		_, client := s.replicas(t, shared)
		caller, other := s.user(), s.user()
		want(t, ahead, caller, nil, []string{})
		want(t, far, other, nil, []string{})
		synctest.Wait()
		s.observed()
		want(t, client, caller, nil, []string{})
		want(t, client, other, nil, []string{})
		if got := s.observed(); got["answer shared"] != 1 || got["answer graph"] != 1 {
			t.Errorf("observed %v, want one of each", got)
		}
	})
}
