package main

import (
	"math"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
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

// shownBy is the value of a series on a page of metrics; 0 for one that is not there, as a counter is before its first event.
func shownBy(page, series string) float64 {
	for line := range strings.Lines(page) {
		if text, is := strings.CutPrefix(line, series+" "); is {
			value, _ := strconv.ParseFloat(strings.TrimSpace(text), 64)
			return value
		}
	}
	return 0
}

// moves provokes the condition of alerts, and awaits that the first series of each goes from what it is the way that the
// alert fires by.
func (s served) moves(t *testing.T, provoke func(), alerts ...string) {
	t.Helper()
	_, page := get(t, s.admin+"/metrics")
	before := string(page)
	provoke()
	for _, alert := range alerts {
		c := caseOf(t, alert)
		series, fires := last(t, c.Fires[0])
		_, quiet := last(t, c.Quiet[0])
		rises := fires > quiet
		if first, _ := last(t, c.Quiet[0]); first != series || fires == quiet {
			t.Fatalf("%s: quiet and fires do not begin with one series of two values", alert)
		}
		(&served{base: s.admin}).await(t, "/metrics", func(_ int, page string) bool {
			was, is := shownBy(before, series), shownBy(page, series)
			return rises && is > was || !rises && is < was
		})
	}
}

// TestWhatAnAlertIsAboutMovesItsMetric, in a service that uses everything.
func TestWhatAnAlertIsAboutMovesItsMetric(t *testing.T) {
	t.Parallel()
	w := watch(t, "ISSUER_GROUPS_TTL=0s", "ISSUER_GROUPS_STALE=0s")
	known := personaToken(t, w.fleet.tenant, "editor")
	want := func(status int, token string) {
		t.Helper()
		if got := w.exchange(t, token); got.Status != status {
			t.Errorf("%d %q, want %d", got.Status, got.Reason, status)
		}
	}
	want(http.StatusOK, known)
	w.moves(t, func() { want(http.StatusBadRequest, "no token") }, "IssuerNothingGranted")
	w.fleet.tenant.SetWeather(faketenant.PartGraph, faketenant.Weather{Status: http.StatusServiceUnavailable})
	w.moves(t, func() { want(http.StatusServiceUnavailable, personaToken(t, w.fleet.tenant, "crowded")) }, "IssuerGroupsStale")
	w.moves(t, func() { w.fleet.redis.Stop(); want(http.StatusOK, known) }, "IssuerDependencyDown", "IssuerRateLimitFallback")
	stranger := personaToken(t, w.fleet.tenant, "reader")
	w.moves(t, func() {
		w.postgres.Stop()
		want(http.StatusOK, known)
		want(http.StatusServiceUnavailable, stranger)
	}, "IssuerAuditWaiting", "IssuerExchangesFail", "IssuerRolesStale")
}

// TestWhatAnAlertOfTheKeysIsAboutMovesItsMetric: a restored backup, an old ring, and none.
func TestWhatAnAlertOfTheKeysIsAboutMovesItsMetric(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	settings := stores(t, server.URL)["postgres"]
	s := serve(t, settings)
	s.moves(t, func() { mustExec(t, settings, `DELETE FROM issuer.keys WHERE generation = 3`) }, "IssuerKeyStoreDisputed")

	cron := append(stores(t, server.URL)["postgres"], "ISSUER_ROTATE=cron")
	none := serveCold(t, cron)
	_, page := get(t, none.admin+"/metrics")
	if !strings.Contains(string(page), "\nissuer_replica_info{") || strings.Contains(string(page), "\nissuer_key_signing_generation") {
		t.Error("a replica without a ring does not look as IssuerNoKeySigns has it")
	}
	aged := strings.TrimPrefix(agedRing(t, 37*time.Hour)[0], "ISSUER_KEYS_FILE=")
	none.moves(t, func() {
		if code, _, stderr := execute(t, cron, "keys", "import", aged); code != exitDone {
			t.Fatal(stderr)
		}
	}, "IssuerKeyRotationOverdue")
}

// TestWhatAnAlertOfClocksAndRedisIsAboutMovesItsMetric: Entra's clock, and an entry that somebody else wrote.
func TestWhatAnAlertOfClocksAndRedisIsAboutMovesItsMetric(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	f.wantEditor(t, f.replica(t))
	name := f.entries(t)[0]
	f.tenant.SetDateOffset(-10 * time.Minute)
	s := f.replica(t)
	s.moves(t, func() {
		if err := f.kept.SetRange(t.Context(), name, 40, "x").Err(); err != nil {
			t.Fatal(err)
		}
		f.wantEditor(t, s)
	}, "IssuerSharedCacheForged")
	_, page := get(t, s.admin+"/metrics")
	series, fires := last(t, caseOf(t, "IssuerEntraClockOff").Fires[0])
	if offset := shownBy(string(page), series); offset < fires {
		t.Errorf("the clock is %v s ahead of Entra's", offset)
	}
}
