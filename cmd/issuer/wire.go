package main

import (
	"context"
	"crypto/rand"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rs/zerolog"

	"github.com/hasura-issuer/hasura-issuer/audit"
	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/console"
	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/telemetry"
	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/graph"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
	"github.com/hasura-issuer/hasura-issuer/redisconn"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolecache"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolemap"
)

// roleStore is what the service needs of either store of roles.
type roleStore interface {
	issuer.Roles
	Health() error
}

// loop is a background task. It runs until ctx ends and hands each failure to report, and nil once that is over, where it
// can tell.
type loop struct {
	name    string
	trouble string // the log's message for what it reports
	run     func(ctx context.Context, report func(error))
}

// service is the running program: the parts in the order data flows through them, and the loops that keep them fresh.
type service struct {
	settings   settings
	log        zerolog.Logger
	exchanges  *zerolog.Logger // where decisions are logged; nil: in log, like all else
	level      *logLevel       // of log
	replica    string          // how others know this process, see replicaName
	verifier   *idp.Verifier
	graph      *graph.Client // nil: groups that a token leaves out cannot be asked for
	groups     issuer.Groups // by graph; nil: likewise
	roles      roleStore
	source     issuer.Roles                       // what answers roles, past any cache
	redis      *redisconn.Client                  // nil: none
	shared     func(purpose string) *sharedMemory // what replicas share by Redis; nil: nothing
	policy     policyPart                         // nil: none
	journal    *audit.Journal                     // nil: decisions are recorded in the log alone
	ring       *keys.Ring
	metrics    *metrics
	tracing    *telemetry.Tracing // nil: nobody follows requests
	api        *api.API
	guard      *adminapi.Guard           // tells operators from others
	console    *console.Console          // the page for operators
	operations map[string]api.Operations // what operators may see and change, by the paths that it is below
	mapped     *rolemap.Store            // which root fields roles own; nil: that is not kept
	catalog    *rolemap.Catalog          // the same in memory; nil: likewise
	loops      []loop
	closers    []func()
	toRedis    redisOpener                          // opens redis
	azure      *http.Client                         // reaches Entra and Azure Key Vault; nil: as usual
	now        func() time.Time                     // the machine's clock, as the keys see it; nil: time.Now
	records    int                                  // of the audit that may wait in memory; 0: as many as usual
	front      func(next http.Handler) http.Handler // answers before the public routes do; nil: nobody
}

// newService builds the service that s describes on what p stands on, without any network traffic. The caller closes it.
func newService(ctx context.Context, s settings, p *program) (*service, error) {
	svc := &service{settings: s, azure: p.azure, toRedis: p.redis, now: p.now, records: p.records, replica: replicaName(), metrics: newMetrics(s.RelyingParties)}
	lines := p.stderr
	if s.LogFormat != logConsole {
		lines = svc.gathered(lines)
	}
	svc.level = openLog(s, lines, p.colour)
	svc.log = svc.level.logger()
	err := svc.build(ctx)
	if err != nil {
		svc.close()
		return nil, err
	}
	return svc, nil
}

func (svc *service) build(ctx context.Context) error {
	if err := svc.openTracing(ctx); err != nil {
		return err
	}
	pool, err := svc.openDatabase(ctx)
	if err != nil {
		return err
	}
	store, sealer, err := svc.openKeys(pool)
	if err != nil {
		return err
	}
	if err := svc.openRedis(sealer); err != nil {
		return err
	}
	if err := svc.openRoles(ctx, pool); err != nil {
		return err
	}
	svc.openCatalog(pool)
	if err := svc.openPolicy(ctx); err != nil {
		return err
	}
	if err := svc.openAudit(ctx, pool); err != nil {
		return err
	}
	config := idpConfig(svc.settings)
	config.HTTPClient = svc.azure
	verifier, err := idp.New(config)
	if err != nil {
		return usageError{err}
	}
	if err := svc.assemble(verifier, store, sealer); err != nil {
		return err
	}
	if err := svc.openAdmin(pool, store); err != nil {
		return err
	}
	svc.listenTo(pool)
	return nil
}

// listenTo has the parts look at once when somebody else changes what they hold. Without a database nobody else does.
func (svc *service) listenTo(pool *pgxpool.Pool) {
	wake := svc.listeners(pool)
	if len(wake) == 0 {
		return
	}
	svc.loops = append(svc.loops, loop{"notifications", "changes in the database are heard of late", func(ctx context.Context, report func(error)) {
		database.Listen(ctx, pool, slices.Sorted(maps.Keys(wake)), func(channel string) { wake[channel]() }, report)
	}})
}

// listeners are the parts that the database can wake, by the channel that speaks to each.
func (svc *service) listeners(pool *pgxpool.Pool) map[string]func() {
	wake := map[string]func(){}
	if pool != nil && svc.settings.KeysFile == "" {
		wake[keystore.Channel] = svc.ring.Wake
	}
	if cache, ok := svc.roles.(*rolecache.Cache); ok {
		wake[rolestore.Channel] = cache.Wake
	}
	if svc.catalog != nil {
		wake[rolemap.Channel] = svc.catalog.Wake
	}
	return wake
}

