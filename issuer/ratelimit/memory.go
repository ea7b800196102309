package ratelimit

import (
	"sync"
	"time"

	"github.com/hasura-issuer/hasura-issuer/bounded"
)

const (
	// maxBuckets bounds what strangers can make us remember, at about 10 MB. Who comes from more addresses than that is
	// not stopped by a limit on addresses.
	maxBuckets  = 1 << 16
	bucketBytes = 160 // the hash, the time and what the map and the list take for them
	turns       = 64  // so that cores seldom wait for each other
)

// memory holds the buckets of this process. A bucket is the time at which it is empty again; one that is forgotten was
// used longest ago of all.
type memory struct {
	since   func() time.Duration // a clock that never goes back
	turns   [turns]sync.Mutex    // one bucket is read and written in one turn
	buckets *bounded.Cache[time.Duration]
}

func newMemory(now func() time.Time) *memory {
	if now == nil {
		now = time.Now
	}
	start := now()
	return &memory{
		since:   func() time.Duration { return now().Sub(start) },
		buckets: bounded.New[time.Duration](maxBuckets, maxBuckets*bucketBytes),
	}
}

// count takes events, none or one, out of who's bucket and returns zero, or how long it takes until one would be there.
func (m *memory) count(rate Rate, who string, events int) time.Duration {
	id := bounded.KeyOf(who)
	defer m.turn(id)()
	now := m.since()
	empty := m.empty(id, now)
	if wait := rate.wait(empty, now, 0); wait > 0 {
		return wait
	}
	if events > 0 {
		m.buckets.Put(id, empty+rate.interval(), bucketBytes)
	}
	return 0
}

// look is count of none, after so many others.
func (m *memory) look(rate Rate, who string, ahead int) time.Duration {
	id := bounded.KeyOf(who)
	defer m.turn(id)()
	now := m.since()
	return rate.wait(m.empty(id, now), now, ahead)
}

// wait is how long it takes until one more event is there, after so many others, in a bucket that will be empty then; zero: none at all.
func (r Rate) wait(empty, now time.Duration, ahead int) time.Duration {
	wait := empty + time.Duration(min(ahead, r.Events)+1)*r.interval() - r.burst() - now
	return min(max(wait, 0), r.burst()) // more only if the bucket was larger, or the clock was set back
}

// note takes an event that Redis has allowed, although others may have taken the last one here since.
func (m *memory) note(rate Rate, who string) {
	id := bounded.KeyOf(who)
	defer m.turn(id)()
	m.buckets.Put(id, m.empty(id, m.since())+rate.interval(), bucketBytes)
}

// turn waits for the bucket and returns what hands it on.
func (m *memory) turn(id bounded.Key) func() {
	mu := &m.turns[int(id[1])%turns] // by another byte than the cache goes by
	mu.Lock()
	return mu.Unlock
}

// empty is when the bucket is empty, now at the earliest.
func (m *memory) empty(id bounded.Key, now time.Duration) time.Duration {
	empty, _ := m.buckets.Get(id)
	return max(empty, now)
}
