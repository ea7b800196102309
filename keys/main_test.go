package keys_test

import (
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
)

// start is when the tests' clocks begin, which have no monotonic part.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// policy is the default one.
var policy = keystest.Policy()

// clock is one that only moves when told to.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func (c *clock) advance(d time.Duration) { c.at = c.at.Add(d) }
