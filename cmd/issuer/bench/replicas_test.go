package bench

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/proctest"
)

// BenchmarkReplicas puts the same load on one, two and four replicas with one Postgres and one Redis, and prints what a request
// costs them all together. Where that stays the same, what they can do together is what their cores can.
func BenchmarkReplicas(b *testing.B) {
	o := optionsFrom(b)
	w := newWorld(b)
	tokens := w.tokens(firstSight, 8)
	var requests [][]byte
	for _, token := range tokens {
		requests = append(requests, w.exchangeOf("/oauth2/token", token))
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\nreplicas\tµs CPU\tof one\treq/s\tp50 ms\tp99")
	shared := "ISSUER_REDIS_URL=" + w.redis()
	var one float64
	for _, count := range []int{1, 2, 4} {
		var all []*target
		var programs []*proctest.Program
		for range count {
			p := w.serve(shared)
			programs = append(programs, p)
			all = append(all, &target{pid: p.Cmd.Process.Pid, address: strings.TrimPrefix(p.Base, "http://"), requests: requests})
		}
		together := &target{group: all}
		together.closed(b, busy, o.span) // callers seen for the first time
		var rounds []figures
		for range o.rounds {
			rounds = append(rounds, together.closed(b, busy, o.span))
		}
		cost := median(rounds, func(f figures) float64 { return f.cpu })
		if count == 1 {
			one = cost
		}
		fmt.Fprintf(table, "%d\t%.1f\t%.2f\t%.0f\t%.2f\t%.2f\n", count, cost, cost/one, median(rounds, func(f figures) float64 { return f.rate }),
			median(rounds, func(f figures) float64 { return f.p50 }), median(rounds, func(f figures) float64 { return f.p99 }))
		for _, p := range programs {
			_ = p.Cmd.Process.Kill()
			<-p.Exited
		}
	}
	if err := table.Flush(); err != nil {
		b.Fatal(err)
	}
}
