package bench

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestFiguresAreThoseOfWhatWasMeasured(t *testing.T) {
	t.Parallel()
	var took []time.Duration
	for ms := 1000; ms > 0; ms-- {
		took = append(took, time.Duration(ms)*time.Millisecond)
	}
	want := figures{requests: 1000, cpu: 500, rate: 400, p50: 500, p99: 990, p999: 999}
	if got := summary(took, 0.5, 2.5); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	few := []time.Duration{time.Millisecond, 3 * time.Millisecond}
	if got := summary(few, 1, 1); got.p50 != 1 || got.p99 != 3 {
		t.Errorf("of two: %+v", got)
	}
	if got := at(nil, 0.5); got != 0 {
		t.Errorf("of none: %v", got)
	}
}

func TestARatioIsTakenRoundByRound(t *testing.T) {
	t.Parallel()
	var r results
	p := path{name: "exchange/first-sight"}
	for _, round := range []struct{ ours, floor float64 }{{200, 100}, {90, 100}, {600, 200}, {100, 50}} { // the machine is busy in one of them
		r.add(p, busy, figures{cpu: round.ours, rate: 10 * round.ours}, figures{cpu: round.floor})
		r.add(p, 1, figures{cpu: 1}, figures{cpu: 1})
	}
	if diff := cmp.Diff([]float64{0.9, 2, 2, 3}, r.rows[0].ratios()); diff != "" || len(r.rows) != 2 {
		t.Errorf("%d rows, ratios (-want +got):\n%s", len(r.rows), diff)
	}
	if got := r.capacity(p); got != 1500 {
		t.Errorf("a capacity of %v, want 1500", got)
	}
	for want, values := range map[float64][]float64{2: {1, 2, 9}, 2.5: {1, 2, 3, 9}, 7: {7}} {
		if got := middle(values); got != want {
			t.Errorf("the median of %v is %v, want %v", values, got, want)
		}
	}
}

func TestAFileHasTheFormatOfGosBenchmarks(t *testing.T) {
	t.Parallel()
	p := path{name: "jwks"}
	var r results
	r.add(p, 1, figures{7, 48.25, 900, 1, 2, 3}, figures{9, 38, 1100, 0.5, 1.5, 2.5})
	r.addSteady(p, figures{5, 50, 600, 1, 2, 3})
	want := `BenchmarkServers/jwks/conns=1/side=ours 7 48.25 cpu-µs/op 900 req/s 1.000 p50-ms 2.000 p99-ms 3.000 p99.9-ms
BenchmarkServers/jwks/conns=1/side=floor 9 38.00 cpu-µs/op 1100 req/s 0.500 p50-ms 1.500 p99-ms 2.500 p99.9-ms
BenchmarkServers/jwks/steady 5 50.00 cpu-µs/op 600 req/s 1.000 p50-ms 2.000 p99-ms 3.000 p99.9-ms
`
	if diff := cmp.Diff(want, r.lines()); diff != "" {
		t.Error(diff)
	}
	grown := point{line: "asked each time", n: 10, database: "some", measured: []growth{{figures{requests: 7, cpu: 48.25, rate: 900}, 30.04, 71}}}
	want = "BenchmarkGrowth/keys/line=asked-each-time/n=10 7 48.2 cpu-µs/op 900 req/s 71 rss-MB 30.0 postgres-µs/op\n"
	if diff := cmp.Diff(want, grown.lines("keys")); diff != "" {
		t.Error(diff)
	}
}

func TestAWaveIsToldByWhatBecameOfWhom(t *testing.T) {
	t.Parallel()
	began := time.Unix(0, 0)
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	w := newWave([]reply{{began, ms(30), http.StatusOK}, {began, ms(10), http.StatusOK}, {began.Add(ms(50)), ms(1), http.StatusServiceUnavailable}})
	if diff := cmp.Diff([]time.Duration{ms(10), ms(30)}, w.granted); diff != "" || len(w.refused) != 1 || w.statuses[503] != 1 || !w.until.Equal(began.Add(ms(51))) {
		t.Errorf("%+v", w)
	}
	later := []reply{{began, ms(50), http.StatusOK}, {began, ms(52), http.StatusOK}, {began, ms(1), http.StatusServiceUnavailable}}
	if got := grantedBefore(w.until, later); got != 1 {
		t.Errorf("%d of the later ones were granted while the wave lasted, want 1", got)
	}
}

func TestAllIsWellOnceTheMedianIsGoodAndStaysSo(t *testing.T) {
	t.Parallel()
	for windows, want := range map[string]time.Duration{
		"good good good":    0,
		"slow good good":    100 * time.Millisecond,
		"good slow good":    200 * time.Millisecond, // it has to stay so
		"refused good good": 100 * time.Millisecond, // however soon it was
	} {
		began := time.Unix(0, 0)
		var replies []reply
		for i, of := range strings.Fields(windows) {
			for n := range 3 {
				r := reply{began.Add(time.Duration(100*i+n) * time.Millisecond), 5 * time.Millisecond, http.StatusOK}
				switch of {
				case "slow":
					r.took = 50 * time.Millisecond
				case "refused":
					r.took, r.status = 0, http.StatusServiceUnavailable
				}
				replies = append(replies, r)
			}
		}
		replies[0], replies[8] = replies[8], replies[0] // they come in no order
		if got := recovery(replies, 10); got != want {
			t.Errorf("%s: %s, want %s", windows, got, want)
		}
	}
}
