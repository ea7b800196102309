package rolestore

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Loss is what the removal of grants costs beyond the entries themselves.
type Loss struct {
	// Roles are those that nobody holds any more: their last grant goes. Sorted.
	Roles []string `json:"roles"`
	// Removed is how many grants go, of how many that are there.
	Removed int `json:"removed"`
	Present int `json:"present"`
}

// IsGrave tells whether to ask once more before it is done: a role loses its last
// grant, or more than a tenth of all grants go.
func (l Loss) IsGrave() bool { return len(l.Roles) > 0 || l.Removed*10 > l.Present }

// weigh counts what the diff removes against what there is.
func (d *Diff) weigh(ctx context.Context, tx pgx.Tx) error {
	if len(d.Grants.Removed) == 0 {
		return nil
	}
	left, err := countByRole(ctx, tx)
	if err != nil {
		return fmt.Errorf("count grants: %w", err)
	}
	for _, n := range left {
		d.Loss.Present += n
	}
	d.Loss.Removed = len(d.Grants.Removed)
	for _, g := range d.Grants.Added {
		left[g.Role]++
	}
	for _, g := range d.Grants.Removed {
		if left[g.Role]--; left[g.Role] == 0 {
			d.Loss.Roles = append(d.Loss.Roles, g.Role)
		}
	}
	slices.Sort(d.Loss.Roles)
	return nil
}

// countByRole tells how many grants there are of each role.
func countByRole(ctx context.Context, tx pgx.Tx) (map[string]int, error) {
	rows, err := tx.Query(ctx, `SELECT role, count(*) FROM issuer.grants GROUP BY role`)
	if err != nil {
		return nil, err
	}
	counts := map[string]int{}
	var role string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&role, &n}, func() error {
		counts[role] = n
		return nil
	})
	return counts, err
}

// covers tells whether who agreed to d agrees to e: the same changes, and no loss
// that was not spoken of.
func (d Diff) covers(e Diff) bool {
	return d.text() == e.text() && (!e.Loss.IsGrave() || d.Loss.IsGrave() && slices.Equal(d.Loss.Roles, e.Loss.Roles))
}