// assemble puts the parts behind the pipeline and the pipeline behind HTTP.
func (svc *service) assemble(verifier *idp.Verifier, store keys.Store, sealer *keys.Sealer) error {
	s := svc.settings
	ring, err := keys.NewRing(keys.RingConfig{
		Store: store, Sealer: sealer, Policy: s.keysPolicy(), Now: svc.now, Auto: s.Rotate == "auto", Name: svc.replica, Parties: s.RelyingParties,
	})
	if err != nil {
		return usageError{err}
	}
	if svc.groups, err = svc.openGraph(); err != nil {
		return err
	}
	config := issuerConfig(s)
	config.Limiter = svc.openLimits(sealer)
	if svc.policy != nil {
		config.Policy = countedPolicy{svc.policy, svc.metrics.policy()}
	}
	exchange, err := svc.newExchange(config, verifier, ring)
	if err != nil {
		return usageError{err}
	}
	svc.verifier, svc.ring = verifier, ring
	checks := svc.checks(sealer)
	svc.metrics.registry.MustRegister(ringCollector{ring}, clockCollector{verifier}, replicaInfo(svc.replica), svc.dependencies(checks))
	svc.metrics.caches["verified_tokens"] = func() cacheState { m := verifier.Memory(); return cacheState{m.Hits, m.Misses, m.Entries} }
	svc.metrics.caches["decisions"] = func() cacheState { m := exchange.Memory(); return cacheState{m.Hits, m.Misses, m.Entries} }
	svc.loops = append(svc.loops,
		loop{"keys", "the key ring needs attention", lateRing{sealer, ring}.run},
		loop{"entra", "Entra's keys could not be fetched", verifier.Run},
		loop{"entra", "Entra needs attention", func(ctx context.Context, report func(error)) { watchAlarms(ctx, verifier.Alarms, report) }})
	svc.api = api.New(api.Config{
		URL: s.URL, JWKSMaxAge: s.JWKSMaxAge, RelyingParties: s.RelyingParties, CORSOrigins: s.CORSOrigins, TrustedProxies: s.proxies(),
		Meter: svc.metrics, Tracer: svc.tracer(), Logger: svc.log, Exchanges: svc.exchanges,
		Checks: checks, Chooser: svc.chooser(),
	}, exchange, ring)
	return nil
}

// publicAlarms are the ring's alarms as the health routes may show them to anybody.
func (svc *service) publicAlarms() []string {
	var texts []string
	for _, alarm := range svc.ring.Alarms() {
		texts = append(texts, alarm.Public())
	}
	return texts
}

// checks are the parts as the health routes show them. The vault is one where it holds something of ours.
func (svc *service) checks(sealer *keys.Sealer) []api.Check {
	checks := []api.Check{
		{Name: "keys", Health: svc.ring.Health, Alarms: svc.publicAlarms},
		{Name: "roles", Health: svc.roles.Health},
		{Name: "entra", Health: svc.verifier.Health, Alarms: svc.entraAlarms},
		svc.redisCheck(),
	}
	if svc.graph != nil {
		checks = append(checks, api.Check{Name: "graph", Health: svc.graph.Health})
	}
	if svc.policy != nil {
		checks = append(checks, api.Check{Name: "policy", Health: svc.policy.Health})
	}
	if svc.journal != nil {
		checks = append(checks, api.Check{Name: "audit", Health: svc.journal.Health})
	}
	if svc.settings.KeysEncryptionKey.anyWrapped() {
		checks = append(checks, api.Check{Name: "keyvault", Health: sealer.Missing})
	}
	return checks
}

// replicaName is how others know this process from those beside it and before it.
func replicaName() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "issuer"
	}
	return host[:min(len(host), 100)] + "-" + strings.ToLower(rand.Text()[:8])
}

func (svc *service) onClose(f func()) { svc.closers = append(svc.closers, f) }

// close gives everything back in reverse order.
func (svc *service) close() {
	for _, closer := range slices.Backward(svc.closers) {
		closer()
	}
}

func (s *settings) roleRules() rolestore.Rules {
	return rolestore.Rules{AllowAdmin: s.AllowAdminRole, ReservedVariables: s.SessionClaims.variables()}
}

func idpConfig(s settings) idp.Config {
	return idp.Config{
		Authority: s.EntraAuthority, Tenants: s.EntraTenants, Audiences: s.EntraAudiences, Clients: s.EntraClients,
		Scopes: s.EntraScopes, AppRoles: s.EntraAppRoles, RefuseGuests: !s.EntraAllowGuests, Leeway: s.ClockLeeway,
		KeepClaims: s.SessionClaims.claims(), Issuers: s.EntraIssuers.list, V1Issuer: s.EntraIssuerV1, V2Issuer: s.EntraIssuerV2,
		SigningKeyAppID: s.EntraSigningKeyApp, CacheSize: s.EntraTokenCache,
	}
}

func issuerConfig(s settings) issuer.Config {
	return issuer.Config{
		URL: s.URL, Audience: s.TokenAudience, TTL: s.TokenTTL,
		ClaimsNamespace: s.ClaimsNamespace, ClaimsNamespacePath: s.ClaimsNamespacePath,
		StringifiedClaims: s.ClaimsFormat == "stringified_json", ArrayFormat: issuer.ArrayFormat(s.ArrayFormat),
		SessionClaims: s.SessionClaims.list, Remember: s.TokenCache,
	}
}
