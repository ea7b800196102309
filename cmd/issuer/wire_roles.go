package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolecache"
)

// cacheRoles has the database answer what callers may be, by its grants or by the operator's own query, behind a cache.
func (svc *service) cacheRoles(ctx context.Context, pool *pgxpool.Pool) error {
	s, used := svc.settings, &uses{}
	store := rolestore.NewPostgres(pool, s.roleRules())
	svc.source = store
	config := rolecache.Config{
		Store: store, TTL: s.RolesTTL, Stale: s.RolesStale, Callers: s.RolesCache, Observe: svc.metrics.roles(used),
		Scope: rolesScope(s, pool, ""),
	}
	if s.RolesQueryFile != "" {
		query, err := s.ownQuery(ctx, pool)
		if err != nil {
			return usageError{err}
		}
		if err := svc.tryQuery(ctx, query); err != nil {
			return err
		}
		svc.source = query
		config.Store, config.Untracked, config.Scope = query, true, rolesScope(s, pool, query.Text())
	}
	if svc.shared != nil {
		config.Shared = svc.shared("roles")
	}
	cache := rolecache.New(config)
	svc.roles = cache
	svc.metrics.caches["roles"] = used.state(cache.Entries)
	svc.loops = append(svc.loops, loop{"roles", "roles cannot be looked up", cache.Run})
	return nil
}

// rolesScope names what answers about callers depend on beside the rows: the database, the rules and the operator's query.
func rolesScope(s settings, pool *pgxpool.Pool, query string) string {
	at := pool.Config().ConnConfig
	return fmt.Sprintf("%q %d %q %q %+v", at.Host, at.Port, at.Database, query, s.roleRules())
}

// tryQuery refuses a query that does not work. That the database cannot be reached now says nothing about it.
func (svc *service) tryQuery(ctx context.Context, query *rolestore.OwnQuery) error {
	ctx, cancel := context.WithTimeout(ctx, databaseWait)
	defer cancel()
	err := query.Check(ctx)
	if errors.Is(err, rolestore.ErrUnavailable) && !errors.Is(err, rolestore.ErrBrokenRow) {
		svc.log.Warn().Err(err).Msg("the query for roles could not be tried yet")
		return nil
	}
	if err != nil {
		return usageError{fmt.Errorf("ISSUER_ROLES_QUERY_FILE: %w", err)}
	}
	return nil
}

// ownQuery reads the operator's query. It does not try it.
func (s *settings) ownQuery(ctx context.Context, pool *pgxpool.Pool) (*rolestore.OwnQuery, error) {
	const most = 1 << 20 // more than a query may have, so that the store says what is wrong
	file, err := os.Open(s.RolesQueryFile)
	if err != nil {
		return nil, fmt.Errorf("ISSUER_ROLES_QUERY_FILE: %s: %w", shown(s.RolesQueryFile), pathless(err))
	}
	defer file.Close() // nothing was written
	text, err := io.ReadAll(io.LimitReader(file, most))
	if err != nil {
		return nil, fmt.Errorf("ISSUER_ROLES_QUERY_FILE: %s: %w", shown(s.RolesQueryFile), pathless(err))
	}
	query, err := rolestore.NewOwnQuery(ctx, pool, s.roleRules(), string(text))
	if err != nil {
		return nil, fmt.Errorf("ISSUER_ROLES_QUERY_FILE: %w", err)
	}
	return query, nil
}

// roles counts where answers about callers come from.
func (m *metrics) roles(used *uses) func(rolecache.Outcome) {
	answers := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "issuer_role_answers_total", Help: "Questions what a caller may be, by where the answer came from.",
	}, []string{"source"})
	m.registry.MustRegister(answers)
	by := map[rolecache.Outcome]prometheus.Counter{}
	for _, source := range []rolecache.Outcome{rolecache.Hit, rolecache.Found, rolecache.Asked, rolecache.Stale, rolecache.Failed} {
		by[source] = answers.WithLabelValues(string(source)) // shown from the start, so that a rate can be 0
	}
	return func(from rolecache.Outcome) {
		by[from].Inc()
		used.count(from == rolecache.Hit)
	}
}
