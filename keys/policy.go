package keys

import (
	"errors"
	"fmt"
	"time"
)

// Bounds of a Policy. The key set's max-age is bounded by what Hasura v2 makes
// of it: it polls by it, and never asks again for a key it does not know.
const (
	maxPeriod = 90 * 24 * time.Hour
	minTTL    = time.Minute
	maxTTL    = time.Hour
	minMaxAge = time.Minute
	maxMaxAge = 5 * time.Minute
)

// Policy is what one process wants of the ring.
type Policy struct {
	Period time.Duration // P: how long each key signs
	TTL    time.Duration // longest life of a token
	MaxAge time.Duration // MA: max-age of the key set
	CDNTTL time.Duration // CD: how long a cache in front of the key set keeps it
	Lead   time.Duration // LEAD: shortest time between publication and first signature
	Alg    Alg           // of keys made from now on
}

// MinLead returns the shortest lead that max-age and the cache in front allow:
// each engine has then fetched the new key, and had one more try.
func (p Policy) MinLead() time.Duration { return minLead(p.MaxAge, p.CDNTTL) }

func minLead(maxAge, cdn time.Duration) time.Duration {
	return 2*maxAge + cdn + Skew + time.Minute
}

// Stale returns L: how long a replica goes on without seeing the store, where
// nobody has promised more than this policy does. Whatever key was inserted
// meanwhile does not sign before every engine has asked a replica that knows.
func (p Policy) Stale() time.Duration { return p.Lead - p.MaxAge - p.CDNTTL - Skew }

// Hold returns HOLD: how long a succeeded key stays published, where nobody has
// promised more than this policy does.
func (p Policy) Hold() time.Duration { return Promise{TTL: p.TTL, Stale: p.Stale()}.Hold() }

// Validate returns all faults of the policy, joined (errors.Join), each one a
// sentence with its numbers; nil when there is none.
func (p Policy) Validate() error {
	faults := []error{
		within("the token lifetime", p.TTL, minTTL, maxTTL),
		within("the max-age of the key set", p.MaxAge, minMaxAge, maxMaxAge),
		check(0 <= p.CDNTTL && p.CDNTTL <= maxPeriod, "the cache in front of the key set cannot keep it for %v", p.CDNTTL),
		check(p.Lead >= p.MinLead(), "the lead %v is too short: twice the max-age %v, the cache in front %v, %v of clock skew and %v to spare want %v",
			p.Lead, p.MaxAge, p.CDNTTL, Skew, time.Minute, p.MinLead()),
		check(p.Period <= maxPeriod, "the rotation period %v is longer than %v", p.Period, maxPeriod),
		check(p.Period >= p.Lead, "the rotation period %v is shorter than the lead %v", p.Period, p.Lead),
		check(2*p.Period >= p.Hold(), "the rotation period %v is shorter than half of %v, the time a key stays published once another has taken over",
			p.Period, p.Hold()),
		check(p.Alg == ES256 || p.Alg == RS256 || p.Alg == EdDSA, "the algorithm %q is none of ES256, RS256 and EdDSA", p.Alg),
	}
	return errors.Join(faults...)
}

func within(what string, d, low, high time.Duration) error {
	return check(low <= d && d <= high, "%s %v is not between %v and %v", what, d, low, high)
}

func check(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// terms is what a policy comes to beside the promises that bind already.
type terms struct {
	lead    time.Duration // of a key inserted now
	stale   time.Duration // L of a replica with this policy
	promise Promise       // what it has to promise before it uses a key
	floor   int64         // new keys have generations above this one
}

// beside works the terms out. Every settings change is safe in this way: where
// others have promised more, their figures count until their keys are gone.
//
// A replica may be stale for as long as it has promised to be, because a key
// inserted after that promise waits for it. So a policy whose lead is too short
// for what others promised is stretched, not refused.
func (p Policy) beside(promised Promise) terms {
	maxAge, cdn := max(p.MaxAge, promised.MaxAge), max(p.CDNTTL, promised.CDNTTL)
	cached := maxAge + cdn + Skew
	lead := max(p.Lead, minLead(maxAge, cdn))
	stale := lead - cached
	return terms{
		lead:    max(lead, promised.Stale+cached),
		stale:   stale,
		promise: Promise{TTL: seconds(p.TTL), MaxAge: seconds(p.MaxAge), CDNTTL: seconds(p.CDNTTL), Stale: seconds(stale)},
	}
}

// seconds rounds up to what a store keeps.
func seconds(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}
