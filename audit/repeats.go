package audit

import (
	"bytes"
	"context"
	"slices"
	"time"
)

// repeatsSQL adds to the counts of records that are there. What a record of another month is, its time says.
const repeatsSQL = `UPDATE issuer.audit AS a SET repeats = a.repeats + n.times, repeated_at = greatest(a.repeated_at, n.last)
FROM jsonb_to_recordset($1) AS n(id uuid, at timestamptz, times bigint, last timestamptz) WHERE a.at = n.at AND a.id = n.id`

// counted is a row of repeatsSQL.
type counted struct {
	Ref   `json:",inline"`
	Times int64     `json:"times"`
	Last  time.Time `json:"last"`
}

// writeRepeats writes how often answers were given again.
func (j *Journal) writeRepeats(ctx context.Context) error {
	repeated := j.takeRepeats()
	if len(repeated) == 0 {
		return nil
	}
	rows := make([]counted, 0, len(repeated))
	for ref, r := range repeated {
		rows = append(rows, counted{ref, r.times, r.last.UTC()})
	}
	slices.SortFunc(rows, func(a, b counted) int { return bytes.Compare(a.ID[:], b.ID[:]) }) // no two replicas lock across each other
	if err := j.exec(ctx, "count repeated answers", repeatsSQL, rows); err != nil {
		j.countLater(repeated)
		return err
	}
	return nil
}

// takeRepeats returns the counts of records that are written. Those of records that still wait stay: there is no row to add to.
func (j *Journal) takeRepeats() map[Ref]repeat {
	j.mu.Lock()
	defer j.mu.Unlock()
	repeated, later := j.repeated, map[Ref]repeat{}
	for _, w := range j.waiting {
		ref := Ref{w.record.ID, w.record.At}
		if r, counts := repeated[ref]; counts {
			later[ref] = r
			delete(repeated, ref)
		}
	}
	j.repeated = later
	return repeated
}

// countLater puts counts back that could not be written.
func (j *Journal) countLater(repeated map[Ref]repeat) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for ref, since := range j.repeated {
		before := repeated[ref]
		repeated[ref] = repeat{before.times + since.times, since.last}
	}
	j.repeated = repeated
}
