package weather

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestBadWeatherOfOneKind: each dependency is made slow, silent, gone, half-broken and well again, under load on two
// replicas, which are the same processes all the time.
func TestBadWeatherOfOneKind(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string][]fault{
		"Postgres": postgresFaults(), "Redis": redisFaults(), "Graph": graphFaults(), "the policy": policyFaults(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			for _, f := range faults {
				s.befall(f)
			}
			s.end()
		})
	}
}

// TestBadWeatherOfEntra: those who have Entra's keys keep them, so it takes a newcomer to see that they cannot be had.
func TestBadWeatherOfEntra(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, f := range entraFaults() {
		s.welcome(f)
	}
	s.end()
}

// TestBadWeatherOfTwoKinds: what may be said is what may be said in either.
func TestBadWeatherOfTwoKinds(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, pair := range [][2]string{
		{"Postgres silent", "Redis silent"},
		{"Postgres gone", "Graph silent"},
		{"Postgres killed", "the policy silent"},
		{"Postgres frozen", "Entra silent"},
		{"Redis gone", "Graph out of order"},
		{"Redis frozen", "the policy gone"},
		{"Redis silent", "Entra gone"},
		{"Graph silent", "the policy slow"},
		{"the policy garbled", "Entra cut in its answers"},
		{"Graph throttling", "Entra slow"},
	} {
		s.befall(both(named(t, pair[0]), named(t, pair[1])))
	}
	s.end()
}

// named is a fault of the tables by its name.
func named(t *testing.T, name string) fault {
	t.Helper()
	all := slices.Concat(postgresFaults(), redisFaults(), graphFaults(), policyFaults(), entraFaults())
	i := slices.IndexFunc(all, func(f fault) bool { return f.name == name })
	if i < 0 {
		t.Fatalf("there is no %q", name)
	}
	return all[i]
}

// both is two faults at once.
func both(a, b fault) fault {
	return fault{
		name: a.name + " and " + b.name, reasons: append(slices.Clone(a.reasons), b.reasons...),
		shows: a.shows || b.shows, ill: a.ill || b.ill,
		begin: func(w *world) { a.begin(w); b.begin(w) },
		end:   func(w *world) { a.end(w); b.end(w) },
	}
}

// scene is two replicas under load, in fair weather.
type scene struct {
	*load
	before []footprint
}

func newScene(t *testing.T, more ...string) *scene {
	t.Helper()
	w := newWorld(t, more...)
	replicas := []*replica{serve(t, w.settings), serve(t, w.settings)}
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
		await(s, f.name+": it shows", func() bool {
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
	await(s, what+": /readyz?full tells", func() bool {
		return slices.ContainsFunc(s.replicas, func(r *replica) bool {
			status, _, err := s.get(s.Context(), r.base+"/readyz?full")
			return err == nil && status == http.StatusServiceUnavailable
		})
	})
}

// awaitFair returns once every part of the replica is well and every caller hears at every door what is right for them.
func (w *world) awaitFair(r *replica) {
	w.Helper()
	await(w, "every part is well", func() bool {
		status, _, err := w.get(w.Context(), r.base+"/readyz?full")
		return err == nil && status == http.StatusOK
	})
	for _, c := range w.callers {
		for d := range doors {
			await(w, c.name+" is answered by "+d.String(), func() bool {
				a, err := w.ask(w.Context(), d, r.base, c.token)
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
	r := serve(s, s.settings)
	await(s, "the newcomer publishes its key set", func() bool {
		status, _, err := s.get(s.Context(), r.base+"/readyz")
		return err == nil && status == http.StatusOK
	})
	for _, c := range s.callers {
		a, err := s.ask(context.WithoutCancel(s.Context()), tokenEndpoint, r.base, c.token)
		late := slices.Contains(c.asks, a.reason) && f.shows && a.reason != noKeys
		if err != nil || c.wrong(a, f.reasons) != "" || f.shows && a.status == http.StatusOK || late {
			s.Errorf("%s: a newcomer tells a caller %s: %d %s %v", f.name, c.name, a.status, a.reason, err)
		}
	}
	f.end(s.world)
	s.awaitFair(r)
	s.quit(r)
}

// quit tells a replica to stop, which it does in order.
func (w *world) quit(r *replica) {
	w.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		w.Fatal(err)
	}
	<-r.exited
	w.inspect(r)
	if r.code != 0 {
		w.Errorf("told to stop, it ended with %d:\n%s", r.code, tail(r.stderr.String()))
	}
}

// inspect looks through what a replica has logged.
func (w *world) inspect(r *replica) {
	w.Helper()
	log := r.stderr.String()
	for _, word := range []string{"DATA RACE", "panic", `"reason":"internal"`} {
		if strings.Contains(log, word) {
			w.Errorf("the log has %q:\n%s", word, tail(log))
		}
	}
	for _, c := range w.callers {
		if strings.Contains(log, c.token) {
			w.Errorf("the token of a caller %s stands in the log", c.name)
		}
	}
}

func tail(text string) string { return text[max(0, len(text)-4000):] }

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
