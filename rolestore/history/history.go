// Package history answers one question: who changed what callers may be, and can
// that be believed? It reads the records that the tables of grants and blocks
// keep of their own changes, and checks the chain that holds them together. It
// writes nothing: the database does, whoever makes the change.
package history

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// ErrNoHistory means that the schema is older than the history. Its text tells
// the operator what to run.
var ErrNoHistory = errors.New("this database keeps no history of roles yet: run `issuer migrate`")

// Record is one change of one grant or block.
type Record struct {
	Number int64     `json:"number"`
	At     time.Time `json:"at"` // UTC
	// Actor is who, as the writer said it. Nothing proves it; what follows is
	// what the server saw for itself.
	Actor       string `json:"actor"`
	Login       string `json:"login"`       // whom the server let in
	Address     string `json:"address"`     // of the client, or of the pooler before it; empty for a local socket
	Application string `json:"application"` // as the connection calls itself
	// Grant or Block is what changed. Neither is there where the record cannot be
	// read, which Verify tells more about.
	Grant *Change[rolestore.Grant] `json:"grant,omitempty"`
	Block *Change[rolestore.Block] `json:"block,omitempty"`
	Hash  string                   `json:"hash"`
}

// Change is an entry as it was and as it is; nil for not there.
type Change[T any] struct {
	Before *T `json:"before"`
	After  *T `json:"after"`
}

// Line tells what changed as a diff does, on one line that cannot disturb a terminal.
func (r Record) Line() string {
	var d rolestore.Diff
	switch {
	case r.Grant != nil:
		d.Grants = r.Grant.changes()
	case r.Block != nil:
		d.Blocks = r.Block.changes()
	default:
		return "? cannot be read"
	}
	var b strings.Builder
	_, _ = d.WriteTo(&b) // a Builder takes everything
	return strings.TrimSuffix(b.String(), "\n")
}

func (c Change[T]) changes() rolestore.Changes[T] {
	switch {
	case c.Before == nil:
		return rolestore.Changes[T]{Added: []T{*c.After}}
	case c.After == nil:
		return rolestore.Changes[T]{Removed: []T{*c.Before}}
	}
	return rolestore.Changes[T]{Changed: []rolestore.Change[T]{{Before: *c.Before, After: *c.After}}}
}

// Query says which records are wanted.
type Query struct {
	Before int64     // only those with a smaller number; 0 for all
	Since  time.Time // only those from this moment on; zero for all
	Limit  int       // as many at most
	// Filter chooses by the entry that changed. A record that does not tell which
	// that was is always in.
	Filter rolestore.Filter
}

const (
	listTimeout = time.Minute
	pageSize    = 5000
	maxLook     = 10 * pageSize // of ListPage
)

// List returns the records that match, the newest first. It does not check the
// chain. It fails with ErrNoHistory, or if the database cannot be asked.
func List(ctx context.Context, pool *pgxpool.Pool, q Query) ([]Record, error) {
	page, err := list(ctx, pool, q, 0)
	return page.Records, err
}

// Page is a part of the records that match. It may be short, or empty, and still
// not be the last one.
type Page struct {
	Records []Record
	Before  int64 // where to go on, for Query.Before; 0: this was the last page
}

// ListPage is List that looks at 50,000 records at most, so that it costs the same
// however long the history is.
func ListPage(ctx context.Context, pool *pgxpool.Pool, q Query) (Page, error) {
	return list(ctx, pool, q, maxLook)
}

// list looks at so many records at most, or with 0 at all of them.
func list(ctx context.Context, pool *pgxpool.Pool, q Query, most int) (Page, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	page := Page{Records: []Record{}, Before: q.Before}
	err := snapshot(ctx, pool, func(tx pgx.Tx) error {
		for looked := 0; len(page.Records) < q.Limit && (most == 0 || looked < most); looked += pageSize {
			rows, err := readRows(ctx, tx, newestSQL, page.Before, q.Since, pageSize)
			if err != nil {
				return err
			}
			if page.add(q, rows); page.Before == 0 {
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return Page{}, fmt.Errorf("read the history of roles: %w", err)
	}
	return page, nil
}

// add takes those of the rows that match, as many as there is room for, and moves
// on to the last one that it looked at.
func (p *Page) add(q Query, rows []row) {
	for _, r := range rows {
		if len(p.Records) == q.Limit {
			return
		}
		p.Before = r.Number
		id, err := r.identity()
		if err != nil || q.Filter.Matches(id.tenant, id.principal, id.role) {
			p.Records = append(p.Records, r.record())
		}
	}
	if len(rows) < pageSize {
		p.Before = 0
	}
}

// snapshot runs work on the database as it is at one moment.
func snapshot(ctx context.Context, pool *pgxpool.Pool, work func(pgx.Tx) error) error {
	err := pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		return work(tx)
	})
	if isUndefined(err) {
		if lost := Intact(ctx, pool); lost != nil {
			return lost
		}
	}
	return err
}
