package keystest

import (
	"context"
	"sync"

	"github.com/hasura-issuer/hasura-issuer/keys"
)

// Flaky is a store with weather: it passes everything on to the one inside
// until told to fail. It may be used concurrently.
type Flaky struct {
	inside keys.Store

	mu      sync.Mutex
	load    error
	update  error
	lost    error
	updates int
}

// NewFlaky returns a store that does what inside does, so far.
func NewFlaky(inside keys.Store) *Flaky { return &Flaky{inside: inside} }

// FailLoads makes each Load fail with err, without a look at the store; nil ends it.
func (f *Flaky) FailLoads(err error) { f.set(func() { f.load = err }) }

// FailUpdates makes each Update fail with err, nothing being done; nil ends it.
func (f *Flaky) FailUpdates(err error) { f.set(func() { f.update = err }) }

// LoseAnswers makes each Update fail with err although it was done, as when a
// connection breaks on commit; nil ends it.
func (f *Flaky) LoseAnswers(err error) { f.set(func() { f.lost = err }) }

// Updates returns how often Update was called.
func (f *Flaky) Updates() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.updates
}

// Load is keys.Store's.
func (f *Flaky) Load(ctx context.Context) (keys.State, error) {
	f.mu.Lock()
	err := f.load
	f.mu.Unlock()
	if err != nil {
		return keys.State{}, err
	}
	return f.inside.Load(ctx)
}

// Update is keys.Store's.
func (f *Flaky) Update(ctx context.Context, decide func(keys.State) (keys.Change, error)) (keys.State, error) {
	f.mu.Lock()
	f.updates++
	before, after := f.update, f.lost
	f.mu.Unlock()
	if before != nil {
		return keys.State{}, before
	}
	s, err := f.inside.Update(ctx, decide)
	if err == nil && after != nil {
		return keys.State{}, after
	}
	return s, err
}

// Witness is keys.Store's. It fails with the updates.
func (f *Flaky) Witness(ctx context.Context, seen []keys.Witness) error {
	f.mu.Lock()
	err := f.update
	f.mu.Unlock()
	if err != nil {
		return err
	}
	return f.inside.Witness(ctx, seen)
}

func (f *Flaky) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}
