package main

import (
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

// ago are counts by the minutes that they lie back.
func ago(counts map[int]int) []int {
	all := make([]int, adminapi.Minutes)
	for minutes, n := range counts {
		all[len(all)-1-minutes] = n
	}
	return all
}

func TestAnHourIsCountedByTheMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &tally{start: time.Now()}
		want := func(when string, counts map[int]int) {
			t.Helper()
			if diff := cmp.Diff(ago(counts), c.counts()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", when, diff)
			}
		}
		want("at the start", nil)
		c.add()
		c.add()
		want("two at once", map[int]int{0: 2})
		time.Sleep(time.Minute)
		c.add()
		want("a minute later", map[int]int{0: 1, 1: 2})
		time.Sleep(58 * time.Minute)
		want("near the end of the hour", map[int]int{58: 1, 59: 2})
		time.Sleep(time.Minute)
		want("after an hour", map[int]int{59: 1})
		c.add()
		want("where the first ones were", map[int]int{0: 1, 59: 1})
		time.Sleep(time.Hour)
		want("an hour without any", nil)
		time.Sleep(1000 * time.Hour)
		c.add()
		want("long after", map[int]int{0: 1})
	})
}

// TestWhoComesAnHourLateTakesNothingFromOthers: its slot is that of a later minute by then.
func TestWhoComesAnHourLateTakesNothingFromOthers(t *testing.T) {
	t.Parallel()
	c := &tally{start: time.Now()}
	slot, newer := &c.slots[c.minute()], (c.minute()+adminapi.Minutes)<<32|5
	slot.Store(newer)
	c.add()
	if got := slot.Load(); got != newer {
		t.Errorf("%#x, want %#x as before", got, newer)
	}
}

// TestTheFirstOfAnEndAreCountedTogether: whoever of them makes where they are counted.
func TestTheFirstOfAnEndAreCountedTogether(t *testing.T) {
	t.Parallel()
	m := newMetrics(nil)
	const many = 2
	for end := range 2000 {
		var running sync.WaitGroup
		var there atomic.Int32
		for range many {
			running.Go(func() {
				for there.Add(1); there.Load() < many; { // all at once, as a channel does not let them
					runtime.Gosched()
				}
				m.Exchanged(t.Context(), api.Outcome{Door: "token", Result: api.Refused, Reason: strconv.Itoa(end)}, time.Millisecond)
			})
		}
		running.Wait()
	}
	for _, end := range m.lately() {
		if end.Total != many {
			t.Fatalf("%s: %d of %d", end.Reason, end.Total, many)
		}
	}
}

// TestNoneIsLostWhereManyCount: the last of a minute and the first of the next meet in no slot.
func TestNoneIsLostWhereManyCount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &tally{start: time.Now()}
		const many, each = 16, 100
		for minute := range 2 {
			for range many {
				go func() {
					for range each {
						c.add()
					}
				}()
			}
			synctest.Wait()
			if got := c.counts()[adminapi.Minutes-1]; got != many*each {
				t.Errorf("minute %d: %d of %d", minute, got, many*each)
			}
			time.Sleep(time.Hour) // to the same slot
		}
	})
}

func TestTheLastHourTellsHowExchangesEndedAndWhatToDo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMetrics(nil)
		for o, n := range map[api.Outcome]int{
			{Door: "token", Result: api.Granted, Reason: api.ReasonNone}: 2, {Door: "webhook", Result: api.Refused, Reason: "no_roles"}: 3, {Door: "token", Result: api.Refused, Reason: "no_roles"}: 2,
		} {
			for range n {
				m.Exchanged(t.Context(), o, time.Millisecond)
			}
		}
		want := []adminapi.End{
			{Door: "webhook", Outcome: "refused", Reason: "no_roles", Cure: reasonCures["no_roles"], Total: 3, ByMinute: ago(map[int]int{0: 3})},
			{Door: "token", Outcome: "refused", Reason: "no_roles", Cure: reasonCures["no_roles"], Total: 2, ByMinute: ago(map[int]int{0: 2})},
			{Door: "token", Outcome: "granted", Reason: "none", Total: 2, ByMinute: ago(map[int]int{0: 2})},
		}
		if diff := cmp.Diff(want, m.lately()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		time.Sleep(time.Hour)
		if got := m.lately(); len(got) != 0 || got == nil {
			t.Errorf("an hour later: %v", got)
		}
	})
}
