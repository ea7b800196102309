package rolestore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// GrantPage returns a page of the grants, within five seconds. What it reads does
// not grow with the table: it steps along an index from where the last page
// ended, and where the filter names what no index leads to, it looks at so
// many grants at most and goes on with the next page. It does not apply the
// rules, so that a row which breaks them can be seen.
//
// It fails with ErrRefused if the query asks for what cannot be, and with
// ErrUnavailable if the database cannot be asked; of a row that cannot be read at
// all, the error says which.
func (p *Postgres) GrantPage(ctx context.Context, q PageQuery) (Page[Grant], error) {
	found, bound, err := p.page(ctx, grantPages, q)
	if err != nil {
		return Page[Grant]{}, err
	}
	return cut(found.Grants, q.Limit, bound, Grant.place), nil
}

// BlockPage is GrantPage for blocks.
func (p *Postgres) BlockPage(ctx context.Context, q PageQuery) (Page[Block], error) {
	found, bound, err := p.page(ctx, blockPages, q)
	if err != nil {
		return Page[Block]{}, err
	}
	return cut(found.Blocks, q.Limit, bound, Block.place), nil
}

// pageTable is how pages of a table are asked for.
type pageTable struct {
	table   string
	columns string // the tenant and those of lookupSQL
	key     string // the primary key; with t, or ORDER BY would take the columns of the answer
	after   string // the place behind which to look, as that key
	place   string // the columns of a Place
}

var (
	grantPages = pageTable{
		table:   "issuer.grants",
		columns: "tenant::text, false, principal_kind, principal, role, priority, session, valid_from, valid_until, reason",
		key:     "t.tenant, t.principal_kind, t.principal, t.role",
		after:   "@after_tenant::uuid, @after_kind, @after_principal, @after_role",
		place:   "tenant::text, principal_kind, principal, role",
	}
	blockPages = pageTable{
		table:   "issuer.blocks",
		columns: "tenant::text, true, principal_kind, principal, '', 0, '{}'::jsonb, NULL::timestamptz, valid_until, reason",
		key:     "t.tenant, t.principal_kind, t.principal",
		after:   "@after_tenant::uuid, @after_kind, @after_principal",
		place:   "tenant::text, principal_kind, principal, ''",
	}
)

// page returns one entry more than the limit where there is more, and the place up
// to which it looked, zero for the end. Both are as of one moment.
func (p *Postgres) page(ctx context.Context, t pageTable, q PageQuery) (found Document, bound Place, err error) {
	q, err = q.checked()
	if err != nil {
		return Document{}, Place{}, err
	}
	if t == blockPages && q.Filter.Role != "" { // a block has none
		return Document{}, Place{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	s := t.search(q)
	err = pgx.BeginTxFunc(ctx, p.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		if len(s.beside) > 0 {
			if bound, err = s.boundary(ctx, tx); err != nil {
				return err
			}
		}
		found, err = read(ctx, tx, s.sql(), s.args)
		return err
	})
	if err != nil {
		return Document{}, Place{}, fmt.Errorf("list roles: %w", unavailable(err))
	}
	return found, bound, nil
}

// search is what to look for. What an entry is compared with is never part of a statement.
type search struct {
	pageTable
	along  []string // conditions that the primary key leads to, or grants_by_role, which has the same order
	beside []string // and others
	args   pgx.NamedArgs
}

func (t pageTable) search(q PageQuery) search {
	s := search{pageTable: t, along: []string{"true"}, args: pgx.NamedArgs{"limit": q.Limit + 1, "scan": maxScan}}
	principals := &s.beside
	if q.Filter.Tenant != "" {
		principals = &s.along
		s.add(&s.along, "t.tenant = @tenant", "tenant", q.Filter.Tenant)
	}
	if q.Filter.Principal != (Principal{}) {
		s.add(principals, "t.principal_kind = @kind", "kind", string(q.Filter.Principal.Kind))
		s.add(principals, "t.principal = @principal", "principal", q.Filter.Principal.ID)
	}
	if q.After != (Place{}) {
		s.add(&s.along, "("+t.key+") > ("+t.after+")", "after_tenant", q.After.Tenant)
		s.args["after_kind"], s.args["after_principal"], s.args["after_role"] = string(q.After.Principal.Kind), q.After.Principal.ID, q.After.Role
	}
	if q.Filter.Role != "" {
		s.add(&s.along, "t.role = @role", "role", q.Filter.Role)
	}
	if !q.Over.IsZero() {
		s.add(&s.beside, "t.valid_until <= @over", "over", q.Over)
	}
	if len(s.beside) == 0 {
		s.args["scan"] = s.args["limit"]
	}
	return s
}

func (s *search) add(to *[]string, condition, name string, value any) {
	*to = append(*to, condition)
	s.args[name] = value
}

// sql steps along an index, so many entries at most, and takes what
// matches. The limit inside keeps the planner from reading the whole table instead.
func (s search) sql() string {
	matching := strings.Join(append([]string{"true"}, s.beside...), " AND ")
	return "SELECT " + s.columns + " FROM (SELECT t.*" + s.steps() + " LIMIT @scan) AS t WHERE " + matching + " ORDER BY " + s.key + " LIMIT @limit"
}

func (s search) steps() string {
	return " FROM " + s.table + " AS t WHERE " + strings.Join(s.along, " AND ") + " ORDER BY " + s.key
}

// boundary returns the last place that sql looks at, or zero where that is the end.
func (s search) boundary(ctx context.Context, db querier) (at Place, err error) {
	rows, err := db.Query(ctx, "SELECT "+s.place+s.steps()+" OFFSET @scan - 1 LIMIT 1", s.args)
	if err != nil {
		return Place{}, err
	}
	at, err = pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (at Place, err error) {
		err = row.Scan(&at.Tenant, &at.Principal.Kind, &at.Principal.ID, &at.Role)
		return at, err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return Place{}, nil
	}
	return at, err
}
