package main

import (
	"context"
	"errors"
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
	// Loss is what it costs; unknown while there is nothing to change.
	Loss       rolestore.Loss `json:"loss"`
	roles      []imported
	tenant     string
	allowEmpty bool
	emptied    []error // lists that must not be put, since they take a role away from all whom they named
}

func newPlan(s settings) *importPlan {
	return &importPlan{Changes: []string{}, Unresolved: []string{}, tenant: s.CompatTenant, allowEmpty: s.CompatAllowEmpty}
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
func (plan *importPlan) carryOut(ctx context.Context, p *program, store *rolemap.Store, flags changeFlags, words wording) (err error) {
	if err := errors.Join(append(plan.emptied, plan.show(p, flags))...); err != nil {
		return err
	}
	if len(plan.Changes) == 0 {
		return plan.say(p, flags, words.already)
	}
	if plan.Loss, err = store.Weigh(ctx, plan.lists()); err != nil {
		return err
	}
	if flags.DryRun {
		return plan.say(p, flags, words.dryRun(plan.Loss))
	}
	if err := p.confirm(ctx, flags.Yes, fmt.Sprintf(words.question, len(plan.roles))); err != nil {
		return err
	}
	if err := p.confirmLoss(ctx, words.confirmed, plan.Loss); err != nil {
		return err
	}
	if err := plan.apply(ctx, store, rolemap.By{Actor: operator(flags.As), Known: true}); err != nil {
		return err
	}
	plan.Applied = true
	return plan.say(p, flags, words.done)
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

// apply makes the changes, role by role: one that fails is named, and those before it stay. Importing again is harmless.
func (plan *importPlan) apply(ctx context.Context, store *rolemap.Store, by rolemap.By) error {
	loss, err := store.Weigh(ctx, plan.lists()) // again: what was no loss when it was asked about may be one by now
	if err == nil && !plan.Loss.Covers(loss) {
		err = rolestore.ErrChangedMeanwhile
	}
	if err != nil {
		return err
	}
	for _, one := range plan.roles {
		if one.put {
			err = store.PutRole(ctx, by, one.seed.Role, one.seed.Fields)
		}
		for _, kind := range []rolestore.PrincipalKind{rolestore.KindUser, rolestore.KindGroup} {
			if err == nil {
				_, err = store.PutHolders(ctx, by, plan.list(one, kind))
			}
		}
		if err != nil {
			return fmt.Errorf("import the role %s: %w", shown(one.seed.Role.Role), err)
		}
	}
	return nil
}

// lists are those that roles have already, as they will be.
func (plan *importPlan) lists() (all []rolemap.List) {
	for _, one := range plan.roles {
		if one.before.Role != "" {
			all = append(all, plan.list(one, rolestore.KindUser), plan.list(one, rolestore.KindGroup))
		}
	}
	return all
}

func (plan *importPlan) list(one imported, kind rolestore.PrincipalKind) rolemap.List {
	return rolemap.List{
		Tenant: plan.tenant, Role: one.seed.Role.Role, Kind: kind, Holders: one.holders[kind], Among: one.among[kind],
		Expected: append([]rolemap.Holder{}, one.before.Listed(plan.tenant, kind)...),
	}
}
