package rolestore

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// tenantsSQL goes from one tenant to the next by the primary key, past all grants between them.
const tenantsSQL = `
WITH RECURSIVE hop AS (
	(SELECT tenant FROM issuer.grants ORDER BY tenant LIMIT 1)
	UNION ALL
	SELECT (SELECT g.tenant FROM issuer.grants g WHERE g.tenant > hop.tenant ORDER BY g.tenant LIMIT 1)
	FROM hop WHERE hop.tenant IS NOT NULL
)
SELECT tenant::text FROM hop WHERE tenant IS NOT NULL LIMIT $1`

// Tenants returns the tenants that grants name, in order, and as many as most. It fails with ErrUnavailable.
func (p *Postgres) Tenants(ctx context.Context, most int) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	rows, err := p.pool.Query(ctx, tenantsSQL, most)
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", unavailable(err))
	}
	tenants, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", unavailable(err))
	}
	return tenants, nil
}

// Tenants returns the tenants that grants name, in order.
func (d Document) Tenants() []string {
	var tenants []string
	for _, g := range d.Grants {
		tenants = append(tenants, g.Tenant)
	}
	slices.Sort(tenants)
	return slices.Compact(tenants)
}
