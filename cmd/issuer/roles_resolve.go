package main

import (
	"context"
	"errors"

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
	plan := newPlan(s)
	if answered := plan.lookAgain(ctx, resolver, present); !answered {
		return errors.New("nothing was changed: no name could be looked up")
	}
	return plan.carryOut(ctx, p, store, c.changeFlags, wording{done: "resolved", already: "nothing to change", question: "Change holders of %d roles?"})
}

// lookAgain takes into the plan who is found by now. It is false where there are names to look up, and none could be:
// what came of one that could has no reason (somebody is found), or one of Graph's.
func (plan *importPlan) lookAgain(ctx context.Context, resolver *compat.Resolver, present []rolemap.Mapped) bool {
	ctx, cancel := context.WithTimeout(ctx, lookUpTime)
	defer cancel()
	outcomes := map[rolemap.Why]int{}
	for _, m := range onlyUnresolved(present) {
		whole := present[indexOf(present, m.Role)]
		one := imported{seed: rolemap.Seed{Role: rolemap.Role{Role: m.Role, Component: m.Component}, Fields: m.Fields}, before: &whole, holders: map[rolestore.PrincipalKind][]rolemap.Holder{}}
		for _, kind := range []rolestore.PrincipalKind{rolestore.KindUser, rolestore.KindGroup} {
			one.holders[kind] = again(ctx, resolver, plan.tenant, kind, whole.Listed(plan.tenant, kind), outcomes)
		}
		plan.add(one)
	}
	return outcomes[rolemap.NotAsked] == 0 || outcomes[""]+outcomes[rolemap.Unknown]+outcomes[rolemap.Ambiguous] > 0
}

// again looks up who was not found, counts what came of it, and leaves the others who they were found to be.
func again(ctx context.Context, resolver *compat.Resolver, tenant string, kind rolestore.PrincipalKind, list []rolemap.Holder, outcomes map[rolemap.Why]int) []rolemap.Holder {
	var names []string
	for _, h := range list {
		if h.ID == "" {
			names = append(names, h.Name)
		}
	}
	meant := map[string]rolemap.Holder{}
	resolved, _ := resolver.Resolve(ctx, tenant, kind, names) // none of them was found before
	for _, h := range resolved {
		meant[h.Name] = h
		outcomes[h.Why]++
	}
	for i, h := range list {
		if h.ID == "" {
			list[i] = meant[h.Name]
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
	told := map[string]bool{}
	resolver := &compat.Resolver{Failed: func(err error) { // once for all lists that fail alike; the trace is each one's own
		text := err.Error()
		if problem, ok := errors.AsType[*graph.UnavailableError](err); ok {
			alike := *problem
			alike.Trace = ""
			text = alike.Error()
		}
		if !told[text] {
			_ = p.say("names could not be looked up: " + lines(err.Error()))
		}
		told[text] = true
	}}
	if client == nil {
		return resolver, p.say("the settings name no app to ask Microsoft Graph with, so only object ids can be found")
	}
	resolver.Directory = client
	return resolver, nil
}
