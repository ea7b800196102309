package weather

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/proctest"
)

// scene is two replicas under load, in fair weather.
type scene struct {
	*load
	before []footprint
}

func newScene(t *testing.T, more ...string) *scene {
	t.Helper()
	w := newWorld(t, more...)
	replicas := []*replica{proctest.Serve(t, w.settings), proctest.Serve(t, w.settings)}
	for _, r := range replicas {
		w.awaitFair(r)
	}
	s := &scene{load: w.load(replicas...)}
	s.lap()
	s.lap()
	for _, r := range replicas {
		s.before = append(s.before, w.footprint(r))
	}
	return s
}

// befall has a fault begin, show and end, and all be well again.
func (s *scene) befall(f fault) {
	s.Helper()
	s.under(f, func() {})
}

// under is befall with something to be done while the fault lasts.
func (s *scene) under(f fault, do func()) {
	s.Helper()
	s.allow(f.reasons...)
	before := map[string]int{}
	for _, reason := range f.reasons {
		before[reason] = s.count(reason)
	}
	began := time.Now()
	f.begin(s.world)
	do()
	switch {
	case f.shows:
		proctest.Await(s, f.name+": it shows", func() bool {
			return slices.ContainsFunc(f.reasons, func(reason string) bool { return s.count(reason) > before[reason] })
		})
	case !f.ill:
		s.lap()
	}
	if f.ill {
		s.awaitIll(f.name)
	}
	if f.while != nil {
		f.while(s)
	}
	ended := time.Now()
	f.end(s.world)
	for i, r := range s.replicas {
		s.awaitFair(r)
		s.awaitFootprint(f.name, r, s.before[i])
	}
	s.allow()
	s.lap()
	s.Logf("%s: it took %.1f s to show, and %.1f s to be over", f.name, ended.Sub(began).Seconds(), time.Since(ended).Seconds())
	if s.Failed() {
		s.Fatalf("%s: the faults above", f.name)
	}
}

// awaitIll returns once /readyz?full of some replica says that a part fails.
func (s *scene) awaitIll(what string) {
	s.Helper()
	proctest.Await(s, what+": /readyz?full tells", func() bool {
		return slices.ContainsFunc(s.replicas, func(r *replica) bool {
			status, _, err := s.get(s.Context(), r.Base+"/readyz?full")
			return err == nil && status == http.StatusServiceUnavailable
		})
	})
}

// awaitFair returns once every part of the replica is well and every caller hears at every door what is right for them.
func (w *world) awaitFair(r *replica) {
	w.Helper()
	proctest.Await(w, "every part is well", func() bool {
		status, _, err := w.get(w.Context(), r.Base+"/readyz?full")
		return err == nil && status == http.StatusOK
	})
	for _, c := range w.callers {
		for d := range doors {
			proctest.Await(w, c.name+" is answered by "+d.String(), func() bool {
				a, err := w.ask(w.Context(), d, r.Base, c.token)
				return err == nil && c.settled(a)
			})
		}
	}
}

// welcome starts a newcomer while the fault lasts: it publishes its key set and lets nobody in, until there are keys.
func (s *scene) welcome(f fault) {
	s.Helper()
	s.under(fault{
		name: f.name, reasons: f.reasons, shows: false, ill: f.ill, begin: f.begin, end: f.end,
	}, func() { s.newcomer(f) })
}

func (s *scene) newcomer(f fault) {
	s.Helper()
	r := proctest.Serve(s, s.settings)
	proctest.Await(s, "the newcomer publishes its key set", func() bool {
		status, _, err := s.get(s.Context(), r.Base+"/readyz")
		return err == nil && status == http.StatusOK
	})
	for _, c := range s.callers {
		a, err := s.ask(context.WithoutCancel(s.Context()), tokenEndpoint, r.Base, c.token)
		late := slices.Contains(c.asks, a.reason) && f.shows && a.reason != noKeys
		if err != nil || c.wrong(a, f.reasons) != "" || f.shows && a.status == http.StatusOK || late {
			s.Errorf("%s: a newcomer tells a caller %s: %d %s %v", f.name, c.name, a.status, a.reason, err)
		}
	}
	f.end(s.world)
	s.awaitFair(r)
	s.quit(r)
}

// end stops the load and the replicas.
func (s *scene) end() {
	s.Helper()
	s.stop()
	s.Logf("the slowest answer took %.1f s", s.slowest.Seconds())
	for i, r := range s.replicas {
		s.checkMemory(r, s.before[i])
		s.quit(r)
	}
}
