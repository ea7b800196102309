package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolemap"
)

// imported is one role as the other role mapper has it, with whom its names mean, and as we have it.
type imported struct {
	seed    rolemap.Seed
	holders map[rolestore.PrincipalKind][]rolemap.Holder
	among   map[rolestore.PrincipalKind]rolemap.Among
	before  *rolemap.Mapped // nil: it is new
	put     bool            // the role itself changes, not only who holds it
}

// importPlan is what the command shows, and prints as JSON.
type importPlan struct {
	Changes    []string `json:"changes"`
	Unresolved []string `json:"unresolved"` // names nobody was found by, which give nothing
	Applied    bool     `json:"applied"`
	roles      []imported
	tenant     string
}

func newPlan(tenant string) *importPlan {
	return &importPlan{Changes: []string{}, Unresolved: []string{}, tenant: tenant}
}

func indexOf(all []rolemap.Mapped, role string) int {
	return slices.IndexFunc(all, func(m rolemap.Mapped) bool { return m.Role == role })
}

// check is for commands that look names up.
func (flags changeFlags) check(s settings) error {
	if len(flags.As) > maxAs || cell(flags.As) != flags.As {
		return usagef("--as: want a name of at most %d printable characters", maxAs)
	}
	if s.CompatTenant == "" {
		return usagef("ISSUER_COMPAT_TENANT is not set; it wants the id (GUID) of the tenant whose users and groups the names mean")
	}
	return nil
}

// carryOut shows the plan, asks, and has it done.
func (plan *importPlan) carryOut(ctx context.Context, p *program, store *rolemap.Store, flags changeFlags, question, done string) error {
	if err := plan.show(p, flags); err != nil {
		return err
	}
	switch {
	case len(plan.Changes) == 0:
		return plan.say(p, flags, "nothing to change")
	case flags.DryRun:
		return plan.say(p, flags, "nothing was changed: --dry-run")
	}
	if err := p.confirm(ctx, flags.Yes, fmt.Sprintf("%s %d roles?", question, len(plan.roles))); err != nil {
		return err
	}
	if err := plan.apply(ctx, store, rolemap.By{Actor: operator(flags.As), Known: true}); err != nil {
		return err
	}
	plan.Applied = true
	return plan.say(p, flags, done)
}

func (plan *importPlan) show(p *program, flags changeFlags) error {
	if flags.JSON {
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

func (plan *importPlan) say(p *program, flags changeFlags, sentence string) error {
	if flags.JSON {
		if err := printJSON(p.stdout, plan); err != nil {
			return err
		}
	}
	if n := len(plan.Unresolved); n > 0 {
		sentence += fmt.Sprintf("; nobody was found by %d names, which give nothing: see issuer roles mapped --unresolved", n)
	}
	return p.say(sentence)
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
	one.put = len(plan.Changes) > count
	for _, kind := range []rolestore.PrincipalKind{rolestore.KindUser, rolestore.KindGroup} {
		plan.compare(role, one.holders[kind], one.before.Listed(plan.tenant, kind), one.among[kind])
	}
	if len(plan.Changes) > count {
		plan.roles = append(plan.roles, one)
	}
}

// compare compares a list of holders with what we have of it.
func (plan *importPlan) compare(role string, now []rolemap.Holder, before []rolemap.Holder, among rolemap.Among) {
	known := map[string]rolemap.Holder{}
	for _, h := range before {
		known[h.Name] = h
	}
	for _, h := range now {
		was, listed := known[h.Name]
		delete(known, h.Name)
		h = among.Settle(h, was)
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
		var err error
		if one.put {
			err = store.PutRole(ctx, by, one.seed.Role, one.seed.Fields)
		}
		for _, kind := range []rolestore.PrincipalKind{rolestore.KindUser, rolestore.KindGroup} {
			if err == nil {
				_, err = store.PutHolders(ctx, by, rolemap.List{
					Tenant: plan.tenant, Role: one.seed.Role.Role, Kind: kind, Holders: one.holders[kind], Among: one.among[kind],
					Expected: append([]rolemap.Holder{}, one.before.Listed(plan.tenant, kind)...),
				})
			}
		}
		if err != nil {
			return fmt.Errorf("import the role %s: %w", shown(one.seed.Role.Role), err)
		}
	}
	return nil
}
