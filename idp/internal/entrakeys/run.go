package entrakeys

import (
	"context"
	"time"
)

const (
	refreshEvery   = time.Hour
	firstRetry     = time.Second
	maxRetryUnheld = time.Minute // while there are no keys, nobody can be let in
)

// Run fetches at once and then hourly until ctx ends, and hands each failure to report. After a failure it tries sooner:
// a second later, then twice as long each time, up to a minute while no good set is held and up to the hour while one is.
func (s *Source) Run(ctx context.Context, report func(error)) {
	retry := firstRetry
	for {
		pause := refreshEvery
		if err := s.Fetch(ctx); ctx.Err() != nil {
			return
		} else if err != nil {
			report(err)
			pause = retry
			retry = min(2*retry, s.maxRetry())
		} else {
			retry = firstRetry
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

func (s *Source) maxRetry() time.Duration {
	if s.Held() == nil {
		return maxRetryUnheld
	}
	return refreshEvery
}
