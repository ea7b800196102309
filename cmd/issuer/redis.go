package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hasura-issuer/hasura-issuer/issuer/api"
	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/redisconn"
	"github.com/hasura-issuer/hasura-issuer/sharedcache"
)

// pingPause lies between two questions whether Redis is there, so that one that nobody uses just now is missed too.
const pingPause = time.Second

// redisOpener opens a connection to Redis, nil as redisconn.Open does.
type redisOpener func(url string, report func(error)) (*redisconn.Client, error)

func (o redisOpener) open(url string, report func(error)) (*redisconn.Client, error) {
	if o == nil {
		return redisconn.Open(url, report)
	}
	return o(url, report)
}

// openRedis opens the connection that the settings name, if any, and on it the memory that replicas share. It connects to
// nothing yet. Whatever becomes of Redis, the service goes on without it. sealer holds the keys that guard the memory.
func (svc *service) openRedis(sealer *keys.Sealer) error {
	url := svc.settings.RedisURL.reveal()
	if url == "" {
		return nil
	}
	client, err := svc.toRedis.open(url, svc.redisChanged)
	if err != nil {
		return usageError{fmt.Errorf("ISSUER_REDIS_URL: %w", err)}
	}
	svc.onClose(func() { _ = client.Close() })
	svc.redis = client
	if err := svc.tracing.Redis(client.UniversalClient); err != nil {
		return err
	}
	svc.loops = append(svc.loops, loop{"redis", "", func(ctx context.Context, _ func(error)) { keepAsking(ctx, client) }})
	svc.metrics.watchRedis(client)
	if sealer == nil {
		svc.log.Warn().Msg("replicas share no groups and roles by Redis, since without ISSUER_KEYS_ENCRYPTION_KEY whoever can write to it could grant any")
		return nil
	}
	svc.shared = svc.metrics.share(client, sealer)
	return nil
}

// redisChanged says that Redis is gone, or is back.
func (svc *service) redisChanged(err error) {
	if err != nil {
		svc.log.Warn().Err(err).Str("part", "redis").Msg("Redis is gone, the service goes on without it")
		return
	}
	svc.log.Info().Str("part", "redis").Msg("Redis is back")
}

// redisCheck is Redis as the health routes show it.
func (svc *service) redisCheck() api.Check {
	if svc.redis == nil {
		return api.Check{Name: "redis", Off: true}
	}
	return api.Check{Name: "redis", Health: svc.redis.Health}
}

// keepAsking asks whether Redis is there until ctx ends. The client itself tells what changed.
func keepAsking(ctx context.Context, client *redisconn.Client) {
	tick := time.NewTicker(pingPause)
	defer tick.Stop()
	for {
		_ = client.Ping(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// sharedMemory is one purpose of the cache that replicas share. The keys that guard it may have to be fetched first; until
// they are there it holds nothing and keeps nothing.
type sharedMemory struct {
	redis   sharedcache.Redis
	sealer  *keys.Sealer
	name    string
	observe func(purpose string, outcome sharedcache.Outcome)
	opened  atomic.Pointer[sharedcache.Purpose]
}

// Get is graph.Cache's.
func (m *sharedMemory) Get(ctx context.Context, key string) ([]byte, bool) {
	if p := m.purpose(); p != nil {
		return p.Get(ctx, key)
	}
	return nil, false
}

// Set is graph.Cache's.
func (m *sharedMemory) Set(ctx context.Context, key string, value []byte, ttl time.Duration) {
	if p := m.purpose(); p != nil {
		p.Set(ctx, key, value, ttl)
	}
}

// purpose returns the cache, nil while a key is missing.
func (m *sharedMemory) purpose() *sharedcache.Purpose {
	if p := m.opened.Load(); p != nil {
		return p
	}
	keks, err := m.sealer.Keys()
	if err != nil {
		return nil // the ring reports it
	}
	cache, err := sharedcache.New(m.redis, keks, sharedcache.Options{Observe: m.observe})
	if err != nil {
		return nil // there is at least one key
	}
	m.opened.Store(cache.For(m.name))
	return m.opened.Load()
}

// watchRedis shows whether Redis answers.
func (m *metrics) watchRedis(client *redisconn.Client) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "issuer_redis_up", Help: "1 while Redis answers.",
	}, func() float64 { return flag(client.Health() == nil) }))
}

// share returns who gives each purpose its shared memory, and counts how asking it goes.
func (m *metrics) share(client sharedcache.Redis, sealer *keys.Sealer) func(purpose string) *sharedMemory {
	asked := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "issuer_shared_cache_total", Help: "Questions to the cache in Redis, by how they went, and entries that could not be kept there.",
	}, []string{"purpose", "outcome"})
	m.registry.MustRegister(asked)
	observe := func(purpose string, outcome sharedcache.Outcome) {
		asked.WithLabelValues(purpose, string(outcome)).Inc()
	}
	return func(purpose string) *sharedMemory {
		for _, outcome := range []sharedcache.Outcome{
			sharedcache.Hit, sharedcache.Miss, sharedcache.Expired, sharedcache.Forged, sharedcache.Failed, sharedcache.Oversize,
		} {
			asked.WithLabelValues(purpose, string(outcome)) // shown from the start, so that a rate can be 0
		}
		return &sharedMemory{redis: client, sealer: sealer, name: purpose, observe: observe}
	}
}
