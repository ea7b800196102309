package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
)

// results are all measurements, in the order of the paths.
type results struct {
	rows   []*row
	steady []steady
}

// steady is a path at a steady rate, below what the server can do.
type steady struct {
	path path
	figures
}

func (r *results) addSteady(p path, f figures) { r.steady = append(r.steady, steady{p, f}) }

// capacity is how many requests a second a path answers, from as many connections as keep the server busy.
func (r *results) capacity(p path) float64 {
	for _, row := range r.rows {
		if row.path.name == p.name && row.connections == busy {
			return median(row.ours, func(f figures) float64 { return f.rate })
		}
	}
	return 0
}

// row is a path at one number of connections; each round adds one to both sides.
type row struct {
	path        path
	connections int
	ours, floor []figures
}

func (r *results) add(p path, connections int, ours, floor figures) {
	i := slices.IndexFunc(r.rows, func(row *row) bool { return row.path.name == p.name && row.connections == connections })
	if i < 0 {
		i, r.rows = len(r.rows), append(r.rows, &row{path: p, connections: connections})
	}
	r.rows[i].ours, r.rows[i].floor = append(r.rows[i].ours, ours), append(r.rows[i].floor, floor)
}

// print writes a table for people, and lines that benchstat reads into the file out.
func (r *results) print(b *testing.B, out string) {
	b.Helper()
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\npath\tconns\tµs CPU\tfloor\tratio\tspread\tat most\treq/s\tp50 ms\tp99\tp99.9")
	for _, row := range r.rows {
		ratio := row.ratios()
		most := "–"
		if row.path.most > 0 {
			most = fmt.Sprintf("%.2f", row.path.most)
		}
		fmt.Fprintf(table, "%s\t%d\t%.1f\t%.1f\t%.2f\t%.2f–%.2f\t%s\t%.0f\t%.2f\t%.2f\t%.2f\n", row.path.name, row.connections,
			median(row.ours, func(f figures) float64 { return f.cpu }), median(row.floor, func(f figures) float64 { return f.cpu }),
			middle(ratio), ratio[0], ratio[len(ratio)-1], most,
			median(row.ours, func(f figures) float64 { return f.rate }), median(row.ours, func(f figures) float64 { return f.p50 }),
			median(row.ours, func(f figures) float64 { return f.p99 }), median(row.ours, func(f figures) float64 { return f.p999 }))
	}
	if err := table.Flush(); err != nil {
		b.Fatal(err)
	}
	r.printAsked()
	for _, s := range r.steady {
		fmt.Printf("\n%s at %.0f %% of what it can do, %.0f req/s: p50 %.2f ms, p99 %.2f ms (%.1f times p50), p99.9 %.2f ms\n", s.path.name,
			steadyShare*100, s.rate, s.p50, s.p99, s.p99/s.p50, s.p999)
	}
	if out == "" {
		return
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(out, []byte(r.lines()), 0o600); err != nil {
		b.Fatal(err)
	}
}

// printAsked holds an exchange whose roles are asked for against the same from memory and one query more by pgx alone, which is a
// handler with a query less one without.
func (r *results) printAsked() {
	cost := func(name string, of func(*row) []figures) float64 {
		for _, row := range r.rows {
			if row.path.name == name && row.connections == busy {
				return median(of(row), func(f figures) float64 { return f.cpu })
			}
		}
		return 0
	}
	ours, floor := func(r *row) []figures { return r.ours }, func(r *row) []figures { return r.floor }
	asked, known := cost("exchange/roles-from-postgres", ours), cost("exchange/first-sight", ours)
	query := cost("exchange/roles-from-postgres", floor) - cost("webhook/known", floor)
	if asked > 0 && known > 0 && query > 0 {
		fmt.Printf("\nexchange/roles-from-postgres: %.2f times an exchange from memory and one query by pgx, %.1f µs (at most 1.15)\n",
			asked/(known+query), known+query)
	}
}

// ratios are ours against the floor, round by round, in order.
func (r *row) ratios() []float64 {
	ratios := make([]float64, len(r.ours))
	for i := range ratios {
		ratios[i] = r.ours[i].cpu / r.floor[i].cpu
	}
	slices.Sort(ratios)
	return ratios
}

// lines are in the format of Go's benchmarks: https://go.dev/design/14313-benchmark-format
func (r *results) lines() string {
	var text strings.Builder
	line := func(row *row, side string, f figures) {
		fmt.Fprintf(&text, "BenchmarkServers/%s/conns=%d/side=%s %d %.2f cpu-µs/op %.0f req/s %.3f p50-ms %.3f p99-ms %.3f p99.9-ms\n",
			row.path.name, row.connections, side, f.requests, f.cpu, f.rate, f.p50, f.p99, f.p999)
	}
	for _, row := range r.rows {
		for i := range row.ours {
			line(row, "ours", row.ours[i])
			line(row, "floor", row.floor[i])
		}
	}
	for _, s := range r.steady {
		fmt.Fprintf(&text, "BenchmarkServers/%s/steady %d %.2f cpu-µs/op %.0f req/s %.3f p50-ms %.3f p99-ms %.3f p99.9-ms\n",
			s.path.name, s.requests, s.cpu, s.rate, s.p50, s.p99, s.p999)
	}
	return text.String()
}

func median(all []figures, of func(figures) float64) float64 {
	values := make([]float64, len(all))
	for i, f := range all {
		values[i] = of(f)
	}
	slices.Sort(values)
	return middle(values)
}

// middle is the median of values in order; of an even number, what lies between the two in the middle.
func middle(values []float64) float64 {
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
