package rolestore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Loss is what the removal of grants costs beyond the entries themselves. A change
// that leaves a grant out of force takes as much away as a removal, and counts as one.
type Loss struct {
	// Roles are those that nobody in some tenant holds any more: the last grant in
	// force there goes. Sorted.
	Roles []string `json:"roles"`
	// Removed is how many grants go, of how many that are there.
	Removed int `json:"removed"`
	Present int `json:"present"`
}

// IsGrave tells whether to ask once more before it is done: a role loses its last
// grant, or more than a tenth of all grants go.
func (l Loss) IsGrave() bool { return len(l.Roles) > 0 || l.Removed*10 > l.Present }

// Covers tells whether who agreed to l agrees to other: it is not grave, or l is, and of the same roles.
func (l Loss) Covers(other Loss) bool {
	return !other.IsGrave() || l.IsGrave() && slices.Equal(l.Roles, other.Roles)
}

// weigh counts what the diff takes away against what there is.
func (d *Diff) weigh(ctx context.Context, tx pgx.Tx) error {
	if len(d.Grants.Removed)+len(d.Grants.Changed) == 0 {
		return nil
	}
	c, err := countGrants(ctx, tx)
	if err != nil {
		return fmt.Errorf("count grants: %w", err)
	}
	before, after := c.turnover(d.Grants)
	for _, g := range after {
		c.inForce[holding{g.Tenant, g.Role}]++
	}
	for _, g := range before {
		at := holding{g.Tenant, g.Role}
		if c.inForce[at]--; c.inForce[at] == 0 {
			d.Loss.Roles = append(d.Loss.Roles, g.Role)
		}
	}
	slices.Sort(d.Loss.Roles)
	d.Loss.Roles = slices.Compact(d.Loss.Roles)
	d.Loss.Removed, d.Loss.Present = len(d.Grants.Removed), c.present
	for _, change := range d.Grants.Changed {
		if change.Before.inForce(c.at) && !change.After.inForce(c.at) {
			d.Loss.Removed++
		}
	}
	return nil
}

// holding is a role in a tenant: one of the same name elsewhere is no help to who loses it here.
type holding struct{ tenant, role string }

// count is how many grants there are, and of them in force at a moment.
type count struct {
	at      time.Time
	present int
	inForce map[holding]int
}

// turnover lists the grants in force that changes take away, and those that they bring.
func (c count) turnover(changes Changes[Grant]) (before, after []Grant) {
	before, after = slices.Clone(changes.Removed), slices.Clone(changes.Added)
	for _, change := range changes.Changed {
		before, after = append(before, change.Before), append(after, change.After)
	}
	over := func(g Grant) bool { return !g.inForce(c.at) }
	return slices.DeleteFunc(before, over), slices.DeleteFunc(after, over)
}

// inForce tells whether the grant counts at now: from is the first moment, until the first one after.
func (g Grant) inForce(now time.Time) bool {
	return !g.From.After(now) && (g.Until.IsZero() || g.Until.After(now))
}

// countGrants counts by the database's clock.
func countGrants(ctx context.Context, tx pgx.Tx) (count, error) {
	c := count{inForce: map[holding]int{}}
	rows, err := tx.Query(ctx, `SELECT now(), tenant, role, count(*), count(*) FILTER (
		WHERE (valid_from IS NULL OR valid_from <= now()) AND (valid_until IS NULL OR valid_until > now())
	) FROM issuer.grants GROUP BY tenant, role`)
	if err != nil {
		return c, err
	}
	var of holding
	var present, inForce int
	_, err = pgx.ForEachRow(rows, []any{&c.at, &of.tenant, &of.role, &present, &inForce}, func() error {
		c.present += present
		c.inForce[of] = inForce
		return nil
	})
	return c, err
}

// covers tells whether who agreed to d agrees to e: the same changes, and no loss
// that was not spoken of.
func (d Diff) covers(e Diff) bool {
	return d.text() == e.text() && d.Loss.Covers(e.Loss)
}
