package entrakeys_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp/internal/entrakeys"
)

// endless is a body that never ends, and counts what was read of it.
type endless struct{ read atomic.Int64 }

func (e *endless) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(e)}, nil
}

func (e *endless) Read(p []byte) (int, error) {
	if e.read.Add(int64(len(p))) > 16<<20 {
		return 0, errors.New("read far too much")
	}
	return len(p), nil
}

func TestABodyWithoutEndIsNotReadToIt(t *testing.T) {
	t.Parallel()
	authority, err := entrakeys.ParseAuthority(base)
	if err != nil {
		t.Fatal(err)
	}
	var body endless
	source := entrakeys.NewSource(authority.Tenant(tenant, ""), &http.Client{Transport: &body}, time.Now)
	if err := source.Fetch(t.Context()); err == nil || body.read.Load() > 1<<20 {
		t.Errorf("%d bytes were read, %v", body.read.Load(), err)
	}
}

// running starts Run and returns what it has reported so far, and a function that stops it and waits for its end.
func running(t *testing.T, source *entrakeys.Source) (reported *atomic.Int64, stop func()) {
	t.Helper()
	reported = new(atomic.Int64)
	ctx, cancel := context.WithCancel(t.Context())
	var loop sync.WaitGroup
	loop.Go(func() { source.Run(ctx, func(error) { reported.Add(1) }) })
	return reported, func() { cancel(); loop.Wait() }
}

func TestKeysAreFetchedAtOnceAndHourly(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	synctest.Test(t, func(t *testing.T) {
		source := newSource(t, e)
		reported, stop := running(t, source)
		synctest.Wait()
		if err := source.Health(); err != nil {
			t.Error(err)
		}
		time.Sleep(3*time.Hour + time.Minute)
		stop()
		if diff := cmp.Diff([]time.Duration{time.Hour, time.Hour, time.Hour}, e.pauses()); diff != "" || reported.Load() != 0 {
			t.Errorf("%d failures, pauses: %s", reported.Load(), diff)
		}
	})
}

func TestWithoutKeysItTriesAgainSoonAndThenEveryMinute(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	synctest.Test(t, func(t *testing.T) {
		source := newSource(t, e)
		e.answer(broken)
		reported, stop := running(t, source)
		time.Sleep(4 * time.Minute)
		s := time.Second
		want := []time.Duration{s, 2 * s, 4 * s, 8 * s, 16 * s, 32 * s, 60 * s, 60 * s}
		if diff := cmp.Diff(want, e.pauses()); diff != "" || reported.Load() != int64(len(want)+1) {
			t.Errorf("%d failures, pauses: %s", reported.Load(), diff)
		}
		e.answer(nil)
		time.Sleep(time.Minute)
		if err := source.Health(); err != nil {
			t.Error(err)
		}
		stop()
	})
}

func TestWithKeysThatCannotBeRenewedItTriesLessAndLessOften(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	synctest.Test(t, func(t *testing.T) {
		source := newSource(t, e)
		_, stop := running(t, source)
		synctest.Wait()
		e.answer(broken)
		time.Sleep(24*time.Hour - time.Second)
		if err := source.Health(); err != nil {
			t.Errorf("within a day: %v", err)
		}
		if n := e.requests(); n > 40 {
			t.Errorf("%d requests in a day of trouble", n)
		}
		time.Sleep(2 * time.Second)
		if err := source.Health(); !errors.Is(err, entrakeys.ErrUnavailable) {
			t.Errorf("after a day: %v, want ErrUnavailable", err)
		}
		stop()
	})
}

func TestAfterAGoodFetchItBeginsWithShortPausesAgain(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	synctest.Test(t, func(t *testing.T) {
		source := newSource(t, e)
		e.answer(broken)
		_, stop := running(t, source)
		time.Sleep(time.Minute) // six attempts, the seventh comes a second later
		e.answer(nil)
		time.Sleep(time.Minute)
		e.answer(broken)
		before := e.requests()
		time.Sleep(time.Hour)
		stop()
		want := []time.Duration{time.Hour, time.Second, 2 * time.Second, 4 * time.Second}
		if diff := cmp.Diff(want, e.pauses()[before-1:][:len(want)]); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAFetchEndsAfterFiveSecondsInAll(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	synctest.Test(t, func(t *testing.T) {
		source := newSource(t, e)
		e.answer(hanging)
		start := time.Now()
		if err := source.Fetch(t.Context()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want a deadline exceeded", err)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("it took %s, want 5s", took)
		}
	})
}

func TestOneFetchServesAllWhoWait(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	synctest.Test(t, func(t *testing.T) {
		source := newSource(t, e)
		e.answer(hanging)
		var callers sync.WaitGroup
		for i := range 100 {
			callers.Go(func() {
				time.Sleep(time.Duration(i) * 10 * time.Millisecond)
				if _, err := source.Learn(t.Context(), "any"); !errors.Is(err, entrakeys.ErrUnavailable) {
					t.Errorf("%v, want ErrUnavailable", err)
				}
			})
		}
		callers.Wait()
		if n := e.requests(); n != 1 {
			t.Errorf("%d requests, want 1", n)
		}
	})
}

func TestACallerMayLeaveAFetchThatGoesOn(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	synctest.Test(t, func(t *testing.T) {
		source := newSource(t, e)
		e.answer(hanging)
		hurried, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := source.Learn(hurried, "any")
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, entrakeys.ErrUnavailable) {
			t.Errorf("%v, want ErrUnavailable by the caller's deadline", err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("it took %s, want 1s", took)
		}
		if err := source.Fetch(t.Context()); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 5*time.Second {
			t.Errorf("the fetch ended after %s with %v", time.Since(start), err)
		}
	})
}

func TestLearningPausesThirtySecondsWhateverCameOfIt(t *testing.T) {
	t.Parallel()
	for name, trouble := range map[string]bool{"all is well": false, "all is down": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEntra(t)
			synctest.Test(t, func(t *testing.T) {
				source := newSource(t, e)
				if trouble {
					e.answer(broken)
				}
				for range 91 {
					set, err := source.Learn(t.Context(), "any")
					if (err != nil) != trouble || (set == nil) != trouble {
						t.Fatalf("%v, %v", set, err)
					}
					time.Sleep(time.Second)
				}
				want := []time.Duration{30 * time.Second, 30 * time.Second, 30 * time.Second}
				if diff := cmp.Diff(want, e.pauses()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}
