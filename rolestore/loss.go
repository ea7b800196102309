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
	rows, err := tx.Query(ctx, `SELECT role, count(*) FROM issuer.grants GROUP BY role`)
	if err != nil {
		return fmt.Errorf("count grants: %w", err)
	}
	left, lost := map[string]int{}, map[string]bool{}
	var role string
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&role, &n}, func() error {
		left[role] = n
		d.Loss.Present += n
		return nil
	}); err != nil {
		return fmt.Errorf("count grants: %w", err)
	}
	for _, g := range d.Grants.Added {
		left[g.Role]++
	}
	d.Loss.Removed = len(d.Grants.Removed)
	for _, g := range d.Grants.Removed {
		left[g.Role]--
		if left[g.Role] == 0 && !lost[g.Role] {
			lost[g.Role] = true
			d.Loss.Roles = append(d.Loss.Roles, g.Role)
		}
	}
	slices.Sort(d.Loss.Roles)
	return nil
}

// covers tells whether who agreed to d agrees to e: the same changes, and no loss
// that was not spoken of.
func (d Diff) covers(e Diff) bool {
	return d.text() == e.text() && (!e.Loss.IsGrave() || d.Loss.IsGrave() && slices.Equal(d.Loss.Roles, e.Loss.Roles))
}
