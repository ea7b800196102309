package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rs/zerolog"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// roleStore is what the service needs of either store of roles.
type roleStore interface {
	issuer.Roles
	Health() error
}

// loop is a background task. It runs until ctx ends and hands each failure to report.
type loop struct {
	name string
	run  func(ctx context.Context, report func(error))
}

// service is the running program: the parts in the order data flows through them, and the loops that keep them fresh.
type service struct {
	settings settings
	log      zerolog.Logger
	verifier *idp.Verifier
	roles    roleStore
	ring     *keys.Ring
	metrics  *metrics
	api      *api.API
	loops    []loop
	closers  []func()
}

// newService builds the service that s describes, without any network traffic. The caller closes it.
func newService(ctx context.Context, s settings, log zerolog.Logger) (*service, error) {
	svc := &service{settings: s, log: log}
	err := svc.build(ctx)
	if err != nil {
		svc.close()
		return nil, err
	}
	return svc, nil
}

func (svc *service) build(ctx context.Context) error {
	pool, err := svc.openDatabase(ctx)
	if err != nil {
		return err
	}
	if err := svc.openRoles(pool); err != nil {
		return err
	}
	store, sealer, err := svc.openKeys(pool)
	if err != nil {
		return err
	}
	verifier, err := idp.New(idpConfig(svc.settings))
	if err != nil {
		return usageError{err}
	}
	if err := svc.assemble(verifier, store, sealer); err != nil {
		return err
	}
	svc.listenTo(pool)
	return nil
}

// listenTo has the parts look at once when somebody else changes what they hold. Without a database nobody else does.
func (svc *service) listenTo(pool *pgxpool.Pool) {
	if pool == nil || svc.settings.KeysFile != "" {
		return
	}
	svc.loops = append(svc.loops, loop{"notifications", func(ctx context.Context, report func(error)) {
		database.Listen(ctx, pool, []string{keystore.Channel}, func(string) { svc.ring.Wake() }, report)
	}})
}

// assemble puts the parts behind the pipeline and the pipeline behind HTTP.
func (svc *service) assemble(verifier *idp.Verifier, store keys.Store, sealer *keys.Sealer) error {
	s := svc.settings
	ring, err := keys.NewRing(keys.RingConfig{
		Store: store, Sealer: sealer, Policy: s.keysPolicy(), Auto: s.Rotate == "auto", Name: replicaName(), Parties: s.RelyingParties,
	})
	if err != nil {
		return usageError{err}
	}
	exchange, err := issuer.New(issuerConfig(s), verifier, svc.roles, ring)
	if err != nil {
		return usageError{err}
	}
	svc.verifier, svc.ring, svc.metrics = verifier, ring, newMetrics(s.RelyingParties)
	svc.metrics.registry.MustRegister(ringCollector{ring})
	svc.loops = append(svc.loops, loop{"keys", ring.Run}, loop{"entra", verifier.Run})
	svc.api = api.New(api.Config{
		URL: s.URL, JWKSMaxAge: s.JWKSMaxAge, RelyingParties: s.RelyingParties, CORSOrigins: s.CORSOrigins,
		Meter: svc.metrics, Logger: svc.log,
		Checks: []api.Check{
			{Name: "keys", Health: ring.Health, Alarms: ring.Alarms},
			{Name: "roles", Health: svc.roles.Health},
			{Name: "entra", Health: verifier.Health},
			{Name: "redis", Off: true},
		},
	}, exchange, ring)
	return nil
}

// databaseWait is how long a start waits for the database before it goes on without.
const databaseWait = 5 * time.Second

