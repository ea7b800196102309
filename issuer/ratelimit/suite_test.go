package ratelimit_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hasura-issuer/hasura-issuer/issuer/ratelimit"
)

// tenAnHour is slow, so that no bucket drains by itself while a test runs.
var tenAnHour = ratelimit.Rate{Events: 10, Per: time.Hour}

const interval = 6 * time.Minute // of tenAnHour

// slack is more than a test takes and far less than an interval: Redis's clock does not stand still.
const slack = time.Minute

// store is a place where limiters count, whose time a test moves.
type store struct {
	open func(kind string) *ratelimit.Limiter // another replica
	pass func(time.Duration)
}

// take takes events and returns how many were allowed, and the wait that the last one got.
func take(ctx context.Context, l *ratelimit.Limiter, rate ratelimit.Rate, who string, events int) (allowed int, wait time.Duration) {
	for range events {
		if wait = l.Take(ctx, rate, who); wait == 0 {
			allowed++
		}
	}
	return allowed, wait
}

func wantAllowed(t *testing.T, l *ratelimit.Limiter, who string, events, want int) {
	t.Helper()
	if allowed, _ := take(t.Context(), l, tenAnHour, who, events); allowed != want {
		t.Errorf("%s: %d of %d were allowed, want %d", who, allowed, events, want)
	}
}

func wantWait(t *testing.T, got, want time.Duration) {
	t.Helper()
	if got > want || got < want-slack || got <= 0 {
		t.Errorf("the wait is %v, want %v", got, want)
	}
}

// suite is what every store keeps, wherever it counts.
var suite = map[string]func(*testing.T, store){
	"as many as the rate says are allowed at once, and then one each interval": func(t *testing.T, s store) {
		l := s.open("calls")
		allowed, wait := take(t.Context(), l, tenAnHour, "a", 13)
		if allowed != 10 {
			t.Errorf("%d were allowed at once", allowed)
		}
		wantWait(t, wait, interval)
		s.pass(interval)
		wantAllowed(t, l, "a", 3, 1)
		s.pass(3*interval + interval/2)
		wantAllowed(t, l, "a", 9, 3)
	},
	"a long rest fills the bucket, and no more than that": func(t *testing.T, s store) {
		l := s.open("calls")
		wantAllowed(t, l, "a", 12, 10)
		s.pass(100 * time.Hour)
		wantAllowed(t, l, "a", 12, 10)
	},
	"what is refused is not counted": func(t *testing.T, s store) {
		l := s.open("calls")
		wantAllowed(t, l, "a", 200, 10)
		s.pass(2 * interval)
		wantAllowed(t, l, "a", 4, 2)
	},
	"each has a bucket of their own, and each kind its own buckets": func(t *testing.T, s store) {
		l := s.open("calls")
		wantAllowed(t, l, "a", 11, 10)
		wantAllowed(t, l, "b", 11, 10)
		wantAllowed(t, s.open("failures"), "a", 11, 10)
	},
	"a look counts nothing and tells what taking would": func(t *testing.T, s store) {
		l := s.open("calls")
		for range 30 {
			if wait := l.Look(t.Context(), tenAnHour, "a"); wait != 0 {
				t.Fatalf("a look at a bucket that nobody used says %v", wait)
			}
		}
		wantAllowed(t, l, "a", 9, 9)
		if wait := l.Look(t.Context(), tenAnHour, "a"); wait != 0 {
			t.Errorf("with one left a look says %v", wait)
		}
		wantAllowed(t, l, "a", 1, 1)
		wantWait(t, l.Look(t.Context(), tenAnHour, "a"), interval)
		wantAllowed(t, l, "a", 1, 0)
		s.pass(interval)
		if wait := l.Look(t.Context(), tenAnHour, "a"); wait != 0 {
			t.Errorf("after the wait a look says %v", wait)
		}
		wantAllowed(t, l, "a", 2, 1)
	},
	"a rate of nothing is no limit": func(t *testing.T, s store) {
		l := s.open("calls")
		if allowed, _ := take(t.Context(), l, ratelimit.Rate{}, "a", 100); allowed != 100 {
			t.Errorf("%d of 100 were allowed", allowed)
		}
		wantAllowed(t, l, "a", 11, 10)
	},
	"nobody waits longer than a bucket takes to drain, also when it was larger": func(t *testing.T, s store) {
		l := s.open("calls")
		wantAllowed(t, l, "a", 10, 10)
		small := ratelimit.Rate{Events: 2, Per: time.Minute}
		for _, wait := range []time.Duration{l.Take(t.Context(), small, "a"), l.Look(t.Context(), small, "a")} {
			if wait <= 0 || wait > time.Minute {
				t.Errorf("the wait is %v", wait)
			}
		}
	},
	"of many at the same time no more are allowed than one after the other": func(t *testing.T, s store) {
		l := s.open("calls")
		rate := ratelimit.Rate{Events: 10000, Per: 10000 * time.Hour}
		var allowed atomic.Int32
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() {
				n, _ := take(t.Context(), l, rate, "a", 2000)
				allowed.Add(int32(n))
			})
		}
		callers.Wait()
		if allowed.Load() != 10000 {
			t.Errorf("%d were allowed", allowed.Load())
		}
	},
	"in no time more is allowed than the burst and what the time brings, and who waits as told is let in": func(t *testing.T, s store) {
		l, runs := s.open("calls"), 0
		rapid.Check(t, func(t *rapid.T) {
			runs++
			keepsTheRate(t, s, l, strconv.Itoa(runs))
		})
	},
}

// keepsTheRate does something at random times and holds what was allowed against every stretch of time.
func keepsTheRate(t *rapid.T, s store, l *ratelimit.Limiter, who string) {
	rate := ratelimit.Rate{Events: rapid.IntRange(1, 12).Draw(t, "events"), Per: time.Hour}
	var now time.Duration
	var times []time.Duration // of what was allowed
	for range rapid.IntRange(1, 15).Draw(t, "steps") {
		pause := time.Duration(rapid.IntRange(0, 60).Draw(t, "minutes")) * time.Minute
		s.pass(pause)
		now += pause
		for range rapid.IntRange(1, 8).Draw(t, "calls") {
			wait := l.Take(t.Context(), rate, who)
			if wait == 0 {
				times = append(times, now)
				continue
			}
			if rapid.Bool().Draw(t, "wait as told") {
				wait += time.Millisecond // Redis counts in floating point
				s.pass(wait)
				now += wait
				if again := l.Take(t.Context(), rate, who); again != 0 {
					t.Fatalf("after a wait of %v it is %v more", wait, again)
				}
				times = append(times, now)
			}
		}
	}
	for i := range times {
		for j := i; j < len(times); j++ {
			most := rate.Events + int((times[j]-times[i]+slack/10)*time.Duration(rate.Events)/rate.Per)
			if got := j - i + 1; got > most {
				t.Fatalf("%d events in %v, at most %d were allowed", got, times[j]-times[i], most)
			}
		}
	}
}

func run(t *testing.T, open func(t *testing.T) store) {
	t.Helper()
	for name, test := range suite {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}
