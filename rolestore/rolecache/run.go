package rolecache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

const (
	pollEvery = 5 * time.Second        // at most, to hear of changes that no notification told of
	pollPause = 100 * time.Millisecond // however often Run is woken
)

// Run asks the store whether it has changed, until ctx ends: at once whenever it is woken, and else three times in each
// TTL. A store that cannot be asked is reported once, and so is that it can be again. report must be quick.
func (c *Cache) Run(ctx context.Context, report func(error)) {
	for {
		every := min(pollEvery, c.config.TTL/3)
		if !c.poll(ctx, report) {
			every = min(every, rest) // a notification may have come to nothing
		}
		timer := time.NewTimer(every - rand.N(every/5+1)) //nolint:gosec // G404: spreads load, keeps no secret
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-c.wake:
			timer.Stop()
		case <-timer.C:
		}
		pause(ctx)
	}
}

// pause waits for a moment, or until ctx ends.
func pause(ctx context.Context) {
	timer := time.NewTimer(pollPause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// Wake has Run ask now. It returns at once; many calls together count as one.
func (c *Cache) Wake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// poll asks once, and tells whether there was an answer.
func (c *Cache) poll(ctx context.Context, report func(error)) bool {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	began := c.config.Now()
	revision, err := c.config.Store.Revision(ctx)
	if err == nil {
		c.known.observe(revision, began, c.config.Now())
		if !c.config.Untracked { // whose own tables were not asked
			c.failed.Store(nil)
			c.sick.Store(nil)
		}
	} else {
		err = fmt.Errorf("ask whether roles have changed: %w", err)
	}
	before := c.health.Swap(&err)
	if err != nil && ctx.Err() == nil && (before == nil || *before == nil) {
		report(err)
	}
	return err == nil
}

var errNotAsked = errors.New("the role store was not asked yet")

// Health returns nil while the store answers, as Run last saw it, and who asked about a caller.
func (c *Cache) Health() error {
	if sick := c.sick.Load(); sick != nil && c.config.Now().Sub(sick.at) < c.config.Stale {
		return sick.err
	}
	if health := c.health.Load(); health != nil {
		return *health
	}
	return fmt.Errorf("%w: %w", rolestore.ErrUnavailable, errNotAsked)
}
