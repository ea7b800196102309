package rolestore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// MaxPage is how many entries a page holds at most.
const MaxPage = 1000

// maxScan is how many entries a page looks at where the filter names what no
// index leads to. So a page costs the same whatever the size of the store.
const maxScan = 50_000

// PageQuery says which entries a page is to hold.
type PageQuery struct {
	Filter Filter
	Over   time.Time // only what is no longer in force at this moment; zero: that too
	After  Place     // only what comes behind this place
	Limit  int       // so many at most, from 1 to MaxPage
}

// Place is a place in the order of pages, which is that of the primary keys:
// tenant, kind of principal, principal, role, each by its bytes. Of a block the
// role is empty. The zero Place is before the first entry.
type Place struct {
	Tenant    string
	Principal Principal
	Role      string
}

// Page is a part of the entries that match. It may be short, or empty, and still
// not be the last one.
type Page[T any] struct {
	Entries []T
	Next    Place // where to go on; zero: this was the last page
}

// checked returns the query in its canonical form. What it finds wrong is ErrRefused.
func (q PageQuery) checked() (PageQuery, error) {
	filter, err := q.Filter.Checked()
	if err != nil {
		return PageQuery{}, err
	}
	q.Filter = filter
	if q.Limit < 1 || q.Limit > MaxPage {
		return PageQuery{}, faultsOf(flaws{{"limit", "want a number from 1 to 1000"}})
	}
	if q.After != (Place{}) && !q.After.isSound() {
		return PageQuery{}, faultsOf(flaws{{"after", "want a place that a page has named"}})
	}
	return q, nil
}

// isSound tells whether the place can be asked for: that it is one, the order tells.
func (p Place) isSound() bool {
	return isGUID(p.Tenant) && p.Principal.Kind.rank() != unknownRank && isClean(p.Principal.ID) && isClean(p.Role)
}

func (p Place) compare(other Place) int {
	return cmp.Or(strings.Compare(p.Tenant, other.Tenant),
		strings.Compare(string(p.Principal.Kind), string(other.Principal.Kind)),
		strings.Compare(p.Principal.ID, other.Principal.ID), strings.Compare(p.Role, other.Role))
}

func (g Grant) place() Place { return Place{g.Tenant, g.Principal, g.Role} }
func (b Block) place() Place { return Place{b.Tenant, b.Principal, ""} }

// matches tells whether an entry belongs on a page.
func (q PageQuery) matches(at Place, until time.Time) bool {
	isOver := q.Over.IsZero() || !until.IsZero() && !until.After(q.Over)
	return isOver && at.compare(q.After) > 0 && q.Filter.Matches(at.Tenant, at.Principal, at.Role)
}

// cut makes a page of what was found up to a bound, zero for the end. That is one
// more than fits where there is more.
func cut[T any](found []T, limit int, bound Place, place func(T) Place) Page[T] {
	if len(found) <= limit {
		return Page[T]{Entries: found, Next: bound}
	}
	return Page[T]{Entries: found[:limit], Next: place(found[limit-1])}
}

// inPages returns a copy in the order of pages.
func (d Document) inPages() Document {
	d.Grants, d.Blocks = slices.Clone(d.Grants), slices.Clone(d.Blocks)
	slices.SortFunc(d.Grants, func(a, b Grant) int { return a.place().compare(b.place()) })
	slices.SortFunc(d.Blocks, func(a, b Block) int { return a.place().compare(b.place()) })
	return d
}

// GrantPage returns a page of the file's grants. It fails with ErrRefused if the
// query asks for what cannot be, and with ErrUnavailable once ctx has ended.
func (f *File) GrantPage(ctx context.Context, q PageQuery) (Page[Grant], error) {
	return f.current.Load().roles.grantPage(ctx, q)
}

// GrantPage returns a page of the document's grants, as that of File does.
func (m *Memory) GrantPage(ctx context.Context, q PageQuery) (Page[Grant], error) {
	return m.roles.grantPage(ctx, q)
}

func (x index) grantPage(ctx context.Context, q PageQuery) (Page[Grant], error) {
	return pageOf(ctx, x.pages.Grants, q, func(g Grant) (Place, time.Time) { return g.place(), g.Until })
}

// BlockPage is GrantPage for blocks.
func (f *File) BlockPage(ctx context.Context, q PageQuery) (Page[Block], error) {
	return f.current.Load().roles.blockPage(ctx, q)
}

// BlockPage is GrantPage for blocks.
func (m *Memory) BlockPage(ctx context.Context, q PageQuery) (Page[Block], error) {
	return m.roles.blockPage(ctx, q)
}

func (x index) blockPage(ctx context.Context, q PageQuery) (Page[Block], error) {
	return pageOf(ctx, x.pages.Blocks, q, func(b Block) (Place, time.Time) { return b.place(), b.Until })
}

func pageOf[T any](ctx context.Context, all []T, q PageQuery, of func(T) (Place, time.Time)) (Page[T], error) {
	q, err := q.checked()
	if err != nil {
		return Page[T]{}, err
	}
	if err := ctx.Err(); err != nil {
		return Page[T]{}, fmt.Errorf("list roles: %w: %w", ErrUnavailable, err)
	}
	var found []T
	for _, one := range all {
		if at, until := of(one); q.matches(at, until) {
			if found = append(found, one); len(found) > q.Limit {
				break
			}
		}
	}
	return cut(found, q.Limit, Place{}, func(one T) Place { at, _ := of(one); return at }), nil
}
