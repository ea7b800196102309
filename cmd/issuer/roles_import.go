package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolemap"
)

type rolesImportCmd struct {
	Schema string `default:"rolemapping" help:"The schema of the role mapper's tables."`
	changeFlags
	ConfirmRemoval bool `help:"Do not ask the second question either, where a role loses its last grant or more than a tenth of all grants go."`
}

// lookUpTime bounds asking Microsoft Graph about all names of a list.
const lookUpTime = 5 * time.Minute

func (c *rolesImportCmd) Run(ctx context.Context, p *program) error {
	s, store, pool, err := openMapped(ctx, p)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := c.check(s); err != nil {
		return err
	}
	seeds, err := c.read(ctx, s)
	if err != nil {
		return err
	}
	plan, err := p.planImport(ctx, s, store, seeds)
	if err != nil {
		return err
	}
	return plan.carryOut(ctx, p, store, c.changeFlags, wording{
		done: "imported", already: "nothing to change", question: "Import %d roles?", confirmed: c.ConfirmRemoval,
	})
}

// read reads the tables of the role mapper.
func (c *rolesImportCmd) read(ctx context.Context, s settings) ([]rolemap.Seed, error) {
	if s.WitboostURL.reveal() == "" {
		return nil, usagef("ISSUER_WITBOOST_DATABASE_URL is not set; it wants %s", variables()["WitboostURL"].want)
	}
	pool, err := database.Open(ctx, s.WitboostURL.reveal())
	if err != nil {
		return nil, usageError{fmt.Errorf("ISSUER_WITBOOST_DATABASE_URL: %w", err)}
	}
	defer pool.Close()
	seeds, err := rolemap.ReadSeed(ctx, pool, c.Schema)
	if err != nil {
		return nil, fmt.Errorf("ISSUER_WITBOOST_DATABASE_URL: %w", err)
	}
	return seeds, nil
}

// planImport finds out whom all names mean, and what would change. What a role or a field must not be called is said of all
// of them at once.
func (p *program) planImport(ctx context.Context, s settings, store *rolemap.Store, seeds []rolemap.Seed) (*importPlan, error) {
	var wrong []error
	for _, seed := range seeds {
		if err := store.Check(seed.Role, seed.Fields); err != nil {
			wrong = append(wrong, fmt.Errorf("the role %s cannot be imported: %w", shown(seed.Role.Role), err))
		}
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	present, err := store.All(ctx)
	if err != nil {
		return nil, err
	}
	resolver, err := p.namesResolver(s)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookUpTime)
	defer cancel()
	plan := newPlan(s)
	for _, seed := range seeds {
		one := imported{seed: seed, holders: map[rolestore.PrincipalKind][]rolemap.Holder{}, among: map[rolestore.PrincipalKind]rolemap.Among{}}
		for kind, names := range map[rolestore.PrincipalKind][]string{rolestore.KindUser: seed.Users, rolestore.KindGroup: seed.Groups} {
			one.holders[kind], one.among[kind] = resolver.Resolve(ctx, s.CompatTenant, kind, names)
		}
		if at := indexOf(present, seed.Role.Role); at >= 0 {
			one.before = &present[at]
		}
		plan.add(one)
	}
	return plan, nil
}
