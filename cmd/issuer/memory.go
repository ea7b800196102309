package main

import (
	"context"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"slices"
	"strings"
	"time"
)

const (
	spareHeap   = 96 << 20 // to which the heap may grow before garbage is collected, if what is in use is less
	mostPercent = 400      // of what is in use, however little that is
	leastGrowth = 50       // percent of what is in use, where that is more
	memoryTick  = 5 * time.Second
)

// gcPercent is how much garbage may be there, in percent of the bytes in use, before it is collected. Go's own default, 100,
// collects a small heap dozens of times a second under load, and lets a large one grow to twice what it holds.
func gcPercent(inUse uint64) int {
	if inUse == 0 {
		return mostPercent
	}
	room := (float64(spareHeap)/float64(inUse) - 1) * 100
	return int(min(mostPercent, max(leastGrowth, room)))
}

// memoryLoops are what paces the collector: nothing where GOGC is set, which goes before.
func memoryLoops(environ []string) []loop {
	if slices.ContainsFunc(environ, func(setting string) bool { return strings.HasPrefix(setting, "GOGC=") }) {
		return nil
	}
	pace := loop{"memory", "", paceMemory}
	return []loop{pace}
}

// paced is memoryLoops, and has the collector at their pace from now on: what a start leaves behind is not worth a collection.
func paced(environ []string) []loop {
	loops := memoryLoops(environ)
	if len(loops) > 0 {
		debug.SetGCPercent(mostPercent)
	}
	return loops
}

// paceMemory keeps the collector at that pace, once paced has set it, until ctx ends.
func paceMemory(ctx context.Context, _ func(error)) {
	sample := []runtimemetrics.Sample{{Name: "/gc/heap/live:bytes"}}
	inUse := func() uint64 {
		runtimemetrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	pace(ctx, inUse, func(percent int) { debug.SetGCPercent(percent) })
}

// pace sets another percentage whenever what is in use wants one that is a tenth away.
func pace(ctx context.Context, inUse func() uint64, setPercent func(int)) {
	tick := time.NewTicker(memoryTick)
	defer tick.Stop()
	set := mostPercent // as paced has left it
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		want := gcPercent(inUse())
		if change := want - set; change < -set/10 || change > set/10 { // each change stops the world for a moment
			setPercent(want)
			set = want
		}
	}
}
