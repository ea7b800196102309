package main

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/console"
	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi"
	"github.com/hasura-issuer/hasura-issuer/keys"
)

// ringIn is the ring of a store, and who of the relying parties has fetched it.
func (svc *service) ringIn(ctx context.Context, store keys.Store) (adminapi.Ring, error) {
	state, err := store.Load(ctx)
	if err != nil {
		return adminapi.Ring{}, err
	}
	ring := adminapi.Ring{
		Now: state.Now.UTC().Truncate(time.Millisecond), Period: svc.settings.keysPolicy().Period.Seconds(),
		Keys: keys.List(state, state.Now), Parties: []adminapi.Party{},
	}
	for _, p := range svc.ring.Status().Parties {
		ring.Parties = append(ring.Parties, partyOf(p))
	}
	return ring, nil
}

// partyOf is a relying party as operators see it.
func partyOf(p keys.Party) adminapi.Party {
	party := adminapi.Party{Name: p.Name, Generation: p.Generation, Late: p.Late}
	if !p.FetchedAt.IsZero() {
		at := p.FetchedAt.UTC().Truncate(time.Second)
		party.FetchedAt = &at
	}
	return party
}

// described is this process as operators see it.
func (svc *service) described() adminapi.Replica {
	ready, parts := svc.api.Health()
	replica := adminapi.Replica{
		Name: svc.replica, Version: thisBuild().Version, StartedAt: svc.metrics.start.UTC().Truncate(time.Second), Now: time.Now().UTC().Truncate(time.Millisecond),
		Tenants: append([]string{}, svc.settings.EntraTenants...), Ready: ready, Checks: []adminapi.Check{}, Exchanges: svc.metrics.lately(),
	}
	for _, part := range parts {
		replica.Checks = append(replica.Checks, adminapi.Check(part))
	}
	return replica
}

// withConsole puts the operators' page before what a listener for operators answers. On loopback it answers by the names of this
// machine alone, as the metrics do.
func (svc *service) withConsole(listener net.Listener, next http.Handler) http.Handler {
	var page http.Handler = svc.console
	if onLoopback(listener) {
		page = adminapi.ByOurName(page)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if console.Has(r) {
			page.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}
