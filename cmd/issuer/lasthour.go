package main

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

// tally counts how often something happened in each of the last adminapi.Minutes minutes, of a process that began at its start. The
// minutes are the process's own, so that nobody who sets the machine's clock moves them. It is used concurrently.
type tally struct {
	start time.Time
	slots [adminapi.Minutes]atomic.Int64 // a minute, the first of which is 1, above 32 bits of its count
}

// minute is the one that runs.
func (t *tally) minute() int64 { return int64(time.Since(t.start)/time.Minute) + 1 }

// add counts once more. Who took more than an hour on the way here is not counted.
func (t *tally) add() {
	minute := t.minute()
	slot := &t.slots[minute%adminapi.Minutes]
	for {
		old, next := slot.Load(), minute<<32|1
		switch {
		case old>>32 > minute:
			return
		case old>>32 == minute:
			next = old + 1
		}
		if slot.CompareAndSwap(old, next) {
			return
		}
	}
}

// counts are those of each minute, that which runs last.
func (t *tally) counts() []int {
	counts, last := make([]int, adminapi.Minutes), t.minute()
	for i := range counts {
		ago := int64(len(counts) - 1 - i)
		if ago >= last {
			continue // before the process began
		}
		if v := t.slots[(last-ago)%adminapi.Minutes].Load(); v>>32 == last-ago {
			counts[i] = int(v & (1<<32 - 1))
		}
	}
	return counts
}

// lately is how exchanges ended in the last hour, the most frequent ends first.
func (m *metrics) lately() []adminapi.End {
	ends := []adminapi.End{}
	m.ends.Range(func(key, value any) bool {
		o, counts := key.(api.Outcome), value.(ended).lately.counts() //nolint:forcetypeassert // endOf puts in nothing else
		end := adminapi.End{Door: o.Door, Outcome: o.Result, Reason: o.Reason, Cure: reasonCures[o.Reason], ByMinute: counts}
		for _, n := range counts {
			end.Total += n
		}
		if end.Total > 0 {
			ends = append(ends, end)
		}
		return true
	})
	slices.SortFunc(ends, adminapi.End.Compare)
	return ends
}
