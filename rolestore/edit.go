package rolestore

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Edit is what becomes of a few entries, while all others stay as they are.
type Edit struct {
	Put    Document // to be there just like this
	Remove Document // to be there no more; only their identities count
}

// Checked returns the edit in its canonical form, or everything that is wrong
// with it, one line each.
func (e Edit) Checked(rules Rules) (Edit, error) {
	e.Put, e.Remove = e.Put.canonical(), e.Remove.canonical()
	var found faults
	for _, one := range e.Put.faults(rules) {
		found = append(found, fault{flaw: one.flaw})
	}
	for _, g := range e.Remove.Grants {
		found = append(found, identityFlaws(g.Tenant, g.Principal, g.Role)...)
	}
	for _, b := range e.Remove.Blocks {
		found = append(found, identityFlaws(b.Tenant, b.Principal, "any")...)
	}
	if len(found) > 0 {
		return Edit{}, found
	}
	e.Put.sort()
	return e, nil
}

// identityFlaws judges only by form: what the rules forbid by now can be removed.
func identityFlaws(tenant string, p Principal, role string) faults {
	var f flaws
	f.want(isGUID(tenant), "tenant", wantTenant)
	f.principal(p)
	f.want(isRole(role), "role", wantRole)
	return faultsOf(f)
}

// faultsOf are flaws of what stands in no list.
func faultsOf(f flaws) faults {
	found := make(faults, len(f))
	for i, one := range f {
		found[i] = fault{flaw: one}
	}
	return found
}

// Edit makes the edit, in one transaction that excludes every other change, and
// returns what it changed: nothing where all is as wanted. It reads the entries
// of the principals it names and no others, so that a row which cannot be read
// is in nobody else's way. options.Prune means nothing to it. It fails as Apply does.
func (p *Postgres) Edit(ctx context.Context, edit Edit, options ApplyOptions) (Diff, error) {
	edit, err := edit.Checked(p.rules)
	if err != nil {
		return Diff{}, err
	}
	return p.change(ctx, options, func(ctx context.Context, tx pgx.Tx) (Diff, error) {
		present, err := edit.present(ctx, tx)
		if err != nil {
			return Diff{}, err
		}
		return diff(present, edit.Put, true), nil
	})
}

// EditWith makes the edit that work returns, in the transaction in which work
// runs. It excludes every other change, so that what work has read still is so,
// and what work has written is there together with the edit, or not at all. It
// fails as Apply does, and with what work fails with where that is an ErrRefused.
func (p *Postgres) EditWith(ctx context.Context, by string, work func(ctx context.Context, tx pgx.Tx) (Edit, error)) (Diff, error) {
	return p.change(ctx, ApplyOptions{By: by}, p.compareWith(work))
}

// PlanWith returns what EditWith would change now, and changes nothing: work can
// only read. It fails as EditWith does.
func (p *Postgres) PlanWith(ctx context.Context, work func(ctx context.Context, tx pgx.Tx) (Edit, error)) (Diff, error) {
	return p.change(ctx, ApplyOptions{DryRun: true}, p.compareWith(work))
}

// compareWith finds what the edit that work returns would change.
func (p *Postgres) compareWith(work func(ctx context.Context, tx pgx.Tx) (Edit, error)) func(context.Context, pgx.Tx) (Diff, error) {
	return func(ctx context.Context, tx pgx.Tx) (Diff, error) {
		edit, err := work(ctx, tx)
		if err != nil {
			return Diff{}, err
		}
		if edit, err = edit.Checked(p.rules); err != nil {
			return Diff{}, err
		}
		present, err := edit.present(ctx, tx)
		if err != nil {
			return Diff{}, err
		}
		return diff(present, edit.Put, true), nil
	}
}

// present reads those entries that the edit names.
func (e Edit) present(ctx context.Context, tx pgx.Tx) (Document, error) {
	grants, blocks, principals := map[grantID]bool{}, map[blockID]bool{}, map[blockID]bool{}
	for _, g := range slices.Concat(e.Put.Grants, e.Remove.Grants) {
		grants[g.id()] = true
		principals[blockID{g.Tenant, g.Principal}] = true
	}
	for _, b := range slices.Concat(e.Put.Blocks, e.Remove.Blocks) {
		blocks[b.id()] = true
		principals[b.id()] = true
	}
	var found Document
	for p := range principals {
		some, _, err := readAt(ctx, tx, lookupSQL, p.tenant, []string{string(p.principal.Kind)}, []string{p.principal.ID})
		if err != nil {
			return Document{}, err
		}
		found.Grants, found.Blocks = append(found.Grants, some.Grants...), append(found.Blocks, some.Blocks...)
	}
	found.Grants = slices.DeleteFunc(found.Grants, func(g Grant) bool { return !grants[g.id()] })
	found.Blocks = slices.DeleteFunc(found.Blocks, func(b Block) bool { return !blocks[b.id()] })
	found.sort()
	return found, nil
}
