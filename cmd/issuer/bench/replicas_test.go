package bench

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
)

// BenchmarkReplicas puts the same load on one, two and four replicas with one Postgres and one Redis, in turn, and prints what a
// request costs them all together. Where that stays the same, what they can do together is what their cores can.
func BenchmarkReplicas(b *testing.B) {
	o := optionsFrom(b)
	w := newWorld(b)
	var requests [][]byte
	for _, token := range w.tokens(firstSight, 8) {
		requests = append(requests, w.exchangeOf("/oauth2/token", token))
	}
	shared := "ISSUER_REDIS_URL=" + w.redis()
	counts := []int{1, 2, 4}
	groups := make([]*target, len(counts))
	for n, count := range counts {
		groups[n] = &target{}
		for range count {
			p := w.serve(shared)
			groups[n].group = append(groups[n].group, &target{pid: p.Cmd.Process.Pid, address: strings.TrimPrefix(p.Base, "http://"), requests: requests})
		}
		groups[n].closed(b, busy, o.span) // callers seen for the first time
	}
	rounds := make([][]figures, len(counts))
	for range o.rounds {
		for n, group := range groups {
			rounds[n] = append(rounds[n], group.closed(b, busy, o.span))
		}
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nreplicas\tµs CPU\tof one\tspread\treq/s\tp50 ms\tp99")
	for n, count := range counts {
		of := make([]float64, o.rounds)
		for round, f := range rounds[n] {
			of[round] = f.cpu / rounds[0][round].cpu
		}
		slices.Sort(of)
		usual := func(pick func(figures) float64) float64 { return median(rounds[n], pick) }
		fmt.Fprintf(table, "%d\t%.1f\t%.2f\t%.2f–%.2f\t%.0f\t%.2f\t%.2f\n", count, usual(func(f figures) float64 { return f.cpu }),
			middle(of), of[0], of[len(of)-1], usual(func(f figures) float64 { return f.rate }),
			usual(func(f figures) float64 { return f.p50 }), usual(func(f figures) float64 { return f.p99 }))
	}
	if err := table.Flush(); err != nil {
		b.Fatal(err)
	}
}
