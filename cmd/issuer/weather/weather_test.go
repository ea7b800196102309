package weather

import (
	"slices"
	"testing"
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
