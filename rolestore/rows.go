package rolestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// row is one row of either table. Its types are those that pgx reads the columns
// into as they come, which it does for every row of every look-up.
type row struct {
	tenant      string
	isBlock     pgtype.Bool // null: there is no row
	kind, id    string
	role        string
	priority    int32
	session     []byte // JSON
	from, until moment
	reason      string
}

// moment is a point in time, in UTC; zero for null.
type moment struct{ time.Time }

var errInfinite = errors.New("want a time, not infinity")

// ScanTimestamptz reads a column. It fails where that is infinite.
func (m *moment) ScanTimestamptz(v pgtype.Timestamptz) error {
	*m = moment{}
	if v.InfinityModifier != pgtype.Finite {
		return errInfinite
	}
	if v.Valid {
		m.Time = v.Time.UTC()
	}
	return nil
}

// revisionOfSQL ends a statement whose last part is the table "found", with the
// columns of lookupSQL: its rows come with the revision that they are of, and
// where there are none one row says so, all of it seen at one moment.
const revisionOfSQL = `
SELECT s.version, s.hash, f.is_block, coalesce(f.principal_kind, ''), coalesce(f.principal, ''), coalesce(f.role, ''),
	coalesce(f.priority, 0), coalesce(f.session, '{}'), f.valid_from, f.valid_until, coalesce(f.reason, '')
FROM issuer.role_state s LEFT JOIN found f ON true`

// errNoState is for a database that somebody has emptied by hand.
var errNoState = errors.New("issuer.role_state has lost its row: restore the database")

// readAt runs a statement that ends in revisionOfSQL for principals of a tenant; see read.
func readAt(ctx context.Context, db querier, sql, tenant string, kinds, ids []string) (Document, Revision, error) {
	rows, err := db.Query(ctx, sql, tenant, kinds, ids)
	if err != nil {
		return Document{}, Revision{}, err
	}
	defer rows.Close()
	var revision Revision
	c := collection{row: row{tenant: tenant}}
	tag, err := pgx.ForEachRow(rows, append([]any{&revision.Number, &revision.Mark}, c.columns()...), func() error {
		if c.isBlock.Valid {
			c.add()
		}
		return nil
	})
	if err == nil && tag.RowsAffected() == 0 {
		err = errNoState
	}
	return c.found, revision, errors.Join(err, errors.Join(c.broken...))
}

// read runs a statement with the tenant and the columns of lookupSQL. It does not apply the
// rules; a row that cannot be a grant or a block at all is an error that names it.
func read(ctx context.Context, db querier, sql string, args ...any) (Document, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return Document{}, err
	}
	defer rows.Close()
	var c collection
	_, err = pgx.ForEachRow(rows, append([]any{&c.tenant}, c.columns()...), func() error {
		c.add()
		return nil
	})
	return c.found, errors.Join(err, errors.Join(c.broken...))
}

// collection gathers rows, one at a time.
type collection struct {
	row
	found  Document
	broken []error // rows that can be neither a grant nor a block
}

// columns are where the columns of lookupSQL go.
func (c *collection) columns() []any {
	r := &c.row
	return []any{&r.isBlock, &r.kind, &r.id, &r.role, &r.priority, &r.session, &r.from, &r.until, &r.reason}
}

// add takes the row that is there.
func (c *collection) add() {
	r := c.row
	principal := Principal{Kind: PrincipalKind(r.kind), ID: r.id}
	if r.isBlock.Bool {
		c.found.Blocks = append(c.found.Blocks, Block{Tenant: r.tenant, Principal: principal, Until: r.until.Time, Reason: r.reason})
		return
	}
	session, err := readSession(r.session)
	if err != nil {
		c.broken = append(c.broken, rowError(r.tenant, principal, r.role, "session", err))
	}
	c.found.Grants = append(c.found.Grants, Grant{
		Tenant: r.tenant, Principal: principal, Role: r.role, Priority: int(r.priority), Session: session,
		From: r.from.Time, Until: r.until.Time, Reason: r.reason,
	})
}

// readSession reads the column session; nil for an empty object. Its error does
// not hold the content.
func readSession(data []byte) (map[string]Value, error) {
	if string(data) == "{}" { // of most grants
		return nil, nil
	}
	var session map[string]Value
	if err := json.Unmarshal(data, &session); err != nil || session == nil {
		return nil, errNotSession
	}
	if len(session) == 0 {
		return nil, nil
	}
	return session, nil
}

var errNotSession = errors.New("want an object of strings and lists of strings")

// rowError names a row by its identity and says what is wrong with one member;
// it is an ErrBrokenRow.
func rowError(tenant string, p Principal, role, member string, err error) error {
	noun := "block"
	if role != "" {
		noun = "grant of " + quote(role)
	}
	return fmt.Errorf("the %s to %s in tenant %s %w: %s: %w", noun, p, tenant, ErrBrokenRow, member, err)
}