// openDatabase opens the pool, if the settings name a database, and refuses a schema that is too old. A database that
// cannot be reached now is no reason to stop: the parts that need it say so until it is there.
func (svc *service) openDatabase(ctx context.Context) (*pgxpool.Pool, error) {
	url := svc.settings.DatabaseURL.reveal()
	if url == "" {
		return nil, nil
	}
	pool, err := database.Open(ctx, url)
	if err != nil {
		return nil, usageError{fmt.Errorf("ISSUER_DATABASE_URL: %w", err)}
	}
	svc.onClose(pool.Close)
	ctx, cancel := context.WithTimeout(ctx, databaseWait)
	defer cancel()
	err = database.Check(ctx, pool)
	if errors.Is(err, database.ErrSchemaTooOld) {
		return nil, usageError{err}
	}
	if err != nil {
		svc.log.Warn().Err(err).Msg("database cannot be reached yet")
		return pool, nil
	}
	if err := database.CheckSessions(ctx, pool); err != nil {
		svc.log.Warn().Err(err).Msg("database sessions")
	}
	return pool, nil
}

// openMigrated opens the database for a command that cannot do without it and its tables. The caller closes it.
func openMigrated(ctx context.Context, s settings) (*pgxpool.Pool, error) {
	pool, err := database.Open(ctx, s.DatabaseURL.reveal())
	if err != nil {
		return nil, usageError{fmt.Errorf("ISSUER_DATABASE_URL: %w", err)}
	}
	ctx, cancel := context.WithTimeout(ctx, databaseWait)
	defer cancel()
	err = database.Check(ctx, pool)
	if errors.Is(err, database.ErrSchemaTooOld) {
		err = usageError{err}
	}
	if err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

func (svc *service) openRoles(pool *pgxpool.Pool) error {
	s := svc.settings
	if s.RolesFile == "" {
		svc.roles = rolestore.NewPostgres(pool, s.roleRules())
		return nil
	}
	file, err := rolestore.OpenFile(s.RolesFile, s.roleRules())
	if err != nil {
		return usageError{fmt.Errorf("ISSUER_ROLES_FILE: %w", err)}
	}
	svc.roles = file
	svc.loops = append(svc.loops, loop{"roles", file.Run})
	return nil
}

// openKeys opens the keys file, or the database where none is set. Without a key-encryption key the sealer is nil, which
// only a keys file accepts.
func (svc *service) openKeys(pool *pgxpool.Pool) (keys.Store, *keys.Sealer, error) {
	s := svc.settings
	var sealer *keys.Sealer
	if keks := s.KeysEncryptionKey.keks; len(keks) > 0 {
		var err error
		if sealer, err = keys.NewSealer(keks...); err != nil {
			return nil, nil, usageError{fmt.Errorf("ISSUER_KEYS_ENCRYPTION_KEY: %w", err)}
		}
	}
	if s.KeysFile == "" {
		return keystore.NewPostgres(pool), sealer, nil
	}
	store, err := keystore.OpenFile(s.KeysFile, time.Now)
	if err != nil {
		return nil, nil, usageError{fmt.Errorf("ISSUER_KEYS_FILE: %w", err)}
	}
	svc.onClose(func() { _ = store.Close() })
	return store, sealer, nil
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
		KeepClaims: s.SessionClaims.claims(),
	}
}

func issuerConfig(s settings) issuer.Config {
	return issuer.Config{
		URL: s.URL, Audience: s.TokenAudience, TTL: s.TokenTTL,
		ClaimsNamespace: s.ClaimsNamespace, ClaimsNamespacePath: s.ClaimsNamespacePath,
		StringifiedClaims: s.ClaimsFormat == "stringified_json", ArrayFormat: issuer.ArrayFormat(s.ArrayFormat),
		SessionClaims: s.SessionClaims.list,
	}
}

// logger writes one JSON object a line to stderr, or text for a person, coloured where it shows on a terminal.
func (p *program) logger(s settings) zerolog.Logger {
	w := p.stderr
	level, err := zerolog.ParseLevel(s.LogLevel)
	if err != nil {
		level = zerolog.InfoLevel
	}
	if s.LogFormat == "console" {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: !p.colour}
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger()
}
