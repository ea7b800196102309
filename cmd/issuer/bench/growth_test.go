package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/procfs"
)

// point is one place on a line of a curve: a server under requests that have n of what the curve is about.
type point struct {
	line     string
	n        int
	target   *target
	database string // whose processor time is told too; empty: none

	measured []growth
}

// growth is one measurement at a point.
type growth struct {
	figures
	database float64 // microseconds of Postgres' processor time per request
	rss      float64 // MB of the server, afterwards
}

// BenchmarkGrowth measures what an exchange costs while one thing grows and all else stays: curve by curve, the points of a
// curve in turn, round by round. It ends in a file that ./plot draws.
func BenchmarkGrowth(b *testing.B) {
	o := optionsFrom(b)
	var text bytes.Buffer
	for _, c := range curves() {
		if !strings.Contains(c.name, o.only) {
			text.WriteString(earlier(b, o.out, c.name))
			continue
		}
		b.Run(c.name, func(b *testing.B) {
			points := c.points(b)
			for _, p := range points {
				p.target.showAll(b)
			}
			for range o.rounds {
				for _, p := range points {
					p.measured = append(p.measured, p.measure(b, o.span))
				}
			}
			for _, p := range points {
				text.WriteString(p.lines(c.name))
			}
		})
	}
	fmt.Print("\n", &text)
	if o.out == "" || b.Failed() {
		return
	}
	if err := os.MkdirAll(filepath.Dir(o.out), 0o755); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(o.out, text.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
}

// earlier is what a file already says of a curve that is not measured now; nothing where there is no file.
func earlier(b *testing.B, file, curve string) string {
	b.Helper()
	data, err := os.ReadFile(file)
	if err != nil && file != "" && !errors.Is(err, fs.ErrNotExist) {
		b.Fatal(err)
	}
	var kept strings.Builder
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "BenchmarkGrowth/"+curve+"/") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// showAll sends every request once, so that what is kept of tenants and callers is there.
func (t *target) showAll(b *testing.B) {
	b.Helper()
	for again := true; again; again = t.next.Load() < uint64(len(t.requests)) {
		t.closed(b, busy, 300*time.Millisecond)
	}
}

func (p *point) measure(b *testing.B, span time.Duration) growth {
	b.Helper()
	if p.database == "" {
		return growth{figures: p.target.closed(b, busy, span), rss: p.target.rss(b)}
	}
	before := postgresTime(b, p.database)
	f := p.target.closed(b, busy, span)
	spent := postgresTime(b, p.database) - before
	return growth{figures: f, database: spent * 1e6 / float64(f.requests), rss: p.target.rss(b)}
}

// lines are in the format of Go's benchmarks.
func (p *point) lines(curve string) string {
	var text strings.Builder
	for _, m := range p.measured {
		fmt.Fprintf(&text, "BenchmarkGrowth/%s/line=%s/n=%d %d %.1f cpu-µs/op %.0f req/s %.0f rss-MB", curve, strings.ReplaceAll(p.line, " ", "-"), p.n, m.requests, m.cpu, m.rate, m.rss)
		if p.database != "" {
			fmt.Fprintf(&text, " %.1f postgres-µs/op", m.database)
		}
		text.WriteString("\n")
	}
	return text.String()
}

// rss is the memory that the server holds, in MB.
func (t *target) rss(b *testing.B) float64 {
	b.Helper()
	process, err := procfs.NewProc(t.pid)
	if err != nil {
		b.Fatal(err)
	}
	stat, err := process.Stat()
	if err != nil {
		b.Fatal(err)
	}
	return float64(stat.ResidentMemory()) / (1 << 20)
}

// postgresTime is the processor time that a server of Postgres has used with all its processes, in seconds.
func postgresTime(b *testing.B, database string) float64 {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), database)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(b.Context())
	var backend int
	if err := conn.QueryRow(b.Context(), `SELECT pg_backend_pid()`).Scan(&backend); err != nil {
		b.Fatal(err)
	}
	processes, err := procfs.AllProcs()
	if err != nil {
		b.Fatal(err)
	}
	stats := map[int]procfs.ProcStat{}
	for _, process := range processes {
		if stat, err := process.Stat(); err == nil { // it may have ended
			stats[stat.PID] = stat
		}
	}
	postmaster := stats[backend].PPID
	ended := stats[postmaster].CUTime + stats[postmaster].CSTime // in hundredths of a second
	seconds := stats[postmaster].CPUTime() + float64(ended)/100
	for _, stat := range stats {
		if stat.PPID == postmaster {
			seconds += stat.CPUTime()
		}
	}
	return seconds
}

// counts are the numbers of a curve up to most, which is the last.
func counts(most int, up ...int) []int {
	return append(slices.DeleteFunc(up, func(n int) bool { return n >= most }), most)
}
