package rolestore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// NamedGroups are the groups of one tenant that grants name, whatever their
// times: membership in any other cannot matter.
type NamedGroups struct {
	IDs  []string // lower-case GUIDs, sorted, each once
	More bool     // there are more than were asked for, which are left out
}

// namedGroupsSQL hops from group to group along the primary key, so that it
// costs one step for each group and not one for each grant.
const namedGroupsSQL = `
WITH RECURSIVE named AS (
	(SELECT principal FROM issuer.grants WHERE tenant = $1 AND principal_kind = 'group' ORDER BY principal LIMIT 1)
	UNION ALL
	SELECT (SELECT g.principal FROM issuer.grants g
		WHERE g.tenant = $1 AND g.principal_kind = 'group' AND g.principal > named.principal ORDER BY g.principal LIMIT 1)
	FROM named WHERE named.principal IS NOT NULL
)
SELECT s.version, s.hash, ARRAY(SELECT principal FROM named WHERE principal IS NOT NULL LIMIT $2) FROM issuer.role_state s`

// NamedGroups returns the groups that grants of a tenant name, as many as most
// of them, in one round trip. It fails as Grants does.
func (p *Postgres) NamedGroups(ctx context.Context, tenantID string, most int) (NamedGroups, error) {
	groups, _, err := p.NamedGroupsAt(ctx, tenantID, most)
	return groups, err
}

// NamedGroupsAt is NamedGroups, and names the revision that the answer is of.
func (p *Postgres) NamedGroupsAt(ctx context.Context, tenantID string, most int) (NamedGroups, Revision, error) {
	tenant, err := tenantOf(tenantID)
	if err != nil {
		return NamedGroups{}, Revision{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	var revision Revision
	var ids []string
	if err := p.pool.QueryRow(ctx, namedGroupsSQL, tenant, most+1).Scan(&revision.Number, &revision.Mark, &ids); err != nil {
		return NamedGroups{}, Revision{}, fmt.Errorf("list groups: %w", unavailable(err))
	}
	return firstOf(ids, most), revision, nil
}

// NamedGroups returns the groups that the file's grants of a tenant name. It
// fails as Grants does.
func (f *File) NamedGroups(ctx context.Context, tenantID string, most int) (NamedGroups, error) {
	return f.current.Load().roles.namedGroups(ctx, tenantID, most)
}

// NamedGroups returns the groups that the document's grants of a tenant name. It
// fails as Grants does.
func (m *Memory) NamedGroups(ctx context.Context, tenantID string, most int) (NamedGroups, error) {
	return m.roles.namedGroups(ctx, tenantID, most)
}

func (x index) namedGroups(ctx context.Context, tenantID string, most int) (NamedGroups, error) {
	if err := ctx.Err(); err != nil {
		return NamedGroups{}, fmt.Errorf("list groups: %w: %w", ErrUnavailable, err)
	}
	tenant, err := tenantOf(tenantID)
	if err != nil {
		return NamedGroups{}, err
	}
	return firstOf(x.groups[tenant], most), nil
}

func firstOf(ids []string, most int) NamedGroups {
	if len(ids) > most {
		return NamedGroups{IDs: slices.Clone(ids[:most]), More: true}
	}
	return NamedGroups{IDs: slices.Clone(ids)}
}

func tenantOf(id string) (string, error) {
	tenant := strings.ToLower(id)
	if !isGUID(tenant) {
		return "", errors.New("list groups: the tenant id is not a GUID")
	}
	return tenant, nil
}
