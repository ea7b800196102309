// Package keystore answers one question: where is the ring of signing keys kept? In memory, in a file, in Postgres: three
// stores that keep the same promises (keys.Store, keystest.TestStore). What may be done to a ring is for keys to say.
package keystore

import (
	"context"
	"sync"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
)

// Memory keeps a ring for the life of the process.
type Memory struct {
	now   func() time.Time
	mu    sync.Mutex
	state keys.State // Now is not kept
}

// NewMemory returns an empty store on the clock given.
func NewMemory(now func() time.Time) *Memory { return &Memory{now: now} }

// Load returns the state; it fails only when ctx has ended.
func (m *Memory) Load(ctx context.Context) (keys.State, error) {
	if err := ctx.Err(); err != nil {
		return keys.State{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.read(), nil
}

// Update is keys.Store's.
func (m *Memory) Update(ctx context.Context, decide func(keys.State) (keys.Change, error)) (keys.State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return keys.State{}, err
	}
	s := m.read()
	change, err := decide(s.Clone())
	if err != nil {
		return keys.State{}, err
	}
	next, err := s.Apply(change)
	if err != nil {
		return keys.State{}, err
	}
	m.state = next
	return next.Clone(), nil
}

// Witness is keys.Store's.
func (m *Memory) Witness(ctx context.Context, seen []keys.Witness) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state.Witnesses = keys.MergeWitnesses(m.state.Witnesses, seen, keys.StoreTime(m.now()))
	return nil
}

func (m *Memory) read() keys.State {
	s := m.state.Clone()
	s.Now = keys.StoreTime(m.now())
	return s
}
