// Package sharedcache answers one question: what did another replica find out?
// It keeps values in Redis for a while, sealed, so that nobody but us can have
// written what comes out of it, nor read what is in it. What the values mean is
// known to its users alone.
package sharedcache

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// MaxValue is how many bytes a value may have: four times the group ids a
	// token of Entra's can stand for, and little enough for a command.
	MaxValue = 256 << 10
	// MaxTTL is how long a value is kept at most, whatever its writer wants:
	// until then, whoever can write to Redis can bring back what was true once.
	MaxTTL = 24 * time.Hour
)

// Redis is what a cache needs of a connection, which must see to it that a
// server that is ill costs little.
type Redis interface {
	GetRange(ctx context.Context, key string, start, end int64) *redis.StringCmd
	Set(ctx context.Context, key string, value any, ttl time.Duration) *redis.StatusCmd
}

// Outcome is how asking the cache went. Its text is fit for a metric.
type Outcome string

// The outcomes of Get, the last two also those of a Set that kept nothing.
const (
	Hit      Outcome = "hit"
	Miss     Outcome = "miss"
	Expired  Outcome = "expired"  // its own time is over: the clocks of Redis and ours differ, or it was kept on purpose
	Forged   Outcome = "forged"   // written or altered by somebody without the key, or by us for another key
	Failed   Outcome = "failed"   // Redis could not be asked
	Oversize Outcome = "oversize" // more than MaxValue
)

// Options are what a cache can do without.
type Options struct {
	// Observe is told how each Get went, and each Set that kept nothing. It may
	// be called concurrently and must return at once.
	Observe func(purpose string, outcome Outcome)
	// Now is the clock, by default time.Now. Entries carry the time of the writer's.
	Now func() time.Time
}

// Cache holds the connection and the keys. It is immutable, may be used
// concurrently, and shows neither in print. Whoever made the connection closes it.
type Cache struct {
	redis   Redis
	sealers []*sealer // the first one writes
	observe func(purpose string, outcome Outcome)
	now     func() time.Time
}

// New returns a cache that writes with the first key-encryption key and reads
// with any of them, so that one can be exchanged for another: a miss asks Redis
// once for each. It wants at least one key, and does no I/O.
func New(r Redis, keyEncryptionKeys [][32]byte, o Options) (*Cache, error) {
	if len(keyEncryptionKeys) == 0 {
		return nil, errors.New("a shared cache needs a key-encryption key: without one, whoever can write to Redis could write what we believe")
	}
	c := &Cache{redis: r, observe: o.Observe, now: o.Now}
	if c.observe == nil {
		c.observe = func(string, Outcome) {}
	}
	if c.now == nil {
		c.now = time.Now
	}
	for _, key := range keyEncryptionKeys {
		s, err := newSealer(key)
		if err != nil {
			return nil, fmt.Errorf("derive the keys of the shared cache: %w", err)
		}
		c.sealers = append(c.sealers, s)
	}
	return c, nil
}

// Purpose is the part of a cache that one of its users has. It is immutable and
// may be used concurrently.
type Purpose struct {
	cache *Cache
	name  string
}

// For returns the part of the cache for a purpose, a word of lower-case letters
// like "groups". The same key of another purpose is another key.
func (c *Cache) For(purpose string) *Purpose { return &Purpose{cache: c, name: purpose} }

// Get returns the value that was set for a key, by any replica, and whether there
// is one. That Redis is down, or holds something that is not ours, is a miss.
func (p *Purpose) Get(ctx context.Context, key string) (value []byte, ok bool) {
	value, outcome := p.get(ctx, key)
	p.cache.observe(p.name, outcome)
	return value, outcome == Hit
}

func (p *Purpose) get(ctx context.Context, key string) ([]byte, Outcome) {
	for _, s := range p.cache.sealers {
		// Not GET: what is there may be far larger than anything of ours. The
		// range is one byte longer than an entry can be.
		entry, err := p.cache.redis.GetRange(ctx, s.nameOf(p.name, key), 0, maxEntry).Bytes()
		switch {
		case redis.HasErrorPrefix(err, "WRONGTYPE"):
			return nil, Forged // a list or the like is not of our making
		case err != nil:
			return nil, Failed
		case len(entry) > maxEntry:
			return nil, Oversize
		case len(entry) > 0: // Redis does not tell an empty string from none
			return s.open(p.name, key, entry, p.cache.now())
		}
	}
	return nil, Miss
}

// Set keeps a value for a key, at most for MaxTTL. That this did not work is
// told to Options.Observe alone. Nothing is kept for a ttl of zero or less.
func (p *Purpose) Set(ctx context.Context, key string, value []byte, ttl time.Duration) {
	if ttl <= 0 {
		return
	}
	if len(value) > MaxValue {
		p.cache.observe(p.name, Oversize)
		return
	}
	ttl = min(ttl, MaxTTL)
	s := p.cache.sealers[0]
	entry := s.seal(p.name, key, value, p.cache.now().Add(ttl))
	if err := p.cache.redis.Set(ctx, s.nameOf(p.name, key), entry, ttl).Err(); err != nil {
		p.cache.observe(p.name, Failed)
	}
}
