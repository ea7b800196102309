package idp

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"
)

// fetchesAtOnce bounds how many key sets Refresh asks for at the same time.
const fetchesAtOnce = 8

// Run keeps the keys of every tenant and issuer fresh until ctx ends: it fetches at once, then hourly, and after a failure sooner (one
// second later, then with longer pauses; at most a minute while there is no good set). Each failure is handed to
// report, by one goroutine at a time. Call it once.
func (v *Verifier) Run(ctx context.Context, report func(error)) {
	var loops sync.WaitGroup
	var reporting sync.Mutex
	for _, source := range v.sources.all {
		loops.Go(func() {
			source.Run(ctx, func(err error) {
				reporting.Lock()
				defer reporting.Unlock()
				report(err)
			})
		})
	}
	loops.Wait()
}

// Refresh fetches the documents and keys of every tenant and issuer once and waits for them, or for the end of ctx. The
// error joins what failed, in the order of the configuration; it names tenants and addresses. The sets that came replace
// those held, whatever became of the others.
func (v *Verifier) Refresh(ctx context.Context) error {
	failures := make([]error, len(v.sources.all))
	var fetches errgroup.Group
	fetches.SetLimit(fetchesAtOnce)
	for i, source := range v.sources.all {
		fetches.Go(func() error {
			failures[i] = source.Fetch(ctx)
			return nil
		})
	}
	_ = fetches.Wait() // never fails: each failure has its place, so that none hides another
	return errors.Join(failures...)
}

// Health returns nil when the keys of every tenant and issuer are held and less than a day old. It looks only into memory. The
// error is ErrUnavailable and names those that lack.
func (v *Verifier) Health() error {
	var failures []error
	for _, source := range v.sources.all {
		failures = append(failures, source.Health())
	}
	return errors.Join(failures...)
}
