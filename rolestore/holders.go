package rolestore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Holders are the grants of one role, whatever their times, and the blocks of
// their principals. They are in the order of tenant, kind of principal by name,
// and principal: so of many holders the users, who are the most, come last.
type Holders struct {
	Grants []Grant
	Blocks []Block
	More   bool // there are more grants than were asked for, which are left out
}

// holdersSQL reads as many grants as are wanted, in the order of their index, and
// then the blocks of those, all of it at one moment.
const holdersSQL = `
WITH holders AS MATERIALIZED (
	SELECT tenant, principal_kind, principal, role, priority, session, valid_from, valid_until, reason
	FROM issuer.grants WHERE role = $1 AND ($2::uuid IS NULL OR tenant = $2)
	ORDER BY tenant, principal_kind, principal LIMIT $3
)
SELECT tenant::text, false AS is_block, principal_kind, principal, role, priority, session, valid_from, valid_until, reason
FROM holders
UNION ALL
SELECT b.tenant::text, true, b.principal_kind, b.principal, '', 0, '{}', NULL, b.valid_until, b.reason
FROM holders h JOIN issuer.blocks b ON b.tenant = h.tenant AND b.principal_kind = h.principal_kind AND b.principal = h.principal`

// HoldersOf returns who holds a role in a tenant, or in any where tenantID is
// empty: as many grants as most, or with 0 all. It does not apply the rules, so
// that a row that breaks them can be seen. It fails with ErrUnavailable if the
// database cannot be asked, and with another error if there can be no such
// tenant or role.
func (p *Postgres) HoldersOf(ctx context.Context, tenantID, role string, most int) (Holders, error) {
	wanted, err := oneRole(tenantID, role)
	if err != nil {
		return Holders{}, err
	}
	var tenant, limit any // null: any tenant, no limit
	if wanted.Tenant != "" {
		tenant = wanted.Tenant
	}
	if most > 0 {
		limit = most + 1
	}
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	found, err := read(ctx, p.pool, holdersSQL, wanted.Role, tenant, limit)
	if err != nil {
		return Holders{}, fmt.Errorf("ask who holds a role: %w", unavailable(err))
	}
	return found.holders(most), nil
}

// HoldersOf returns who holds a role by the file, as that of Postgres does.
func (f *File) HoldersOf(ctx context.Context, tenantID, role string, most int) (Holders, error) {
	return f.current.Load().roles.holdersOf(ctx, tenantID, role, most)
}

// HoldersOf returns who holds a role by the document, as that of Postgres does.
func (m *Memory) HoldersOf(ctx context.Context, tenantID, role string, most int) (Holders, error) {
	return m.roles.holdersOf(ctx, tenantID, role, most)
}

func (x index) holdersOf(ctx context.Context, tenantID, role string, most int) (Holders, error) {
	wanted, err := oneRole(tenantID, role)
	if err != nil {
		return Holders{}, err
	}
	if err := ctx.Err(); err != nil {
		return Holders{}, fmt.Errorf("ask who holds a role: %w: %w", ErrUnavailable, err)
	}
	var found Document
	for of, grants := range x.grants {
		for _, g := range grants {
			if !wanted.Matches(g.Tenant, g.Principal, g.Role) {
				continue
			}
			found.Grants = append(found.Grants, g)
			if b, blocked := x.blocks[of]; blocked {
				found.Blocks = append(found.Blocks, b)
			}
		}
	}
	return found.holders(most), nil
}

// oneRole is the filter of a role's holders, in any tenant where none is named.
func oneRole(tenantID, role string) (Filter, error) {
	if role == "" {
		return Filter{}, errors.New("ask who holds a role: no role is named")
	}
	return Filter{Tenant: tenantID, Role: role}.Checked()
}

// holders are the first of a document that holds grants of one role and blocks
// of their principals.
func (d Document) holders(most int) Holders {
	slices.SortFunc(d.Grants, func(a, b Grant) int { return compareHolders(a.Tenant, b.Tenant, a.Principal, b.Principal) })
	slices.SortFunc(d.Blocks, func(a, b Block) int { return compareHolders(a.Tenant, b.Tenant, a.Principal, b.Principal) })
	found := Holders{Grants: d.Grants, Blocks: d.Blocks}
	if most <= 0 || len(d.Grants) <= most {
		return found
	}
	left := d.Grants[most]
	found.Grants, found.More = d.Grants[:most], true
	found.Blocks = slices.DeleteFunc(d.Blocks, func(b Block) bool {
		return compareHolders(b.Tenant, left.Tenant, b.Principal, left.Principal) >= 0
	})
	return found
}

func compareHolders(tenantA, tenantB string, a, b Principal) int {
	return cmp.Or(strings.Compare(tenantA, tenantB), strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.ID, b.ID))
}
