package main

import (
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// scenes are all there are: each alert is in one.
func scenes() map[string]scene {
	return map[string]scene{
		"what it stands on goes, one by one": {[]string{
			"IssuerNothingGranted", "IssuerGroupsStale", "IssuerDependencyDown", "IssuerRateLimitFallback", "IssuerAuditWaiting", "IssuerExchangesFail", "IssuerRolesStale",
		}, everythingGoes},
		"a process is stopped":                       {[]string{"IssuerAbsent", "IssuerDown"}, stopped},
		"a backup is restored":                       {[]string{"IssuerKeyStoreDisputed"}, restored},
		"there are no keys, and then old ones":       {[]string{"IssuerNoKeySigns", "IssuerKeyRotationOverdue"}, withoutKeys},
		"the database is away for half an hour":      {[]string{"IssuerKeyStoreStale"}, databaseAway},
		"the clock is off the database's":            {[]string{"IssuerKeyStoreClockOff"}, clockOffStore},
		"the clock is behind, and a hand-over is so": {[]string{"IssuerHandOverPassed"}, clockBehind},
		"Entra's clock is off":                       {[]string{"IssuerEntraClockOff"}, clockOffEntra},
		"no engine fetches the key set any more":     {[]string{"IssuerKeySetNotFetched", "IssuerRelyingPartyLate"}, engineGone},
		"somebody writes to Redis":                   {[]string{"IssuerSharedCacheForged"}, forgedEntry},
		"Microsoft Graph takes its time":             {[]string{"IssuerSlow"}, slowGraph},
		"more records wait than there is room for":   {[]string{"IssuerAuditLost"}, journalFull},
	}
}

// clock is that of a machine, as the keys see it: off by what it is set to.
type clock struct{ off atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.off.Load())) }

func (c *clock) set(off time.Duration) { c.off.Store(int64(off)) }

// run starts the service of p and returns once it is ready.
func (seen *sightings) run(p program) served {
	seen.Helper()
	s := listening(seen.T, startProgram(seen.T, p, "serve"))
	s.awaitReady(seen.T)
	return s
}

// ownDatabase starts a Postgres that may be stopped, and returns the settings of a service on it.
func (seen *sightings) ownDatabase(authority string) (*pgtest.Server, []string) {
	seen.Helper()
	postgres := pgtest.Start(seen.T)
	settings := environ(authority, "ISSUER_DATABASE_URL="+postgres.URL(), "ISSUER_KEYS_ENCRYPTION_KEY="+goodKEK, "ISSUER_RATE_LIMIT_SUBJECT=0")
	for _, args := range [][]string{{"migrate"}, {"roles", "apply", "--yes", "-f", rolesFile(seen.T)}} {
		if code, _, stderr := execute(seen.T, settings, args...); code != exitDone {
			seen.Fatalf("issuer %v: %s", args, stderr)
		}
	}
	return postgres, settings
}

// want exchanges a token.
func (seen *sightings) want(s served, status int, token string) {
	seen.Helper()
	if got := s.exchange(seen.T, token); got.Status != status {
		seen.Errorf("%d %q, want %d", got.Status, got.Reason, status)
	}
}

func everythingGoes(seen *sightings) {
	w := watch(seen.T, "ISSUER_GROUPS_TTL=0s", "ISSUER_GROUPS_STALE=0s")
	known := personaToken(seen.T, w.fleet.tenant, "editor")
	seen.want(w.served, http.StatusOK, known)
	seen.moves(w.served, func() { seen.want(w.served, http.StatusBadRequest, "no token") }, "IssuerNothingGranted")
	w.fleet.tenant.SetWeather(faketenant.PartGraph, faketenant.Weather{Status: http.StatusServiceUnavailable})
	seen.moves(w.served, func() {
		seen.want(w.served, http.StatusServiceUnavailable, personaToken(seen.T, w.fleet.tenant, "crowded"))
	}, "IssuerGroupsStale")
	seen.moves(w.served, func() { w.fleet.redis.Stop(); seen.want(w.served, http.StatusOK, known) }, "IssuerDependencyDown", "IssuerRateLimitFallback")
	seen.await(w.served, func(is metricsPage) bool { return is.value("issuer_audit_waiting") == 0 }) // or what waits already hides what comes
	stranger := personaToken(seen.T, w.fleet.tenant, "reader")
	seen.moves(w.served, func() {
		w.postgres.Stop()
		seen.want(w.served, http.StatusOK, known)
		seen.want(w.served, http.StatusServiceUnavailable, stranger)
	}, "IssuerAuditWaiting", "IssuerExchangesFail", "IssuerRolesStale")
}

