package ratelimit

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
)

// nameInfo sets this use of a key-encryption key apart from others (RFC 5869 §3.2).
const nameInfo = "hasura-issuer: name of a rate limit, version 1"

// Redis is what a limiter needs of a connection, which must see to it that a server that is ill costs little.
type Redis interface {
	redis.Scripter
	Del(ctx context.Context, keys ...string) *redis.IntCmd
}

// shared holds the buckets in Redis, whose clock goes for all.
type shared struct {
	kind    string
	nameKey func() ([32]byte, error)
	limiter *redis_rate.Limiter
}

func newShared(kind string, o Options) *shared {
	return &shared{kind: kind, nameKey: o.NameKey, limiter: redis_rate.NewLimiter(o.Redis)}
}

// count is memory's.
func (s *shared) count(ctx context.Context, rate Rate, who string, events int) (time.Duration, error) {
	name, err := s.nameOf(who)
	if err != nil {
		return 0, err
	}
	limit := redis_rate.Limit{Rate: rate.Events, Burst: rate.Events, Period: rate.Per}
	got, err := s.limiter.AllowN(ctx, name, limit, events)
	if err != nil {
		return 0, fmt.Errorf("count in Redis: %w", err)
	}
	refused, wait := got.Allowed < events, got.RetryAfter
	if events == 0 {
		refused, wait = got.Remaining < 1, got.ResetAfter+rate.interval()-rate.burst()
	}
	switch {
	case !refused:
		return 0, nil
	case !credible(rate, got.ResetAfter):
		return 0, errNotOurs
	}
	return within(rate, wait), nil
}

// errNotOurs is for a bucket that would refuse for longer than any that we have written. It may never drain.
var errNotOurs = errors.New("count in Redis: the bucket is fuller than it can be: somebody else wrote it, or the rate or Redis's clock was set")

// rounding is more than Redis's floating point adds to a bucket.
const rounding = time.Millisecond

// credible tells whether a bucket takes as long to drain as one of ours may. What is too long for a Duration is less than
// nothing here, or as long as can be.
func credible(rate Rate, drained time.Duration) bool {
	return drained >= 0 && drained <= rate.burst()+rounding
}

// within is a wait as it can be: none is no refusal, and somebody else may have written the bucket.
func within(rate Rate, wait time.Duration) time.Duration {
	return min(max(wait, time.Millisecond), rate.burst())
}

// nameOf returns the key in Redis, behind the prefix of redis_rate: the kind for operators, and a hash, since who is
// counted is no business of whoever can read there.
func (s *shared) nameOf(who string) (string, error) {
	sum := sha256.New()
	if s.nameKey != nil {
		key, err := s.nameKey()
		if err != nil {
			return "", fmt.Errorf("name a bucket: %w", err)
		}
		derived, err := hkdf.Key(sha256.New, key[:], nil, nameInfo, sha256.Size)
		if err != nil {
			return "", fmt.Errorf("name a bucket: %w", err)
		}
		sum = hmac.New(sha256.New, derived)
	}
	sum.Write([]byte(s.kind + "\x00" + who))
	return "issuer:" + s.kind + ":v1:" + base64.RawURLEncoding.EncodeToString(sum.Sum(nil)), nil
}
