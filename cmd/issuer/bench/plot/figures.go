package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// curve is what was measured while one thing grew.
type curve struct {
	name  string
	lines []*line
}

// line is one way of doing it.
type line struct {
	name   string
	points []*point // by n, upwards
}

// point is what the rounds found at one place: by unit.
type point struct {
	n       int
	figures map[string][]float64
}

const cpu, rate, memory, database = "cpu-µs/op", "req/s", "rss-MB", "postgres-µs/op"

func (c curve) file() string { return "growth-" + c.name + ".svg" }

// parse reads lines in the format of Go's benchmarks. What is no figure of BenchmarkGrowth is skipped.
func parse(text string) ([]*curve, error) {
	var curves []*curve
	for row := range strings.Lines(text) {
		fields := strings.Fields(row)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "BenchmarkGrowth/") {
			continue
		}
		name := strings.Split(fields[0], "/")
		if len(name) != 4 {
			return nil, fmt.Errorf("%q is no place on a curve", fields[0])
		}
		n, err := strconv.Atoi(strings.TrimPrefix(name[3], "n="))
		if err != nil {
			return nil, fmt.Errorf("%q does not end in a number", fields[0])
		}
		at := place(&curves, name[1], strings.ReplaceAll(strings.TrimPrefix(name[2], "line="), "-", " "), n)
		for i := 2; i+1 < len(fields); i += 2 {
			figure, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("%q has %q for a figure", fields[0], fields[i])
			}
			at.figures[fields[i+1]] = append(at.figures[fields[i+1]], figure)
		}
		if len(at.figures[cpu]) == 0 {
			return nil, fmt.Errorf("%q has no %s", fields[0], cpu)
		}
	}
	if len(curves) == 0 {
		return nil, fmt.Errorf("there are no figures of BenchmarkGrowth")
	}
	return curves, nil
}

// place finds a point, or makes it.
func place(curves *[]*curve, name, of string, n int) *point {
	c := find(curves, func(c *curve) bool { return c.name == name }, func() *curve { return &curve{name: name} })
	l := find(&c.lines, func(l *line) bool { return l.name == of }, func() *line { return &line{name: of} })
	p := find(&l.points, func(p *point) bool { return p.n == n }, func() *point { return &point{n, map[string][]float64{}} })
	slices.SortFunc(l.points, func(a, b *point) int { return a.n - b.n })
	return p
}

func find[T any](in *[]*T, is func(*T) bool, another func() *T) *T {
	if i := slices.IndexFunc(*in, is); i >= 0 {
		return (*in)[i]
	}
	made := another()
	*in = append(*in, made)
	return made
}

// of returns the least, the median and the most of a figure; ok is false where none was measured.
func (p *point) of(unit string) (least, middle, most float64, ok bool) {
	all := slices.Sorted(slices.Values(p.figures[unit]))
	if len(all) == 0 {
		return 0, 0, 0, false
	}
	return all[0], median(all), all[len(all)-1], true
}

// median is that of values in order; of an even number, what lies between the two in the middle.
func median(values []float64) float64 {
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// times is how much more a point costs than another, round by round: what else the machine did then, it did to both. Where one
// has fewer rounds, those count that both have.
func (p *point) times(first *point) float64 {
	var ratios []float64
	for i := range min(len(p.figures[cpu]), len(first.figures[cpu])) {
		ratios = append(ratios, p.figures[cpu][i]/first.figures[cpu][i])
	}
	slices.Sort(ratios)
	return median(ratios)
}
