package idp

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// fetchesAtOnce bounds how many tenants Refresh asks for at the same time.
const fetchesAtOnce = 8

// Run keeps every tenant's keys fresh until ctx ends: it fetches at once, then hourly, and after a failure sooner (one
// second later, then with longer pauses; at most a minute while a tenant has no good set). Each failure is handed to
// report, by one goroutine at a time. Call it once.
func (v *Verifier) Run(ctx context.Context, report func(error)) {
	var loops sync.WaitGroup
	var reporting sync.Mutex
	for _, tenant := range v.tenants {
		loops.Go(func() {
			tenant.Run(ctx, func(err error) {
				reporting.Lock()
				defer reporting.Unlock()
				report(err)
			})
		})
	}
	loops.Wait()
}

// Refresh fetches the documents and keys of every tenant once and waits for them, or for the end of ctx. The error
// joins what failed, in the order of the tenants' ids; it names tenants and addresses. The sets that came replace
// those held, whatever became of the others.
func (v *Verifier) Refresh(ctx context.Context) error {
	ids := v.tenantIDs()
	failures := make([]error, len(ids))
	var fetches errgroup.Group
	fetches.SetLimit(fetchesAtOnce)
	for i, id := range ids {
		fetches.Go(func() error {
			failures[i] = v.tenants[id].Fetch(ctx)
			return nil
		})
	}
	_ = fetches.Wait() // never fails: each failure has its place, so that none hides another
	return errors.Join(failures...)
}

// Health returns nil when the keys of every tenant are held and less than a day old. It looks only into memory. The
// error is ErrUnavailable and names the tenants.
func (v *Verifier) Health() error {
	var failures []error
	for _, id := range v.tenantIDs() {
		failures = append(failures, v.tenants[id].Health())
	}
	return errors.Join(failures...)
}

func (v *Verifier) tenantIDs() []string {
	return slices.Sorted(maps.Keys(v.tenants))
}
