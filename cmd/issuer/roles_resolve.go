package main

import (
	"context"

	"github.com/hasura-issuer/hasura-issuer/compat"
	"github.com/hasura-issuer/hasura-issuer/idp/graph"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolemap"
)

// rolesResolveCmd looks names up again. It is a command, and no loop of the service, since a name may be somebody else's by
// now: a person has to see whom it would mean.
type rolesResolveCmd struct {
	changeFlags
}

func (c *rolesResolveCmd) Run(ctx context.Context, p *program) error {
	s, store, pool, err := openMapped(ctx, p)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := c.check(s); err != nil {
		return err
	}
	present, err := store.All(ctx)
	if err != nil {
		return err
	}
	resolver, err := p.namesResolver(s)
	if err != nil {
		return err
	}
	lookUp, cancel := context.WithTimeout(ctx, lookUpTime)
	defer cancel()
	plan := newPlan(s)
	for _, m := range onlyUnresolved(present) {
		whole := present[indexOf(present, m.Role)]
		one := imported{seed: rolemap.Seed{Role: rolemap.Role{Role: m.Role, Component: m.Component}, Fields: m.Fields}, before: &whole, holders: map[rolestore.PrincipalKind][]rolemap.Holder{}}
		for _, kind := range []rolestore.PrincipalKind{rolestore.KindUser, rolestore.KindGroup} {
			one.holders[kind] = again(lookUp, resolver, s.CompatTenant, kind, whole.Listed(s.CompatTenant, kind))
		}
		plan.add(one)
	}
	return plan.carryOut(ctx, p, store, c.changeFlags, wording{done: "resolved", already: "nothing to change", question: "Change holders of %d roles?"})
}

// again looks up who was not found, and leaves the others who they were found to be.
func again(ctx context.Context, resolver *compat.Resolver, tenant string, kind rolestore.PrincipalKind, list []rolemap.Holder) []rolemap.Holder {
	var names []string
	for _, h := range list {
		if h.ID == "" {
			names = append(names, h.Name)
		}
	}
	found := map[string]rolemap.Holder{}
	resolved, _ := resolver.Resolve(ctx, tenant, kind, names) // none of them was found before
	for _, h := range resolved {
		found[h.Name] = h
	}
	for i, h := range list {
		if h.ID == "" {
			list[i] = found[h.Name]
		}
	}
	return list
}

// namesResolver asks Microsoft Graph as the service does. That it cannot be asked ends nothing: the names are kept.
func (p *program) namesResolver(s settings) (*compat.Resolver, error) {
	client, err := s.newGraph(graph.Config{HTTPClient: p.azure})
	if err != nil {
		return nil, usageError{err}
	}
	resolver := &compat.Resolver{Failed: func(err error) { _ = p.say("names could not be looked up: " + lines(err.Error())) }}
	if client == nil {
		return resolver, p.say("the settings name no app to ask Microsoft Graph with, so only object ids can be found")
	}
	resolver.Directory = client
	return resolver, nil
}
