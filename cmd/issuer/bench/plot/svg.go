package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// title is what a picture says of itself.
type title struct {
	text, axis string
	even       bool // the axis has even steps, not tens of times as much
}

var titles = map[string]title{
	"tenants":         {"An exchange, by the tenants that may call", "tenants", false},
	"tenants-granted": {"An exchange, by the tenants that have grants", "tenants with grants", false},
	"principals":      {"An exchange, by the users that have grants", "users with grants", false},
	"roles":           {"An exchange, by the roles of the caller", "roles", true},
	"groups":          {"An exchange, by the groups in the token", "groups", true},
	"keys":            {"An exchange, by the keys in Entra's key set", "keys", false},
	"gomaxprocs":      {"An exchange, by the processors in use", "GOMAXPROCS", true},
}

// The picture, in pixels: the whole of it, and the field between the axes.
const (
	width, height            = 720.0, 340.0
	left, right, top, bottom = 64.0, 44.0, 74.0, 52.0
)

// style has a pair of colours for each line, one for each background.
const style = `<style>
text{font:13px system-ui,sans-serif;fill:#1f2328}.t{font-size:15px;font-weight:600}.s{fill:#59636e}.g{stroke:#d1d9e0}.a{stroke:#59636e}
.l{fill:none;stroke-width:2}.l0{stroke:#0969da}.l1{stroke:#bc4c00}.l2{stroke:#1a7f37}.p0{fill:#0969da}.p1{fill:#bc4c00}.p2{fill:#1a7f37}.b{fill:#fff}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.s{fill:#9198a1}.g{stroke:#3d444d}.a{stroke:#9198a1}.b{fill:#0d1117}
.l0{stroke:#58a6ff}.l1{stroke:#f0883e}.l2{stroke:#3fb950}.p0{fill:#58a6ff}.p1{fill:#f0883e}.p2{fill:#3fb950}}
</style>`

// scale says where a number lies on an axis.
type scale struct {
	from, to, least, most float64
	even                  bool
}

func (s scale) at(n float64) float64 {
	share := (n - s.least) / (s.most - s.least)
	if !s.even {
		share = math.Log(n/s.least) / math.Log(s.most/s.least)
	}
	return s.from + share*(s.to-s.from)
}

// drawn is a line of the picture, which may be of a figure beside the first.
type drawn struct {
	name   string
	unit   string
	points []*point
}

func (c curve) drawn() []drawn {
	var all []drawn
	for _, l := range c.lines {
		all = append(all, drawn{l.name, cpu, l.points})
	}
	for _, l := range c.lines {
		if _, _, _, ok := l.points[0].of(database); ok {
			all = append(all, drawn{"Postgres, " + l.name, database, l.points})
		}
	}
	return all
}

// svg draws the curve.
func (c curve) svg() string {
	of, lines := titles[c.name], c.drawn()
	x := scale{from: left, to: width - right, even: of.even, least: math.Inf(1)}
	var highest float64
	for _, l := range lines {
		x.least, x.most = min(x.least, float64(l.points[0].n)), max(x.most, float64(l.points[len(l.points)-1].n))
		for _, p := range l.points {
			_, _, most, _ := p.of(l.unit)
			highest = max(highest, most)
		}
	}
	step := niceStep(highest)
	y := scale{from: height - bottom, to: top, most: step * math.Ceil(highest*1.05/step), even: true}
	var text strings.Builder
	fmt.Fprintf(&text, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %g %g\" role=\"img\" aria-label=%q>\n%s\n", width, height, html.EscapeString(of.text), style)
	fmt.Fprintf(&text, "<rect class=\"b\" width=\"%g\" height=\"%g\"/>\n<text class=\"t\" x=\"16\" y=\"26\">%s</text>\n", width, height, html.EscapeString(of.text))
	for n := 0.0; n <= y.most; n += step {
		fmt.Fprintf(&text, "<path class=\"g\" d=\"M%g %.1fH%g\"/><text class=\"s\" x=\"%g\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n", left, y.at(n), width-right, left-8, y.at(n)+4, n)
	}
	fmt.Fprintf(&text, "<path class=\"a\" d=\"M%g %gH%g\"/><text class=\"s\" x=\"%g\" y=\"%g\" text-anchor=\"end\">%s</text>\n", left, y.from, width-right, width-right, height-10, of.axis)
	fmt.Fprintf(&text, "<text class=\"s\" x=\"16\" y=\"%g\">CPU-µs per exchange</text>\n", height-10)
	text.WriteString(ticks(lines, x, y.from) + legend(lines))
	for i, l := range lines {
		text.WriteString(l.draw(i, x, y))
	}
	return text.String() + "</svg>\n"
}

// niceStep is the distance of the lines of the grid: 1, 2 or 5 and noughts, some five of them.
func niceStep(highest float64) float64 {
	rough := highest / 5
	tens := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, times := range []float64{1, 2, 5} {
		if rough <= times*tens {
			return times * tens
		}
	}
	return 10 * tens
}

// ticks are the numbers that were measured, below the axis; one that would touch the one before is left out.
func ticks(lines []drawn, x scale, y float64) string {
	var text strings.Builder
	last := math.Inf(-1)
	for _, p := range lines[0].points {
		at := x.at(float64(p.n))
		if at-last < 36 {
			continue
		}
		last = at
		fmt.Fprintf(&text, "<path class=\"a\" d=\"M%.1f %gv5\"/><text class=\"s\" x=\"%.1f\" y=\"%g\" text-anchor=\"middle\">%s</text>\n", at, y, at, y+20, thousands(p.n))
	}
	return text.String()
}

func legend(lines []drawn) string {
	var text strings.Builder
	at := 16.0
	for i, l := range lines {
		fmt.Fprintf(&text, "<circle class=\"p%d\" cx=\"%g\" cy=\"48\" r=\"4\"/><text x=\"%g\" y=\"52\">%s</text>\n", i, at+4, at+14, html.EscapeString(l.name))
		at += 40 + 7*float64(len(l.name))
	}
	return text.String()
}

// draw joins the medians, and shows at each point how far the rounds lay apart.
func (l drawn) draw(i int, x, y scale) string {
	var path, marks strings.Builder
	for k, p := range l.points {
		least, middle, most, _ := p.of(l.unit)
		at, command := x.at(float64(p.n)), "L"
		if k == 0 {
			command = "M"
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", command, at, y.at(middle))
		fmt.Fprintf(&marks, "<path class=\"l%d\" d=\"M%.1f %.1fV%.1f\"/><circle class=\"p%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\"><title>%s: %.0f µs</title></circle>\n",
			i, at, y.at(least), y.at(most), i, at, y.at(middle), thousands(p.n), middle)
	}
	return fmt.Sprintf("<path class=\"l l%d\" d=\"%s\"/>\n%s", i, &path, &marks)
}
