package weather

import (
	"strconv"
	"strings"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/proctest"
)

// footprint is what a process holds.
type footprint struct{ goroutines, files, memory float64 }

// What may be more than before: pools keep the connections that a storm has made, within their bounds.
const (
	moreGoroutines = 40
	moreFiles      = 30
	moreMemory     = 64 << 20
)

// footprint reads it from /metrics.
func (w *world) footprint(r *replica) footprint {
	w.Helper()
	status, body, err := w.get(w.Context(), r.Admin+"/metrics")
	if err != nil || status != 200 {
		w.Fatalf("/metrics: %d %v", status, err)
	}
	return footprint{
		w.metric(body, "go_goroutines"), w.metric(body, "process_open_fds"), w.metric(body, "process_resident_memory_bytes"),
	}
}

// metric is the value of a metric without labels.
func (w *world) metric(page []byte, name string) float64 {
	w.Helper()
	for line := range strings.Lines(string(page)) {
		if text, found := strings.CutPrefix(line, name+" "); found {
			value, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
			if err != nil {
				w.Fatal(err)
			}
			return value
		}
	}
	w.Fatalf("there is no metric %s", name)
	return 0
}

// awaitFootprint returns once the replica holds about as many goroutines and files as before.
func (w *world) awaitFootprint(after string, r *replica, before footprint) {
	w.Helper()
	proctest.Await(w, after+": goroutines and files come back to about where they were", func() bool {
		now := w.footprint(r)
		return now.goroutines <= before.goroutines+moreGoroutines && now.files <= before.files+moreFiles
	})
}

// checkMemory wants the replica to hold not much more than it did.
func (w *world) checkMemory(r *replica, before footprint) {
	w.Helper()
	now := w.footprint(r)
	w.Logf("%.0f goroutines, %.0f files, %.0f MiB; before: %.0f, %.0f, %.0f", now.goroutines, now.files, now.memory/(1<<20),
		before.goroutines, before.files, before.memory/(1<<20))
	if now.memory > 2*before.memory+moreMemory {
		w.Error("more memory is resident than that should come to")
	}
}
