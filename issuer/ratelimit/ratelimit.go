// Package ratelimit answers: too often? It counts in Redis where there is one, so that replicas count together, and in
// process where there is none or it cannot be asked: it never waits for Redis to come back, and never refuses for want of
// it. Who is counted, and what for, is known to its users alone.
package ratelimit

import (
	"context"
	"time"
)

// Rate is how often something may happen: so many times at once, and again as time passes, evenly (GCRA: the generic cell
// rate algorithm). In any time t that is never more than Events + Events × t ÷ Per.
type Rate struct {
	Events int           // 0: as often as one likes
	Per    time.Duration // of Events
}

// interval is the time that one event takes from its bucket, rounded up, so that never more happens than the rate says.
func (r Rate) interval() time.Duration {
	events := time.Duration(r.Events)
	return (r.Per + events - 1) / events
}

// burst is the time that a bucket holds.
func (r Rate) burst() time.Duration { return r.interval() * time.Duration(r.Events) }

// Options are what a limiter can do without.
type Options struct {
	// Redis is where replicas count together; nil: each counts for itself.
	Redis Redis
	// NameKey is asked for the key-encryption key by which names in Redis tell nobody who is counted. An error means that
	// it is not there yet, and nothing is counted in Redis. Nil: names are plain hashes, which do not hide an address from
	// somebody who tries them all.
	NameKey func() ([32]byte, error)
	// FellBack is told each time that Redis should have been asked and could not be. It may be called concurrently and
	// must return at once.
	FellBack func()
	// Now is the clock of what is counted in process, by default time.Now.
	Now func() time.Time
}

// Limiter counts one kind of thing. It may be used concurrently.
type Limiter struct {
	memory   *memory
	shared   *shared // nil: there is no Redis
	fellBack func()
}

// New returns a limiter for a kind of thing, a word of lower-case letters like "address", by which replicas know their
// common buckets. It does no I/O.
func New(kind string, o Options) *Limiter {
	l := &Limiter{memory: newMemory(o.Now), fellBack: o.FellBack}
	if o.Redis != nil {
		l.shared = newShared(kind, o)
	}
	if l.fellBack == nil {
		l.fellBack = func() {}
	}
	return l
}

// Take counts one event of who's. It returns zero, or else how long it takes until the event would be allowed: then it
// is not counted.
func (l *Limiter) Take(ctx context.Context, rate Rate, who string) time.Duration {
	return l.count(ctx, rate, who, 1)
}

// Look returns what Take would, and counts nothing.
func (l *Limiter) Look(ctx context.Context, rate Rate, who string) time.Duration {
	return l.count(ctx, rate, who, 0)
}

// Glance returns what Look would where this process knows it by itself and that many others had been counted first, and zero where it
// would have to ask. It does no I/O.
func (l *Limiter) Glance(rate Rate, who string, ahead int) time.Duration {
	if rate.Events < 1 {
		return 0
	}
	return l.memory.look(rate, who, ahead)
}

// count asks the memory first. It knows what this process let through, which is part of what all have: what is too much
// here is too much everywhere, so a flood costs Redis nothing, and does not begin anew when Redis goes.
func (l *Limiter) count(ctx context.Context, rate Rate, who string, events int) time.Duration {
	if rate.Events < 1 {
		return 0
	}
	if l.shared == nil {
		return l.memory.count(rate, who, events)
	}
	if wait := l.memory.count(rate, who, 0); wait > 0 {
		return wait
	}
	wait, err := l.shared.count(ctx, rate, who, events)
	if err != nil {
		l.fellBack()
		return l.memory.count(rate, who, events)
	}
	if wait == 0 && events > 0 {
		l.memory.note(rate, who)
	}
	return wait
}
