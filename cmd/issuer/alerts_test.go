package main

import (
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

// alertCase is what deploy/prometheus/cases.yaml has about an alert, whose rule Prometheus' own code evaluates over it.
type alertCase struct{ Quiet, Fires []string }

// caseOf reads an alert's case.
func caseOf(t *testing.T, alert string) alertCase {
	t.Helper()
	var all map[string]alertCase
	if err := yaml.Unmarshal([]byte(content(t, "deploy/prometheus/cases.yaml")), &all); err != nil {
		t.Fatal(err)
	}
	c, there := all[alert]
	if !there || len(c.Quiet) == 0 || len(c.Fires) == 0 {
		t.Fatalf("there is no case of %s", alert)
	}
	return c
}

var notation = regexp.MustCompile(`^(-?\d+)(?:\+(\d+))?x(\d+)$`)

// last is the last value of a series in Prometheus' notation for tests, and the series itself.
func last(t *testing.T, line string) (series string, value float64) {
	t.Helper()
	at := strings.LastIndexByte(line, ' ')
	m := notation.FindStringSubmatch(line[at+1:])
	if m == nil {
		t.Fatalf("%q is not understood", line)
	}
	var numbers [3]float64
	for i, text := range m[1:] {
		numbers[i], _ = strconv.ParseFloat("0"+strings.TrimPrefix(text, "-"), 64)
	}
	return line[:at], math.Copysign(numbers[0], map[bool]float64{true: -1, false: 1}[m[1][0] == '-']) + numbers[1]*numbers[2]
}

// rules are the expressions of deploy/prometheus/alerts.yaml, by the alerts' names.
func rules(t *testing.T) map[string]string {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal([]byte(content(t, "deploy/prometheus/alerts.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			all[rule.Alert] = rule.Expr
		}
	}
	return all
}

var bound = regexp.MustCompile(`[<>] (?:time\(\) - )?([0-9.]+)$`)

// boundOf is the number that an alert's expression ends with.
func boundOf(t *testing.T, alert string) float64 {
	t.Helper()
	m := bound.FindStringSubmatch(rules(t)[alert])
	if m == nil {
		t.Fatalf("the rule of %s does not end with a bound", alert)
	}
	number, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// metricsPage is what a replica shows to Prometheus.
type metricsPage string

// value is that of a series; 0 for one that is not there, as a counter is before its first event.
func (p metricsPage) value(series string) float64 { return p.sum(series, "") }

// sum adds up the series that begin with one text and hold another, such as a metric's with some label.
func (p metricsPage) sum(metric, label string) (sum float64) {
	for line := range strings.Lines(string(p)) {
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || !strings.Contains(line, label) || line[:at] != metric && !strings.HasPrefix(line, metric+"{") {
			continue
		}
		value, _ := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64)
		sum += value
	}
	return sum
}

// metrics are what it shows now.
func (s served) metrics(t *testing.T) metricsPage {
	t.Helper()
	_, page := get(t, s.admin+"/metrics")
	return metricsPage(page)
}

// sightings are the alerts whose conditions a scene has shown.
type sightings struct {
	*testing.T
	alerts []string
}

// moves provokes the conditions of alerts, and awaits that the first series of each goes from what it is the way that the
// alert fires by.
func (seen *sightings) moves(s served, provoke func(), alerts ...string) {
	seen.Helper()
	was := s.metrics(seen.T)
	provoke()
	for _, alert := range alerts {
		c := caseOf(seen.T, alert)
		series, fires := last(seen.T, c.Fires[0])
		_, quiet := last(seen.T, c.Quiet[0])
		rises := fires > quiet
		if first, _ := last(seen.T, c.Quiet[0]); first != series || fires == quiet {
			seen.Fatalf("%s: quiet and fires do not begin with one series of two values", alert)
		}
		seen.await(s, func(is metricsPage) bool {
			return rises && is.value(series) > was.value(series) || !rises && is.value(series) < was.value(series)
		})
		seen.alerts = append(seen.alerts, alert)
	}
}

// turns provokes the condition of an alert, as its rule has it of a page and the one before, and awaits that it holds. It
// must not have held already.
func (seen *sightings) turns(s served, alert string, provoke func(), fires func(was, is metricsPage) bool) {
	seen.Helper()
	was := s.metrics(seen.T)
	if fires(was, was) {
		seen.Errorf("%s fires already", alert)
	}
	provoke()
	seen.await(s, func(is metricsPage) bool { return fires(was, is) })
	seen.alerts = append(seen.alerts, alert)
}

// mends wants an alert to fire, and awaits that it does not any more.
func (seen *sightings) mends(s served, alert string, mend func(), fires func(is metricsPage) bool) {
	seen.Helper()
	if page := s.metrics(seen.T); !fires(page) {
		seen.Errorf("%s does not fire over\n%s", alert, page)
	}
	mend()
	seen.await(s, func(is metricsPage) bool { return !fires(is) })
	seen.alerts = append(seen.alerts, alert)
}

func (seen *sightings) await(s served, wanted func(metricsPage) bool) {
	seen.Helper()
	(&served{running: s.running, base: s.admin}).await(seen.T, "/metrics", func(_ int, page string) bool { return wanted(metricsPage(page)) })
}

// scene is something that happens to a running service, and the alerts that are about it.
type scene struct {
	alerts []string
	play   func(seen *sightings)
}

// TestWhatAnAlertIsAboutMovesItsMetric, of each alert, in services that run.
func TestWhatAnAlertIsAboutMovesItsMetric(t *testing.T) {
	t.Parallel()
	for name, sc := range scenes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := &sightings{T: t}
			sc.play(seen)
			if diff := cmp.Diff(slices.Sorted(slices.Values(sc.alerts)), slices.Sorted(slices.Values(seen.alerts))); diff != "" {
				t.Errorf("alerts (-said +shown):\n%s", diff)
			}
		})
	}
}

// TestEveryAlertHasAScene: whoever adds an alert shows what brings it about.
func TestEveryAlertHasAScene(t *testing.T) {
	t.Parallel()
	var shown []string
	for _, sc := range scenes() {
		shown = append(shown, sc.alerts...)
	}
	slices.Sort(shown)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(rules(t))), shown); diff != "" {
		t.Errorf("alerts (-of the rules +of scenes):\n%s", diff)
	}
}
