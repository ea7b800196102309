package main

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/playground"
	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

// devClock is the keys' clock in dev, which can be set forward.
type devClock struct{ ahead atomic.Int64 }

func (c *devClock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// devRing is the ring as the playground sees and moves it.
type devRing struct {
	clock  *devClock
	store  *keystore.Memory
	policy keys.Policy
	sync   func(ctx context.Context) error // has the running ring look at the store
}

func newDevRing(policy keys.Policy) *devRing {
	clock := &devClock{}
	return &devRing{clock: clock, store: keystore.NewMemory(clock.now), policy: policy}
}

// State is playground.Ring's.
func (r *devRing) State(ctx context.Context) (playground.RingState, error) {
	state, err := r.store.Load(ctx)
	if err != nil {
		return playground.RingState{}, err
	}
	return playground.RingState{
		Now: state.Now.UTC().Truncate(time.Millisecond), Ahead: time.Duration(r.clock.ahead.Load()).Seconds(), Lead: r.policy.Lead.Seconds(),
		Hold: r.policy.Hold().Seconds(), Period: r.policy.Period.Seconds(), Keys: keys.List(state, state.Now),
	}, nil
}

// Rotate is playground.Ring's.
func (r *devRing) Rotate(ctx context.Context, force bool) error {
	if _, err := keys.HandOver(ctx, r.store, nil, r.policy, force); err != nil {
		return err
	}
	return r.sync(ctx)
}

// Pass is playground.Ring's. It goes in steps after which the ring looks at the store, as it does in a life without leaps:
// one that did not for too long would not sign.
func (r *devRing) Pass(ctx context.Context, d time.Duration) error {
	most := r.policy.Stale() / 2
	for d > 0 {
		step := min(d, most)
		r.clock.ahead.Add(int64(step))
		if err := r.sync(ctx); err != nil {
			return err
		}
		d -= step
	}
	return nil
}
