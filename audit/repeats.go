package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5/pgconn"
)

// repeatsSQL adds to the counts of records that are there, and returns the number of its transaction and how many answers it has
// counted. The time of a record tells Postgres in which month's table it is.
const repeatsSQL = `WITH added AS (
	UPDATE issuer.audit AS a SET repeats = a.repeats + n.times, repeated_at = greatest(a.repeated_at, n.last)
	FROM jsonb_to_recordset($1) AS n(id uuid, at timestamptz, times bigint, last timestamptz) WHERE a.at = n.at AND a.id = n.id
	RETURNING n.times)
SELECT pg_current_xact_id()::text, (SELECT coalesce(sum(times), 0)::bigint FROM added)`

// counted is a row of repeatsSQL.
type counted struct {
	Ref   `json:",inline"`
	Times int64     `json:"times"`
	Last  time.Time `json:"last"`
}

// sum is how many answers are counted in a transaction. Where its commit was not answered, Postgres knows what became of it.
type sum struct {
	transaction string // empty: no commit was sent
	repeated    map[Ref]repeat
	missed      int64 // of these, answers whose records are not there
}

var errInDoubt = errors.New("a count of repeated answers is still being committed")

// writeRepeats writes how often answers were given again: each answer is counted once, or not at all.
func (j *Journal) writeRepeats(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, j.pace.write)
	defer cancel()
	err := j.resolveDoubt(ctx)
	if err == nil {
		err = j.addRepeats(ctx)
	}
	if _, answered := errors.AsType[*pgconn.PgError](err); err != nil && !answered && !errors.Is(err, errInDoubt) {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.turnAway(err) // who waits for a record would wait in vain, too
	}
	return err
}

// addRepeats adds what was counted since the last time. What comes back without a commit that was sent was not added.
func (j *Journal) addRepeats(ctx context.Context) error {
	repeated := j.takeRepeats()
	if len(repeated) == 0 {
		return nil
	}
	added, err := j.commitRepeats(ctx, repeated)
	switch {
	case err == nil:
		j.lose(added.missed)
		return nil
	case added.transaction == "":
		j.countLater(repeated)
	default:
		j.doubt = &added
	}
	return fmt.Errorf("count repeated answers: %w", err)
}

// lose tells of answers that are counted on no record: theirs was lost, or Postgres has refused it.
func (j *Journal) lose(missed int64) {
	if missed > 0 {
		j.config.Observer.Lost(int(missed))
	}
}

// commitRepeats adds counts in a transaction. Where it fails with the number of one, the commit may have taken effect.
func (j *Journal) commitRepeats(ctx context.Context, repeated map[Ref]repeat) (sum, error) {
	rows := rowsOf(repeated)
	doc, err := json.Marshal(rows)
	if err != nil {
		return sum{}, err
	}
	tx, err := j.pool.Begin(ctx)
	if err != nil {
		return sum{}, err
	}
	added, counted := sum{repeated: repeated}, int64(0)
	if err := tx.QueryRow(ctx, repeatsSQL, doc).Scan(&added.transaction, &counted); err != nil {
		_ = tx.Rollback(ctx) // where that fails, the connection is closed
		return sum{}, err
	}
	for _, row := range rows {
		added.missed += row.Times
	}
	added.missed -= counted
	return added, tx.Commit(ctx)
}

// resolveDoubt asks what became of the commit that was not answered, if there is one.
func (j *Journal) resolveDoubt(ctx context.Context) error {
	if j.doubt == nil {
		return nil
	}
	var status *string // nil: so long ago that Postgres does not know any more
	err := j.pool.QueryRow(ctx, `SELECT pg_xact_status($1::text::xid8)`, j.doubt.transaction).Scan(&status)
	switch {
	case faulty(err): // a number that is to come: a standby took over that had not heard of it
		j.countLater(j.doubt.repeated)
	case err != nil:
		return fmt.Errorf("ask whether repeated answers were counted: %w", err)
	case status == nil || *status == "committed":
		j.lose(j.doubt.missed)
	case *status == "aborted":
		j.countLater(j.doubt.repeated)
	default:
		return errInDoubt
	}
	j.doubt = nil
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

// rowsOf are counts in an order in which no two replicas lock across each other.
func rowsOf(repeated map[Ref]repeat) []counted {
	rows := make([]counted, 0, len(repeated))
	for ref, r := range repeated {
		rows = append(rows, counted{ref, r.times, r.last.UTC()})
	}
	slices.SortFunc(rows, func(a, b counted) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return rows
}

// countLater puts counts back that were not written.
func (j *Journal) countLater(repeated map[Ref]repeat) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for ref, since := range j.repeated {
		before := repeated[ref]
		repeated[ref] = repeat{before.times + since.times, since.last}
	}
	j.repeated = repeated
}