// stopped: Prometheus makes `up` of a scrape that is answered, or not. deploy/prometheus/rulestest has it make that itself.
func stopped(seen *sightings) {
	_, server := entra(seen.T)
	s := serve(seen.T, onFiles(seen.T, server.URL))
	if response, _ := get(seen.T, s.admin+"/metrics"); response.StatusCode != http.StatusOK {
		seen.Errorf("a scrape of one that runs: %s", response.Status)
	}
	if code := s.end(); code != exitDone {
		seen.Errorf("it ended with %d", code)
	}
	if response, err := http.Get(s.admin + "/metrics"); err == nil {
		response.Body.Close()
		seen.Errorf("a scrape of one that was stopped: %s", response.Status)
	}
	seen.alerts = append(seen.alerts, "IssuerAbsent", "IssuerDown")
}

func clockOffEntra(seen *sightings) {
	tenant, server := entra(seen.T)
	tenant.SetDateOffset(-10 * time.Minute)
	s := serve(seen.T, onFiles(seen.T, server.URL))
	if offset := s.metrics(seen.T).value("issuer_entra_clock_offset_seconds"); math.Abs(offset) <= boundOf(seen.T, "IssuerEntraClockOff") {
		seen.Errorf("the clock is %v s ahead of Entra's", offset)
	}
	seen.alerts = append(seen.alerts, "IssuerEntraClockOff")
}

func forgedEntry(seen *sightings) {
	f := newFleet(seen.T)
	f.wantEditor(seen.T, f.replica(seen.T))
	name := f.entries(seen.T)[0]
	s := f.replica(seen.T)
	seen.moves(s, func() {
		if err := f.kept.SetRange(seen.Context(), name, 40, "x").Err(); err != nil {
			seen.Fatal(err)
		}
		f.wantEditor(seen.T, s)
	}, "IssuerSharedCacheForged")
}

// slowGraph: what waits is Graph, not the test.
func slowGraph(seen *sightings) {
	f := newFleet(seen.T)
	s := f.replica(seen.T, "ISSUER_GROUPS_TTL=0s")
	const metric = "issuer_exchange_duration_seconds_bucket"
	quick := `le="` + strings.TrimSuffix(time.Duration(boundOf(seen.T, "IssuerSlow")).String(), "ns") + `"`
	seen.turns(s, "IssuerSlow", func() {
		f.tenant.SetWeather(faketenant.PartGraph, faketenant.Weather{Delay: 1100 * time.Millisecond})
		f.wantEditor(seen.T, s)
	}, func(was, is metricsPage) bool {
		all := is.sum(metric, `le="+Inf"`) - was.sum(metric, `le="+Inf"`)
		return all > 0 && (is.sum(metric, quick)-was.sum(metric, quick))/all < .99
	})
}

// journalFull: the room is that of two records instead of 20,000, and the rest is the program's own.
func journalFull(seen *sightings) {
	tenant, server := entra(seen.T)
	postgres, settings := seen.ownDatabase(server.URL)
	s := seen.run(program{environ: settings, records: 2})
	known := personaToken(seen.T, tenant, "editor")
	seen.want(s, http.StatusOK, known)
	const lost = `issuer_audit_records_total{outcome="lost"}`
	seen.moves(s, func() {
		postgres.Stop()
		for before := s.metrics(seen.T).value(lost); s.metrics(seen.T).value(lost) == before; {
			seen.want(s, http.StatusOK, known)
		}
	}, "IssuerAuditLost")
}
