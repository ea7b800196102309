package main

import (
	"runtime"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hasura-issuer/hasura-issuer/compat"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolemap"
)

// mapsRoles reports whether roles can be mapped to root fields: where our own grants, in a database, are in force.
func (s *settings) mapsRoles() bool {
	return s.DatabaseURL.reveal() != "" && s.RolesFile == "" && s.RolesQueryFile == ""
}

// lacksCompatTenant reports whether nobody knows whose users and groups a provisioner means, where roles can be mapped.
func (s *settings) lacksCompatTenant() bool { return s.mapsRoles() && s.CompatTenant == "" }

const whoseNames = "ISSUER_COMPAT_TENANT does not say whose users and groups they name, and ISSUER_ENTRA_TENANTS names not exactly one tenant"

// provisioning notes that a provisioner would find nobody at its routes.
func (s *settings) provisioning() []finding {
	if !s.lacksCompatTenant() {
		return nil
	}
	return []finding{{
		Name: "compat", Status: note, Detail: "a provisioner's routes below /v1/ are 404: " + whoseNames,
		Cure: "set it where a provisioner is to map roles (docs/compat.md); else nothing is wrong",
	}}
}

// openCatalog makes what knows which root fields roles own, where roles can be mapped.
func (svc *service) openCatalog(pool *pgxpool.Pool) {
	if !svc.settings.mapsRoles() {
		return
	}
	svc.mapped = rolemap.New(pool, svc.settings.roleRules())
	svc.catalog = rolemap.NewCatalog(svc.mapped, svc.settings.RolesTTL, svc.settings.RolesStale)
	svc.loops = append(svc.loops, loop{"mapped_roles", "the root fields of roles cannot be read", svc.catalog.Run})
}

// chooser finds the role for a query; nil where roles are not mapped.
func (svc *service) chooser() api.Chooser {
	if svc.catalog == nil {
		return nil
	}
	return compat.Chooser{Owners: svc.catalog, Places: make(chan struct{}, 2*runtime.GOMAXPROCS(0))}
}

// openCompat makes what a provisioner may see and change, where roles can be mapped.
func (svc *service) openCompat(guard compat.Guard) {
	s := svc.settings
	if svc.mapped == nil {
		return
	}
	if s.lacksCompatTenant() {
		svc.log.Info().Str("setting", "ISSUER_COMPAT_TENANT").Msg("a provisioner's routes below /v1/ are 404: " + whoseNames)
		return
	}
	if s.InsecureCompat {
		svc.log.Warn().Str("setting", "ISSUER_INSECURE_COMPAT").
			Msg("whoever reaches ISSUER_ADMIN_LISTEN may map roles and say who holds them, without credentials")
	}
	refused, unresolved := svc.metrics.compat()
	svc.operations["/v1/"] = compat.New(compat.Config{
		Guard: guard, Store: svc.mapped, Tenant: s.CompatTenant, Open: s.InsecureCompat, AllowEmpty: s.CompatAllowEmpty,
		Resolver: svc.newResolver(),
		Refused:  func(why string) { refused.WithLabelValues(why).Inc() },
		Unresolved: func(names int) {
			if names > 0 {
				unresolved.Add(float64(names))
				svc.log.Warn().Int("names", names).Msg("nobody was found by some names of a provisioner's list: see issuer roles mapped")
			}
		},
	})
}

// newResolver asks Microsoft Graph, if the settings name somebody to ask as.
func (svc *service) newResolver() *compat.Resolver {
	resolver := &compat.Resolver{Failed: func(err error) {
		svc.log.Warn().Err(err).Msg("names of a provisioner's list could not be looked up")
	}}
	if svc.graph != nil { // else the interface would hold a client that is none
		resolver.Directory = svc.graph
	}
	return resolver
}

// compat counts what a provisioner is refused for safety's sake, and the names nobody was found by.
func (m *metrics) compat() (refused *prometheus.CounterVec, unresolved prometheus.Counter) {
	refused = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "issuer_compat_refused_total", Help: "Changes by a provisioner that were refused for safety's sake.",
	}, []string{"reason"})
	unresolved = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "issuer_compat_unresolved_total", Help: "Names in a provisioner's lists that nobody was found by, each time that they were listed.",
	})
	m.registry.MustRegister(refused, unresolved)
	for _, why := range compat.Refusals() {
		refused.WithLabelValues(why) // shown from the start, so that a rate can be 0
	}
	return refused, unresolved
}
