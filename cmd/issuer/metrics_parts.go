package main

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hasura-issuer/hasura-issuer/issuer/api"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolecache"
)

// buildInfo shows what this binary was made from.
func buildInfo(b build) prometheus.Collector {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "issuer_build_info", Help: "1, with what this binary was made from.",
		ConstLabels: prometheus.Labels{"version": b.Version, "commit": b.Commit, "go_version": b.Go},
	})
	info.Set(1)
	return info
}

// dependencyUp is read from the health checks at each scrape.
var dependencyUp = gauge("issuer_dependency_up", "1 while what this service depends on works, as /readyz?full tells it.", "dependency")

// dependencies are the checks of what others run, by the names that metrics have for them.
type dependencies map[string]func() error

// Describe is prometheus.Collector's.
func (dependencies) Describe(to chan<- *prometheus.Desc) { to <- dependencyUp }

// Collect is prometheus.Collector's.
func (d dependencies) Collect(to chan<- prometheus.Metric) {
	for name, health := range d {
		to <- prometheus.MustNewConstMetric(dependencyUp, prometheus.GaugeValue, flag(health() == nil), name)
	}
}

// dependencies are those of the checks that are not about what is ours, which lives in Postgres or in files.
func (svc *service) dependencies(checks []api.Check) dependencies {
	d := dependencies{}
	for _, check := range checks {
		switch {
		case check.Off, check.Name == "keys", check.Name == "roles":
		default:
			d[check.Name] = check.Health
		}
	}
	if svc.settings.DatabaseURL.reveal() != "" {
		d["postgres"] = svc.postgresHealth
	}
	return d
}

// postgresHealth is why the parts that keep something there could not ask Postgres; nil where they can, however ill they are.
func (svc *service) postgresHealth() error {
	if _, ok := svc.roles.(*rolecache.Cache); ok {
		if err := svc.roles.Health(); unanswered(err) {
			return err
		}
	}
	if svc.settings.KeysFile == "" {
		if err := svc.ring.Health(); unanswered(err) {
			return err
		}
	}
	return nil
}

// unanswered tells whether an error of who asks Postgres means that there was no answer, or none but that it cannot serve
// now (SQLSTATE classes 08, 53, 57 and 58).
func unanswered(err error) bool {
	if said, ok := errors.AsType[*pgconn.PgError](err); ok {
		return slices.Contains([]string{"08", "53", "57", "58"}, said.Code[:min(2, len(said.Code))])
	}
	_, network := errors.AsType[net.Error](err)
	_, unconnected := errors.AsType[*pgconn.ConnectError](err)
	return network || unconnected || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

var (
	cacheRequests = prometheus.NewDesc("issuer_cache_requests_total", "Questions to a memory of this process, by whether its answer did.", []string{"cache", "result"}, nil)
	cacheEntries  = gauge("issuer_cache_entries", "What a memory of this process holds now.", "cache")
)

// cacheState is how often a memory was of use and how often it was not, and how much it holds.
type cacheState struct {
	hits, misses uint64
	entries      int
}

// caches are the memories of this process, by name.
type caches map[string]func() cacheState

// Describe is prometheus.Collector's.
func (caches) Describe(to chan<- *prometheus.Desc) { to <- cacheRequests; to <- cacheEntries }

// Collect is prometheus.Collector's.
func (c caches) Collect(to chan<- prometheus.Metric) {
	for name, state := range c {
		s := state()
		to <- prometheus.MustNewConstMetric(cacheRequests, prometheus.CounterValue, float64(s.hits), name, "hit")
		to <- prometheus.MustNewConstMetric(cacheRequests, prometheus.CounterValue, float64(s.misses), name, "miss")
		to <- prometheus.MustNewConstMetric(cacheEntries, prometheus.GaugeValue, float64(s.entries), name)
	}
}

// uses counts how often a memory was of use.
type uses struct{ hits, misses atomic.Uint64 }

func (u *uses) count(hit bool) {
	if hit {
		u.hits.Add(1)
	} else {
		u.misses.Add(1)
	}
}

// state completes the counts.
func (u *uses) state(entries func() int) func() cacheState {
	return func() cacheState { return cacheState{u.hits.Load(), u.misses.Load(), entries()} }
}
