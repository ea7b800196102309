package main

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/console"
	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/history"
)

// openAdmin makes what operators may see and change over HTTP, of the parts that are there already.
func (svc *service) openAdmin(pool *pgxpool.Pool, store keys.Store) error {
	guard, err := svc.newGuard()
	if err != nil {
		return err
	}
	explainer, err := svc.newExplainer()
	if err != nil {
		return err
	}
	config := adminapi.Config{
		Guard: guard, Explainer: explainer, AsksGraph: svc.graph != nil, Verbosity: svc.level,
		Assume: func(caller idp.Subject, groupsUnknown bool) ([]string, error) {
			return svc.settings.assumptions(caller, groupsUnknown), svc.settings.refusal(caller)
		},
		Cure:    func(reason issuer.Reason) string { return reasonCures[string(reason)] },
		Keys:    func(ctx context.Context) (adminapi.Ring, error) { return svc.ringIn(ctx, store) },
		Replica: svc.described,
	}
	switch roles := svc.roles.(type) {
	case *rolestore.File:
		config.Roles, config.InFile = roles, "roles are kept in the file ISSUER_ROLES_FILE names; edit the file"
	case *rolestore.Memory:
		config.Roles, config.InFile = roles, "issuer dev keeps roles in memory and changes none; issuer serve on a database does"
	default:
		store := rolestore.NewPostgres(pool, svc.settings.roleRules())
		config.Roles, config.Editor = store, store
		config.History = func(ctx context.Context, q history.Query) (history.Page, error) {
			return history.ListPage(ctx, pool, q)
		}
	}
	if svc.settings.RolesQueryFile != "" {
		config.GrantsElsewhere = "grants come from the query that ISSUER_ROLES_QUERY_FILE names; look at your own tables"
	}
	if svc.console, err = console.New(); err != nil {
		return err
	}
	svc.guard = guard
	svc.operations = map[string]api.Operations{"/admin/v1/": adminapi.New(config)}
	svc.openCompat(guard)
	return nil
}

// newGuard lets in operators by Entra tokens of their tenants, if there are any, and by the tokens whose hashes are set.
func (svc *service) newGuard() (*adminapi.Guard, error) {
	s := svc.settings
	if len(s.AdminTenants) == 0 {
		return adminapi.NewGuard(nil, s.AdminAppRole, s.AdminTokens.list...), nil
	}
	verifier, err := svc.verifier.Beside(adminConfig(s))
	if err != nil {
		return nil, usageError{fmt.Errorf("the policy for operators' tokens: %w", err)}
	}
	return adminapi.NewGuard(verifier, s.AdminAppRole, s.AdminTokens.list...), nil
}

// operationsOn are the operations for a listener for operators, until ending is closed. What only this machine reaches is open to it
// where that is no harm.
func (svc *service) operationsOn(listener net.Listener, ending <-chan struct{}) map[string]api.Operations {
	all := maps.Clone(svc.operations)
	all[adminapi.ProfilesPath] = adminapi.NewProfiles(svc.guard, onLoopback(listener), ending)
	return all
}

// metricsOn are the metrics for a listener for operators.
func (svc *service) metricsOn(listener net.Listener) http.Handler {
	if onLoopback(listener) {
		return adminapi.ByOurName(svc.metrics.handler())
	}
	return svc.metrics.handler()
}

// onLoopback tells whether nothing but this machine reaches a listener.
func onLoopback(listener net.Listener) bool {
	address, ok := listener.Addr().(*net.TCPAddr)
	return ok && address.IP.IsLoopback()
}

// newExplainer answers as the exchange does, of the roles as they are now, past the cache. What it signs with is made for
// the occasion, and no engine trusts it.
func (svc *service) newExplainer() (*issuer.Issuer, error) {
	ring, err := keys.NewRing(keys.RingConfig{Store: keystore.NewMemory(time.Now), Policy: svc.settings.keysPolicy(), Auto: true})
	if err != nil {
		return nil, usageError{err}
	}
	config := issuerConfig(svc.settings)
	if svc.policy != nil {
		config.Policy = svc.policy // its verdicts on paper count nothing
	}
	explainer, err := issuer.New(config, svc.verifier, svc.groups, svc.source, paperRing{ring})
	if err != nil {
		return nil, usageError{err}
	}
	return explainer, nil
}

// paperRing is a ring that nobody keeps in step: it makes its keys when it is asked to sign.
type paperRing struct{ *keys.Ring }

// Sign is issuer.Signer's, as Holds is the ring's.
func (p paperRing) Sign(ctx context.Context, payload []byte) (jws, kid string, err error) {
	if err := p.Sync(ctx); err != nil {
		return "", "", fmt.Errorf("make keys to measure a token with: %w", err)
	}
	return p.Ring.Sign(ctx, payload)
}
