package main

import "testing"

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
