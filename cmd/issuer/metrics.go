package main

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hasura-issuer/hasura-issuer/issuer/api"
	"github.com/hasura-issuer/hasura-issuer/keys"
)

// metrics is what /metrics shows. Its labels have few values, whatever callers send.
type metrics struct {
	registry  *prometheus.Registry
	start     time.Time // of the process, as good as
	exchanges *prometheus.CounterVec
	durations *prometheus.HistogramVec
	ends      sync.Map                      // of ended by api.Outcome: to find a metric by its labels takes longer than to count
	fetches   map[string]prometheus.Counter // by relying party, all that there are
	stages    *prometheus.HistogramVec
	caches    caches
	traceOf   func(context.Context) string // the id of the trace that a request is in, where that is kept; nil: none are
}

// ended is where requests are counted that ended in one way.
type ended struct {
	total   prometheus.Counter
	seconds prometheus.Observer
	lately  *tally
}

// From what memory answers to what a request may take at most.
var (
	requestBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	stageBuckets   = []float64{.00001, .00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
)

// newMetrics counts for a service whose key set the parties fetch.
func newMetrics(parties []string) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(), start: time.Now(),
		exchanges: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "issuer_exchanges_total", Help: "Requests for a token, by how they ended.",
		}, []string{"door", "outcome", "reason"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "issuer_exchange_duration_seconds", Help: "How long requests for a token took, by how they ended.", Buckets: requestBuckets,
		}, []string{"door", "outcome"}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "issuer_exchange_stage_duration_seconds", Help: "How long the parts of an exchange took.", Buckets: stageBuckets,
		}, []string{"stage"}),
		fetches: map[string]prometheus.Counter{}, caches: caches{},
	}
	fetches := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "issuer_jwks_requests_total", Help: "Fetches of the key set that were answered, by relying party.",
	}, []string{"rp"})
	m.registry.MustRegister(m.exchanges, fetches, m.durations, m.stages, m.caches, buildInfo(thisBuild()), collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, party := range append([]string{api.PartyNone, api.PartyUnknown}, parties...) {
		m.fetches[party] = fetches.WithLabelValues(party) // shown from the start, so that a rate can be 0
	}
	return m
}

// replicaInfo shows what others call this process.
func replicaInfo(name string) prometheus.Collector {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "issuer_replica_info", Help: "1, with the name by which keys list and keys revoke know this replica.",
		ConstLabels: prometheus.Labels{"replica": name},
	})
	info.Set(1)
	return info
}

// handler answers a scrape.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
}

// Exchanged is api.Meter's.
func (m *metrics) Exchanged(ctx context.Context, o api.Outcome, took time.Duration) {
	end := m.endOf(o)
	end.total.Inc()
	end.lately.add()
	traceID := ""
	if m.traceOf != nil {
		traceID = m.traceOf(ctx)
	}
	observe(end.seconds, took, traceID)
}

// endOf is where requests are counted that ended so. The metrics of an end are shown from its first request on.
func (m *metrics) endOf(o api.Outcome) ended {
	if known, ok := m.ends.Load(o); ok {
		return known.(ended) //nolint:forcetypeassert // there is nothing else in it
	}
	first := ended{
		m.exchanges.WithLabelValues(o.Door, o.Result, o.Reason), m.durations.WithLabelValues(o.Door, o.Result), &tally{start: m.start},
	}
	known, _ := m.ends.LoadOrStore(o, first)
	return known.(ended) //nolint:forcetypeassert // likewise
}

// KeySetFetched is api.Meter's.
func (m *metrics) KeySetFetched(party string) { m.fetches[party].Inc() }

// ringCollector shows a ring as it is at each scrape.
type ringCollector struct{ ring *keys.Ring }

// ringGauges are read from the ring's status, all of one moment. Nothing is shown before a ring was loaded.
var ringGauges = []struct {
	desc  *prometheus.Desc
	value func(keys.Status) float64
}{
	{
		gauge("issuer_key_signing_generation", "Generation of the key that signs; 0 while none does."),
		func(s keys.Status) float64 { return float64(s.Generation) },
	},
	{
		gauge("issuer_key_hand_over_timestamp_seconds", "When the next key takes over; 0 while none is published."),
		func(s keys.Status) float64 { return timestamp(s.HandOver) },
	},
	{
		gauge("issuer_key_pending", "Keys that are published and sign later; a rotation leaves 2."),
		func(s keys.Status) float64 { return float64(s.Pending) },
	},
	{
		gauge("issuer_key_published", "Keys of the key set."),
		func(s keys.Status) float64 { return float64(s.Published) },
	},
	{
		gauge("issuer_key_ring_version", "Changes made to the ring that this replica holds."),
		func(s keys.Status) float64 { return float64(s.Version) },
	},
	{
		gauge("issuer_key_store_age_seconds", "Since this replica last saw the key store."),
		func(s keys.Status) float64 { return s.Age.Seconds() },
	},
	{
		gauge("issuer_key_store_age_limit_seconds", "At which this replica neither mints nor publishes any more."),
		func(s keys.Status) float64 { return s.Stale.Seconds() },
	},
	{
		gauge("issuer_key_store_clock_offset_seconds", "How far this machine's clock is off the key store's, beyond the round trip."),
		func(s keys.Status) float64 { return s.ClockOff.Seconds() },
	},
	{
		gauge("issuer_key_rotation_overdue_seconds", "How long a key has been missing; 0 while none is."),
		func(s keys.Status) float64 { return s.Overdue.Seconds() },
	},
	{
		gauge("issuer_key_store_disputed", "1 while this replica does not follow the key store, as after a restored backup."),
		func(s keys.Status) float64 { return flag(s.Disputed) },
	},
}

var (
	partyFetched    = gauge("issuer_relying_party_fetched_timestamp_seconds", "When a relying party last fetched the key set, from any replica; 0 for never.", "rp")
	partyGeneration = gauge("issuer_relying_party_generation", "The newest generation that a relying party holds.", "rp")
	partyLate       = gauge("issuer_relying_party_late", "1 for a relying party that should have fetched again, or has never fetched within the lead of this replica's start.", "rp")
)

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// Describe is prometheus.Collector's.
func (c ringCollector) Describe(to chan<- *prometheus.Desc) {
	for _, g := range ringGauges {
		to <- g.desc
	}
	for _, desc := range []*prometheus.Desc{partyFetched, partyGeneration, partyLate} {
		to <- desc
	}
}

// Collect is prometheus.Collector's.
func (c ringCollector) Collect(to chan<- prometheus.Metric) {
	status := c.ring.Status()
	if !status.Loaded {
		return
	}
	show := func(desc *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	for _, g := range ringGauges {
		show(g.desc, g.value(status))
	}
	for _, p := range status.Parties {
		show(partyFetched, timestamp(p.FetchedAt), p.Name)
		show(partyGeneration, float64(p.Generation), p.Name)
		show(partyLate, flag(p.Late), p.Name)
	}
}

// timestamp is t in seconds since 1970, or 0 for no time at all.
func timestamp(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func flag(set bool) float64 {
	if set {
		return 1
	}
	return 0
}
