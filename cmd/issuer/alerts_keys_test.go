package main

import (
	"math"
	"strings"
	"time"
)

func restored(seen *sightings) {
	_, server := entra(seen.T)
	settings := stores(seen.T, server.URL)["postgres"]
	s := serve(seen.T, settings)
	seen.moves(s, func() { mustExec(seen.T, settings, `DELETE FROM issuer.keys WHERE generation = 3`) }, "IssuerKeyStoreDisputed")
}

func withoutKeys(seen *sightings) {
	_, server := entra(seen.T)
	cron := append(stores(seen.T, server.URL)["postgres"], "ISSUER_ROTATE=cron")
	s := serveCold(seen.T, cron)
	if page := string(s.metrics(seen.T)); !strings.Contains(page, "\nissuer_replica_info{") || strings.Contains(page, "\nissuer_key_signing_generation") {
		seen.Error("a replica without a ring does not look as IssuerNoKeySigns has it")
	}
	aged := strings.TrimPrefix(agedRing(seen.T, 37*time.Hour)[0], "ISSUER_KEYS_FILE=")
	overdue := boundOf(seen.T, "IssuerKeyRotationOverdue")
	seen.turns(s, "IssuerKeyRotationOverdue", func() {
		if code, _, stderr := execute(seen.T, cron, "keys", "import", aged); code != exitDone {
			seen.Fatal(stderr)
		}
	}, func(_, is metricsPage) bool { return is.value("issuer_key_rotation_overdue_seconds") > overdue })
	if s.metrics(seen.T).value("issuer_key_signing_generation") == 0 {
		seen.Error("a replica with a ring looks as IssuerNoKeySigns has it")
	}
	seen.alerts = append(seen.alerts, "IssuerNoKeySigns")
}

// databaseAway: half an hour passes by the machine's clock.
func databaseAway(seen *sightings) {
	_, server := entra(seen.T)
	postgres, settings := seen.ownDatabase(server.URL)
	machine := &clock{}
	s := seen.run(program{environ: settings, now: machine.now})
	most := boundOf(seen.T, "IssuerKeyStoreStale")
	seen.turns(s, "IssuerKeyStoreStale", func() {
		postgres.Stop()
		machine.set(30 * time.Minute)
	}, func(_, is metricsPage) bool {
		return is.value("issuer_key_store_age_seconds")/is.value("issuer_key_store_age_limit_seconds") > most
	})
}

// clockOffStore: the metric has no sign, so it is tried on both sides.
func clockOffStore(seen *sightings) {
	_, server := entra(seen.T)
	settings := stores(seen.T, server.URL)["postgres"]
	machine := &clock{}
	s := seen.run(program{environ: settings, now: machine.now})
	most := boundOf(seen.T, "IssuerKeyStoreClockOff")
	off := func(is metricsPage) bool { return math.Abs(is.value("issuer_key_store_clock_offset_seconds")) > most }
	look := func(by time.Duration) func() {
		return func() { machine.set(by); mustExec(seen.T, settings, "SELECT 1") } // and wakes the ring
	}
	seen.turns(s, "IssuerKeyStoreClockOff", look(40*time.Second), func(_, is metricsPage) bool { return off(is) })
	look(0)()
	seen.await(s, func(is metricsPage) bool { return !off(is) })
	look(-40 * time.Second)()
	seen.await(s, off)
}

// clockBehind: a key took over ten minutes ago, and the machine's clock is twenty behind, until somebody mends it.
func clockBehind(seen *sightings) {
	_, server := entra(seen.T)
	machine := &clock{}
	machine.set(-20 * time.Minute)
	settings := append(onFiles(seen.T, server.URL), agedRing(seen.T, 24*time.Hour+10*time.Minute)...)
	s := seen.run(program{environ: settings, now: machine.now})
	most := boundOf(seen.T, "IssuerHandOverPassed")
	seen.mends(s, "IssuerHandOverPassed", func() { machine.set(0) }, func(is metricsPage) bool {
		at := is.value("issuer_key_hand_over_timestamp_seconds")
		return at > 0 && at < float64(time.Now().Unix())-most
	})
}

// engineGone: for twenty minutes by the machine's clock it is late, and while others are served nobody fetches anything.
func engineGone(seen *sightings) {
	tenant, server := entra(seen.T)
	machine := &clock{}
	s := seen.run(program{environ: onFiles(seen.T, server.URL, "ISSUER_RELYING_PARTIES=v2"), now: machine.now})
	const fetches = "issuer_jwks_requests_total"
	fetch := func() { get(seen.T, s.base+"/.well-known/jwks.json?rp=v2") }
	before := s.metrics(seen.T)
	fetch()
	if now := s.metrics(seen.T); !strings.Contains(string(before), fetches+"{") || now.sum(fetches, "") == before.sum(fetches, "") {
		seen.Error("a fetch does not count, or a metric that is not there cannot stand still")
	}
	seen.turns(s, "IssuerRelyingPartyLate", func() { machine.set(20 * time.Minute) },
		func(_, is metricsPage) bool { return is.value(`issuer_relying_party_late{rp="v2"}`) > 0 })
	seen.turns(s, "IssuerKeySetNotFetched", func() { seen.want(s, 200, personaToken(seen.T, tenant, "editor")) }, func(was, is metricsPage) bool {
		return is.sum("issuer_exchanges_total", "") > was.sum("issuer_exchanges_total", "") && is.sum(fetches, "") == was.sum(fetches, "")
	})
	fetch()
	seen.await(s, func(is metricsPage) bool { return is.value(`issuer_relying_party_late{rp="v2"}`) == 0 })
}
