package keys

import (
	"context"
	"sync"
	"time"
)

// MemoryStore keeps a ring for the life of the process.
type MemoryStore struct {
	now   func() time.Time
	mu    sync.Mutex
	state State // Now is not kept
}

// NewMemoryStore returns an empty store on the clock given.
func NewMemoryStore(now func() time.Time) *MemoryStore {
	return &MemoryStore{now: now}
}

// Load returns the state; it fails only when ctx has ended.
func (m *MemoryStore) Load(ctx context.Context) (State, error) {
	if err := ctx.Err(); err != nil {
		return State{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.read(), nil
}

// Update is Store's.
func (m *MemoryStore) Update(ctx context.Context, decide func(State) (Change, error)) (State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return State{}, err
	}
	s := m.read()
	change, err := decide(s.clone())
	if err != nil {
		return State{}, err
	}
	next, err := s.apply(change)
	if err != nil {
		return State{}, err
	}
	m.state = next
	return next.clone(), nil
}

func (m *MemoryStore) read() State {
	s := m.state.clone()
	s.Now = storeTime(m.now())
	return s
}
