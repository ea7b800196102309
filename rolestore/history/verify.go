package history

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Report is what Verify found.
type Report struct {
	Records int64    `json:"records"`
	Head    Head     `json:"head"`
	Faults  []string `json:"faults"` // a sentence each; none: all is well
	More    int      `json:"more"`   // faults beyond those listed
}

// maxFaults bounds a report: behind the first few, what is wrong is wrong as a whole.
const maxFaults = 50

func (r *Report) faultf(format string, args ...any) {
	if len(r.Faults) == maxFaults {
		r.More++
		return
	}
	r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
}

// verifyTimeout is far above what a chain of millions takes.
const verifyTimeout = 15 * time.Minute

// Verify reads the whole history as of one moment and holds it
//   - against itself: each record's hash is over its content and the hash before it;
//   - against its head, which is kept apart, so that a last record that was
//     removed is missed;
//   - against the anchors, heads that somebody noted earlier: only these can show
//     that a history was written anew from some record on, hashes and all;
//   - against the tables: what they hold is what the records lead to;
//   - against the migration: the triggers and functions that write records are
//     as it made them, and switched on.
//
// The owner of the tables can get around the latter two: who switches a trigger
// off, changes a grant, changes it back and switches the trigger on again leaves
// nothing that could be found afterwards.
//
// What is wrong stands in the report, and so does what cannot be read. It fails
// with ErrNoHistory, or if the database cannot be asked. It holds up nobody, and
// a copy of every grant in memory.
func Verify(ctx context.Context, pool *pgxpool.Pool, anchors ...Head) (Report, error) {
	ctx, cancel := context.WithTimeout(ctx, verifyTimeout)
	defer cancel()
	c := newChain(anchors)
	err := snapshot(ctx, pool, func(tx pgx.Tx) error {
		if err := c.readAll(ctx, tx); err != nil {
			return err
		}
		if err := c.holdAgainstHead(ctx, tx); err != nil {
			return err
		}
		if err := c.holdAgainstTables(ctx, tx); err != nil {
			return err
		}
		return c.holdAgainstMigration(ctx, tx)
	})
	if err != nil {
		return Report{}, fmt.Errorf("verify the history of roles: %w", err)
	}
	c.holdAgainstAnchors()
	c.report.Head = c.head
	return c.report, nil
}

// readAll adds every record, page by page, also those whose numbers cannot be.
func (c *chain) readAll(ctx context.Context, tx pgx.Tx) error {
	for above := int64(math.MinInt64); ; {
		page, err := readRows(ctx, tx, oldestSQL, above, pageSize)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, r := range page {
			c.add(r)
		}
		above = page[len(page)-1].Number
	}
}

// holdAgainstHead compares where the records end with where the database says they do.
func (c *chain) holdAgainstHead(ctx context.Context, tx pgx.Tx) error {
	var noted Head
	err := tx.QueryRow(ctx, `SELECT coalesce(version, 0), coalesce(hash, '') FROM issuer.role_state`).Scan(&noted.Number, &noted.Hash)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		c.report.faultf("issuer.role_state has lost its row, which says where the history ends")
	case err != nil:
		return err
	case noted.Number > c.head.Number:
		c.report.faultf("%s at the end", missing(c.head.Number+1, noted.Number))
	case noted != c.head:
		c.report.faultf("issuer.role_state says that the history ends with %s, and it ends with %s", noted, c.head)
	}
	return nil
}

// tablesSQL reads both tables as the triggers do.
const tablesSQL = `
SELECT 'grant', to_jsonb(g)::text FROM issuer.grants AS g
UNION ALL
SELECT 'block', to_jsonb(b)::text FROM issuer.blocks AS b`

// holdAgainstTables compares what the tables hold with what the records lead to.
func (c *chain) holdAgainstTables(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, `SELECT set_config('timezone', 'UTC', true)`); err != nil { // in which the images are
		return err
	}
	rows, err := tx.Query(ctx, tablesSQL)
	if err != nil {
		return err
	}
	var kind, text string
	if _, err := pgx.ForEachRow(rows, []any{&kind, &text}, func() error {
		c.compare(kind, text)
		return nil
	}); err != nil {
		return err
	}
	c.compareRest()
	return nil
}
