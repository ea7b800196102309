package rolestore

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// ErrChangedMeanwhile means that the database no longer is as it was when the
// change was confirmed, so nothing was changed: plan and confirm again.
var ErrChangedMeanwhile = errors.New("the roles have changed since the change was shown")

// ApplyOptions say how a document is applied.
type ApplyOptions struct {
	// Prune removes what the document does not hold.
	Prune bool
	// DryRun changes nothing: Apply is then Plan.
	DryRun bool
	// Confirmed is the diff somebody has agreed to, as Plan returned it. If it is
	// no longer what applying would do, Apply fails with ErrChangedMeanwhile. Nil:
	// nobody was asked, whatever differs is applied.
	Confirmed *Diff
	// By says who changes the roles; it is kept with every row that is added or
	// changed, and in the history. Required unless DryRun.
	By string
	// Progress is told, while the change is written, how many of all entries are. Nil: nobody listens.
	Progress func(done, all int)
}

// Plan returns what Apply would change now, and changes nothing. It fails as
// Apply does.
func (p *Postgres) Plan(ctx context.Context, doc Document, options ApplyOptions) (Diff, error) {
	options.DryRun = true
	return p.Apply(ctx, doc, options)
}

// Apply brings the database to what the document says, in one transaction that
// excludes every other change: all of it or nothing. Entries are added and
// changed, and with Prune the rest is removed. It returns what it changed.
//
// It fails with all faults of the document if that breaks the rules, with
// ErrChangedMeanwhile, and with ErrUnavailable if the database cannot be asked,
// refuses the change, or holds a row that cannot be read at all (the error names
// it). When the connection breaks at the very end, the change may have been made
// although ErrUnavailable came back; applying again is harmless.
func (p *Postgres) Apply(ctx context.Context, doc Document, options ApplyOptions) (Diff, error) {
	doc, err := doc.checked(p.rules)
	if err != nil {
		return Diff{}, err
	}
	return p.change(ctx, options, func(ctx context.Context, tx pgx.Tx) (Diff, error) {
		present, err := read(ctx, tx, everythingSQL)
		if err != nil {
			return Diff{}, err
		}
		present.sort()
		return diff(present, doc, options.Prune), nil
	})
}

// change makes the changes that compare finds, unless it is a dry run.
func (p *Postgres) change(ctx context.Context, options ApplyOptions, compare func(context.Context, pgx.Tx) (Diff, error)) (Diff, error) {
	if !options.DryRun && (options.By == "" || len(options.By) > maxReason || !isClean(options.By)) {
		return Diff{}, errors.New("apply roles: want a line of text that says who changes them")
	}
	var changed Diff
	err := p.inTransaction(ctx, options.DryRun, func(ctx context.Context, tx pgx.Tx) (err error) {
		if changed, err = compare(ctx, tx); err != nil {
			return err
		}
		if err = changed.weigh(ctx, tx); err != nil || options.DryRun {
			return err
		}
		if options.Confirmed != nil && !options.Confirmed.covers(changed) {
			return ErrChangedMeanwhile
		}
		if changed.Empty() {
			return nil
		}
		return write(ctx, tx, changed, options.By, options.Progress)
	})
	if err != nil {
		return Diff{}, fmt.Errorf("apply roles: %w", unavailable(err))
	}
	return changed, nil
}

// Export returns everything the database holds, in a stable order. It does not
// apply the rules, so that a row that breaks them can be seen. It fails with
// ErrUnavailable; of a row that cannot be read at all, the error says which.
func (p *Postgres) Export(ctx context.Context) (Document, error) {
	var all Document
	err := p.inTransaction(ctx, true, func(ctx context.Context, tx pgx.Tx) (err error) {
		all, err = read(ctx, tx, everythingSQL)
		return err
	})
	if err != nil {
		return Document{}, fmt.Errorf("export roles: %w", unavailable(err))
	}
	all.sort()
	return all, nil
}

// Size counts the grants and blocks there are. It fails with ErrUnavailable.
func (p *Postgres) Size(ctx context.Context) (grants, blocks int, err error) {
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	err = p.pool.QueryRow(ctx, `SELECT (SELECT count(*) FROM issuer.grants), (SELECT count(*) FROM issuer.blocks)`).Scan(&grants, &blocks)
	if err != nil {
		return 0, 0, fmt.Errorf("count roles: %w", unavailable(err))
	}
	return grants, blocks, nil
}

// everythingSQL reads both tables in one statement, that is, at one moment.
const everythingSQL = `
SELECT tenant::text, false AS is_block, principal_kind, principal, role, priority, session, valid_from, valid_until, reason
FROM issuer.grants
UNION ALL
SELECT tenant::text, true, principal_kind, principal, '', 0, '{}', NULL, valid_until, reason
FROM issuer.blocks`

// lockSQL keeps changes apart, ours and those of people with psql, and lets look-ups through. Only who may change roles
// can take it: an advisory lock could be held by anybody who may connect, and no block would get past it.
const lockSQL = `LOCK TABLE issuer.grants, issuer.blocks IN SHARE ROW EXCLUSIVE MODE`

// inTransaction runs work in a transaction: read only, or as the only one that
// changes roles. The isolation is the default of Postgres on purpose: what is
// read after the lock was waited for is what its last holder left.
func (p *Postgres) inTransaction(ctx context.Context, readOnly bool, work func(context.Context, pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	options := pgx.TxOptions{IsoLevel: pgx.ReadCommitted, AccessMode: pgx.ReadWrite}
	if readOnly {
		options.AccessMode = pgx.ReadOnly
	}
	return pgx.BeginTxFunc(ctx, p.pool, options, func(tx pgx.Tx) error {
		if !readOnly {
			if _, err := tx.Exec(ctx, lockSQL); err != nil {
				return fmt.Errorf("wait for other changes: %w", err)
			}
		}
		return work(ctx, tx)
	})
}
