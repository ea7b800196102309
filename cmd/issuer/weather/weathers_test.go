package weather

import (
	"net/http"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// fault is something that befalls a dependency, and what may come of it.
type fault struct {
	name    string
	reasons []string // of 503, which may be given while it lasts
	shows   bool     // at least one of them is given, if it lasts
	ill     bool     // /readyz?full tells of it, if it lasts
	begin   func(*world)
	end     func(*world)
	while   func(*scene) // looks closer, once it shows; nil: nobody does
}

// through is a fault of the way to a dependency.
func through(name string, way func(*world) *proxy, a air, f fault) fault {
	f.name = name
	f.begin = func(w *world) { way(w).set(a) }
	f.end = func(w *world) { way(w).set(fair) }
	return f
}

// of is a fault of a part of Entra or Graph.
func of(name string, part faketenant.Part, weather faketenant.Weather, f fault) fault {
	f.name = name
	f.begin = func(w *world) { w.tenant.SetWeather(part, weather) }
	f.end = func(w *world) { w.tenant.SetWeather(part, faketenant.Weather{}) }
	return f
}

// spoiling is a policy server that answers something else than a decision.
func spoiling(name string, s spoilt) fault {
	return fault{
		name: name, reasons: []string{noPolicy}, shows: true, ill: true,
		begin: func(w *world) { w.opa.broken.Store(&s) },
		end:   func(w *world) { w.opa.broken.Store(nil) },
	}
}

func postgres(w *world) *proxy { return w.toPostgres }
func redis(w *world) *proxy    { return w.toRedis }
func entra(w *world) *proxy    { return w.toEntra }
func policies(w *world) *proxy { return w.toPolicies }

// postgresFaults: grants and blocks count for a while, and then nobody is let in.
func postgresFaults() []fault {
	late, dead := fault{reasons: []string{noRoles}}, fault{reasons: []string{noRoles}, shows: true, ill: true}
	return []fault{
		through("Postgres slow", postgres, slow, late),
		through("Postgres gone", postgres, gone, dead),
		through("Postgres silent", postgres, silent, dead),
		through("Postgres cut in its answers", postgres, halved, dead),
		{
			name: "Postgres frozen", reasons: dead.reasons, shows: true, ill: true,
			begin: func(w *world) { w.postgres.Freeze() }, end: func(w *world) { w.postgres.Thaw() },
		},
		{
			name: "Postgres killed", reasons: dead.reasons, shows: true, ill: true,
			begin: func(w *world) { w.postgres.Kill() }, end: func(w *world) { w.postgres.Restart() },
		},
	}
}

// redisFaults: nobody hears of any of them.
func redisFaults() []fault {
	dead := fault{ill: true}
	return []fault{
		through("Redis slow", redis, slow, dead),
		through("Redis gone", redis, gone, dead),
		through("Redis silent", redis, silent, dead),
		through("Redis cut in its answers", redis, halved, dead),
		{name: "Redis frozen", ill: true, begin: func(w *world) { w.redis.Freeze() }, end: func(w *world) { w.redis.Thaw() }},
		{name: "Redis killed", ill: true, begin: func(w *world) { w.redis.Stop() }, end: func(w *world) { w.redis.Restart() }},
	}
}

// graphFaults: groups count for a while, and then who needs some is not let in.
func graphFaults() []fault {
	late, dead := fault{reasons: []string{noGroups}}, fault{reasons: []string{noGroups}, shows: true, ill: true}
	graph := faketenant.PartGraph
	return []fault{
		of("Graph slow", graph, faketenant.Weather{Delay: slowness}, late),
		of("Graph silent", graph, faketenant.Weather{Hang: true}, dead),
		of("Graph out of order", graph, faketenant.Weather{Status: http.StatusServiceUnavailable}, dead),
		of("Graph throttling", graph, faketenant.Weather{Status: http.StatusTooManyRequests, RetryAfter: slowness}, dead),
		of("Graph cut in its answers", graph, faketenant.Weather{Body: faketenant.BodyTruncated}, dead),
		of("Graph behind a sign-in page", graph, faketenant.Weather{Body: faketenant.BodyHTML}, dead),
	}
}

// policyFaults: nobody who has roles is let in, at once.
func policyFaults() []fault {
	late, dead := fault{reasons: []string{noPolicy}}, fault{reasons: []string{noPolicy}, shows: true, ill: true}
	return []fault{
		through("the policy slow", policies, slow, late),
		through("the policy gone", policies, gone, dead),
		through("the policy silent", policies, silent, dead),
		through("the policy cut in its answers", policies, halved, dead),
		spoiling("the policy out of order", spoilt{http.StatusInternalServerError, `{"code": "internal_error"}`}),
		spoiling("the policy undefined", spoilt{http.StatusOK, `{}`}),
		spoiling("the policy garbled", spoilt{http.StatusOK, `{"result": tr`}),
	}
}

// entraFaults: whoever has the keys keeps them. Graph is beside Entra on the same way.
func entraFaults() []fault {
	late, dead := fault{reasons: []string{noGroups, noKeys}}, fault{reasons: []string{noGroups, noKeys}, shows: true}
	keys := fault{reasons: []string{noKeys}, shows: true}
	return []fault{
		through("Entra slow", entra, slow, late),
		through("Entra gone", entra, gone, dead),
		through("Entra silent", entra, silent, dead),
		through("Entra cut in its answers", entra, halved, dead),
		of("Entra's keys out of order", faketenant.PartKeys, faketenant.Weather{Status: http.StatusServiceUnavailable}, keys),
		of("Entra's keys cut in their answers", faketenant.PartKeys, faketenant.Weather{Body: faketenant.BodyTruncated}, keys),
		of("Entra's documents silent", faketenant.PartDiscovery, faketenant.Weather{Hang: true}, keys),
	}
}
