package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/issuer/ratelimit"
	"github.com/hasura-issuer/hasura-issuer/keys"
)

// limits are those of the settings, each with buckets of its own, so that strangers push no caller's out.
type limits struct {
	settings settings
	counters map[issuer.Limit]*ratelimit.Limiter
	refused  func(issuer.Limit)
}

// openLimits counts in Redis, if there is one, and in process. sealer holds the key that names in Redis go by; without it
// they are plain hashes.
func (svc *service) openLimits(sealer *keys.Sealer) *limits {
	refused, fellBack := svc.metrics.limits(svc.redis != nil)
	o := ratelimit.Options{FellBack: fellBack}
	if svc.redis != nil {
		o.Redis = svc.redis
	}
	if sealer != nil {
		o.NameKey = firstKey(sealer)
	}
	l := &limits{settings: svc.settings, counters: map[issuer.Limit]*ratelimit.Limiter{}, refused: refused}
	for _, limit := range issuer.Limits() {
		l.counters[limit] = ratelimit.New(string(limit), o)
	}
	return l
}

// firstKey returns the key-encryption key that seals, which may have to be fetched first.
func firstKey(sealer *keys.Sealer) func() ([32]byte, error) {
	return func() ([32]byte, error) {
		keks, err := sealer.Keys()
		if err != nil {
			return [32]byte{}, err
		}
		return keks[0], nil
	}
}

// Allow is issuer.Limiter's.
func (l *limits) Allow(ctx context.Context, use issuer.Use) time.Duration {
	rate := l.rate(use)
	if rate == (ratelimit.Rate{}) {
		return 0
	}
	who := use.Who
	if use.Name != "" {
		who = use.Name + " " + who
	}
	wait := l.ask(ctx, use, rate, who)
	if wait > 0 {
		l.refused(use.Limit)
	}
	return wait
}

func (l *limits) ask(ctx context.Context, use issuer.Use, rate ratelimit.Rate, who string) time.Duration {
	counter := l.counters[use.Limit]
	switch {
	case use.Quick:
		return counter.Glance(rate, who, use.Ahead)
	case use.Look:
		return counter.Look(ctx, rate, who)
	}
	return counter.Take(ctx, rate, who)
}

// rate is how often a use may be; none where nothing is set.
func (l *limits) rate(use issuer.Use) ratelimit.Rate {
	switch use.Limit {
	case issuer.LimitAddress:
		return l.settings.RateLimitIP.Rate
	case issuer.LimitFailures:
		return l.settings.RateLimitFailures.Rate
	case issuer.LimitCaller:
		return l.settings.RateLimitSubject.Rate
	case issuer.LimitRole:
		return l.settings.RateLimitRoles.of(use.Name)
	case issuer.LimitClient:
		return l.settings.RateLimitClients.of(use.Name)
	}
	return ratelimit.Rate{}
}

// limits counts what was done too often, and what Redis should have counted and could not.
func (m *metrics) limits(shared bool) (refused func(issuer.Limit), fellBack func()) {
	refusals := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "issuer_rate_limited_total", Help: "Requests for a token that were refused because they came too often, by limit.",
	}, []string{"limit"})
	m.registry.MustRegister(refusals)
	for _, limit := range issuer.Limits() {
		refusals.WithLabelValues(string(limit)) // shown from the start, so that a rate can be 0
	}
	fallbacks := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "issuer_rate_limit_fallback_total", Help: "Questions to a rate limit that this replica answered alone, because Redis could not be asked.",
	})
	if shared {
		m.registry.MustRegister(fallbacks)
	}
	return func(limit issuer.Limit) { refusals.WithLabelValues(string(limit)).Inc() }, fallbacks.Inc
}
