package main

import (
	"context"
	"runtime/debug"
	"slices"
	"testing"
	"testing/synctest"
)

func TestGarbageIsCollectedByHowMuchIsInUse(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for name, c := range map[string]struct {
		inUse uint64
		want  int
	}{
		"nothing yet":                 {0, 400},
		"little, five times as much":  {4 * mib, 400},
		"as much as fits, five times": {96 * mib / 5, 400},
		"more, up to the same bound":  {32 * mib, 200},
		"near the bound":              {64 * mib, 50},
		"far above it, half as much":  {400 * mib, 50},
	} {
		if got := gcPercent(c.inUse); got != c.want && got != c.want-1 { // of a fraction
			t.Errorf("%s: %d %%, want %d", name, got, c.want)
		}
	}
}

func TestTheCollectorIsPacedByWhatIsInUseMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const mib = 1 << 20
		ctx, stop := context.WithCancel(t.Context())
		inUse := []uint64{8 * mib, 32 * mib, 33 * mib, 48 * mib, 8 * mib} // at each look
		var set []int
		pace(ctx, func() uint64 {
			now := inUse[0]
			if inUse = inUse[1:]; len(inUse) == 0 {
				stop()
			}
			return now
		}, func(percent int) { set = append(set, percent) })
		if want := []int{200, 100, 400}; !slices.Equal(set, want) { // 33 MiB would be 190, which is not worth it
			t.Errorf("%v percent, want %v", set, want)
		}
	})
}

func TestWhatGOGCSaysGoesBefore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		environ []string
		want    int
	}{
		{nil, 1},
		{[]string{"GOGCTRACE=1", "ISSUER_URL=GOGC=50"}, 1},
		{[]string{"ISSUER_URL=https://issuer.example", "GOGC=50"}, 0},
		{[]string{"GOGC=off"}, 0},
	} {
		if got := memoryLoops(c.environ); len(got) != c.want {
			t.Errorf("%v: %d loops pace the collector, want %d", c.environ, len(got), c.want)
		}
	}
}

// It is not parallel: the pace is the process's.
func TestTheCollectorIsPacedFromTheStart(t *testing.T) {
	const before = 123
	usual := debug.SetGCPercent(before)
	defer debug.SetGCPercent(usual)
	paced([]string{"GOGC=123"})
	if got := debug.SetGCPercent(before); got != before {
		t.Errorf("%d %%, though GOGC says otherwise", got)
	}
	paced(nil)
	if got := debug.SetGCPercent(before); got != mostPercent {
		t.Errorf("%d %%, want %d", got, mostPercent)
	}
}
