package rulestest

import (
	"os"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	engine "github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
	"go.yaml.in/yaml/v3"
)

// interval is the time between two values of a case.
const interval = 30 * time.Second

// sample is one value of a series.
type sample struct {
	at    int64
	value float64
}

func (s sample) T() int64                    { return s.at }
func (sample) ST() int64                     { return 0 }
func (s sample) F() float64                  { return s.value }
func (sample) H() *histogram.Histogram       { return nil }
func (sample) FH() *histogram.FloatHistogram { return nil }
func (sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample         { return s }

// series are what one replica shows, in Prometheus' notation for tests.
type series []string

// Querier is storage.Queryable's: it holds the series, whatever the time.
func (s series) Querier(int64, int64) (storage.Querier, error) {
	return &storage.MockQuerier{SelectMockFunction: func(_ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
		set := &found{at: -1}
		for _, line := range s {
			if one := read(line); matches(one.Labels(), matchers) {
				set.series = append(set.series, one)
			}
		}
		return set
	}}, nil
}

// read turns a line of a case into a series of the replica. A line that cannot be read stops the test run.
func read(line string) storage.Series {
	own, values, err := promql.ParseSeriesDesc(line)
	if err != nil {
		panic(line + ": " + err.Error())
	}
	var samples []chunks.Sample
	for i, v := range values {
		samples = append(samples, sample{at: (time.Duration(i) * interval).Milliseconds(), value: v.Value})
	}
	return storage.NewListSeries(labels.NewBuilder(own).Set("job", "hasura-issuer").Set("instance", "10.0.0.1:9090").Labels(), samples)
}

func matches(own labels.Labels, matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		if !m.Matches(own.Get(m.Name)) {
			return false
		}
	}
	return true
}

// found is a storage.SeriesSet of what was selected.
type found struct {
	series []storage.Series
	at     int
}

func (f *found) Next() bool                      { f.at++; return f.at < len(f.series) }
func (f *found) At() storage.Series              { return f.series[f.at] }
func (*found) Err() error                        { return nil }
func (*found) Warnings() annotations.Annotations { return nil }

// firing tells how many series the expression of an alert has over s, a quarter of an hour after the first value.
func (s series) firing(t *testing.T, expr string) int {
	t.Helper()
	prometheus := engine.NewEngine(engine.EngineOpts{MaxSamples: 100_000, Timeout: time.Minute, Parser: promql})
	query, err := prometheus.NewInstantQuery(t.Context(), s, nil, expr, time.UnixMilli(0).Add(15*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	defer query.Close()
	vector, err := query.Exec(t.Context()).Vector()
	if err != nil {
		t.Fatal(err)
	}
	return len(vector)
}

// cases are the series that do not fire an alert and those that do, by its name.
func cases(t *testing.T) map[string]struct{ Quiet, Fires series } {
	t.Helper()
	text, err := os.ReadFile("../cases.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]struct{ Quiet, Fires series }
	if err := yaml.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEachAlertFiresWhenItShouldAndNotOtherwise(t *testing.T) {
	t.Parallel()
	all, tried := alerts(t), cases(t)
	for name, rule := range all {
		c, there := tried[name]
		if !there || len(c.Quiet) == 0 {
			t.Errorf("cases.yaml has nothing about %s", name)
			continue
		}
		if n := c.Quiet.firing(t, rule.Expr); n != 0 {
			t.Errorf("%s fires %d times over %q", name, n, c.Quiet)
		}
		if n := c.Fires.firing(t, rule.Expr); n != 1 {
			t.Errorf("%s fires %d times over %q", name, n, c.Fires)
		}
	}
	if len(tried) != len(all) {
		t.Errorf("%d cases for %d alerts", len(tried), len(all))
	}
}
