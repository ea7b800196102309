package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/compat"
	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/idp/graph"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolemap"
)

type rolesImportCmd struct {
	Schema string `default:"rolemapping" help:"The schema of the role mapper's tables."`
	changeFlags
}

// lookUpTime bounds asking Microsoft Graph about all names of a list.
const lookUpTime = 5 * time.Minute

// imported is one role as the other role mapper has it, with whom its names mean, and as we have it.
type imported struct {
	seed    rolemap.Seed
	holders map[rolestore.PrincipalKind][]rolemap.Holder
	before  *rolemap.Mapped // nil: it is new
}

// importPlan is what the command shows, and prints as JSON.
type importPlan struct {
	Changes    []string `json:"changes"`
	Unresolved []string `json:"unresolved"` // names nobody was found by, which give nothing
	Applied    bool     `json:"applied"`
	roles      []imported
	tenant     string
}

func (c *rolesImportCmd) Run(ctx context.Context, p *program) error {
	s, store, pool, err := openMapped(ctx, p)
	if err != nil {
		return err
	}
	defer pool.Close()
	if len(c.As) > maxAs || cell(c.As) != c.As {
		return usagef("--as: want a name of at most %d printable characters", maxAs)
	}
	if s.CompatTenant == "" {
		return usagef("ISSUER_COMPAT_TENANT is not set; it wants the id (GUID) of the tenant whose users and groups the names mean")
	}
	seeds, err := c.read(ctx, s)
	if err != nil {
		return err
	}
	plan, err := p.planImport(ctx, s, store, seeds)
	if err != nil {
		return err
	}
	if err := c.show(p, plan); err != nil {
		return err
	}
	switch {
	case len(plan.Changes) == 0:
		return c.say(p, plan, "nothing to change")
	case c.DryRun:
		return c.say(p, plan, "nothing was changed: --dry-run")
	}
	if err := p.confirm(ctx, c.Yes, fmt.Sprintf("Import %d roles?", len(plan.roles))); err != nil {
		return err
	}
	if err := plan.apply(ctx, store, rolemap.By{Actor: operator(c.As), Known: true}); err != nil {
		return err
	}
	plan.Applied = true
	return c.say(p, plan, "imported")
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
		return nil, fmt.Errorf("read the schema %s of ISSUER_WITBOOST_DATABASE_URL: %w", shown(c.Schema), err)
	}
	return seeds, nil
}

func (c *rolesImportCmd) show(p *program, plan *importPlan) error {
	if c.JSON {
		return nil
	}
	var text strings.Builder
	for _, line := range plan.Changes {
		text.WriteString(cell(line) + "\n")
	}
	for _, line := range plan.Unresolved {
		text.WriteString("? " + cell(line) + "\n")
	}
	_, err := p.stdout.Write([]byte(text.String()))
	return err
}

func (c *rolesImportCmd) say(p *program, plan *importPlan, sentence string) error {
	if c.JSON {
		if err := printJSON(p.stdout, plan); err != nil {
			return err
		}
	}
	if n := len(plan.Unresolved); n > 0 {
		sentence += fmt.Sprintf("; nobody was found by %d names, which give nothing: see issuer roles mapped --unresolved", n)
	}
	return p.say(sentence)
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
	resolver, err := p.importResolver(s)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookUpTime)
	defer cancel()
	plan := &importPlan{Changes: []string{}, Unresolved: []string{}, tenant: s.CompatTenant}
	for _, seed := range seeds {
		one := imported{seed: seed, holders: map[rolestore.PrincipalKind][]rolemap.Holder{
			rolestore.KindUser:  resolver.Resolve(ctx, s.CompatTenant, rolestore.KindUser, seed.Users),
			rolestore.KindGroup: resolver.Resolve(ctx, s.CompatTenant, rolestore.KindGroup, seed.Groups),
		}}
		if at := slices.IndexFunc(present, func(m rolemap.Mapped) bool { return m.Role == seed.Role.Role }); at >= 0 {
			one.before = &present[at]
		}
		plan.add(one)
	}
	return plan, nil
}

// importResolver asks Microsoft Graph as the service does. That it cannot be asked ends nothing: the names are kept.
func (p *program) importResolver(s settings) (*compat.Resolver, error) {
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

// add compares a role with what we have, and takes it into the plan where that differs.
func (plan *importPlan) add(one imported) {
	role, count := one.seed.Role.Role, len(plan.Changes)
	if one.before == nil {
		plan.changed("+ role %s of %s", role, one.seed.Role.Component)
		one.before = &rolemap.Mapped{}
	}
	for _, field := range one.seed.Fields {
		if !slices.Contains(one.before.Fields, field) {
			plan.changed("+ role %s: root field %s", role, field)
		}
	}
	for _, field := range one.before.Fields {
		if !slices.Contains(one.seed.Fields, field) {
			plan.changed("- role %s: root field %s", role, field)
		}
	}
	for _, kind := range []rolestore.PrincipalKind{rolestore.KindUser, rolestore.KindGroup} {
		plan.compare(role, one.holders[kind], one.before.Listed(plan.tenant, kind))
	}
	if len(plan.Changes) > count {
		plan.roles = append(plan.roles, one)
	}
}

// compare compares a list of holders with what we have of it.
func (plan *importPlan) compare(role string, now []rolemap.Holder, before []rolemap.Holder) {
	known := map[string]rolemap.Holder{}
	for _, h := range before {
		known[h.Name] = h
	}
	for _, h := range now {
		was, listed := known[h.Name]
		delete(known, h.Name)
		if h.Why == rolemap.NotAsked && was.ID != "" {
			h = was // who was found before stays
		}
		if h.Why != "" {
			plan.Unresolved = append(plan.Unresolved, fmt.Sprintf("role %s: %s (%s)", role, h.Name, h.Why))
		}
		switch {
		case !listed:
			plan.changed("+ role %s: %s", role, meaning(h))
		case h != was:
			plan.changed("~ role %s: %s", role, meaning(h))
		}
	}
	for _, h := range before {
		if _, left := known[h.Name]; left {
			plan.changed("- role %s: %s", role, meaning(h))
		}
	}
}

func meaning(h rolemap.Holder) string {
	if h.ID == "" {
		return h.Name + ", who is nobody (" + string(h.Why) + ")"
	}
	return h.Name + ", who is " + h.ID
}

func (plan *importPlan) changed(format string, args ...any) {
	plan.Changes = append(plan.Changes, fmt.Sprintf(format, args...))
}

// apply makes the changes, role by role: one that fails is named, and those before it stay. Importing again is harmless.
func (plan *importPlan) apply(ctx context.Context, store *rolemap.Store, by rolemap.By) error {
	for _, one := range plan.roles {
		err := store.PutRole(ctx, by, one.seed.Role, one.seed.Fields)
		for _, kind := range []rolestore.PrincipalKind{rolestore.KindUser, rolestore.KindGroup} {
			if err == nil {
				_, err = store.PutHolders(ctx, by, rolemap.List{Tenant: plan.tenant, Role: one.seed.Role.Role, Kind: kind, Holders: one.holders[kind]})
			}
		}
		if err != nil {
			return fmt.Errorf("import the role %s: %w", shown(one.seed.Role.Role), err)
		}
	}
	return nil
}
