package rolestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"
)

// row is one row of either table, in the columns of lookupSQL.
type row struct {
	isBlock             bool
	tenant, kind, id    string
	role                string
	priority            int
	session             []byte // JSON
	validFrom, validEnd *time.Time
	reason              string
}

// revisionOfSQL ends a statement whose last part is the table "found", with the
// columns of lookupSQL: its rows come with the revision that they are of, and
// where there are none one row says so, all of it seen at one moment.
const revisionOfSQL = `
SELECT s.version, s.hash, f.is_block IS NOT NULL, coalesce(f.is_block, false), coalesce(f.tenant, ''),
	coalesce(f.principal_kind, ''), coalesce(f.principal, ''), coalesce(f.role, ''), coalesce(f.priority, 0),
	coalesce(f.session, '{}'), f.valid_from, f.valid_until, coalesce(f.reason, '')
FROM issuer.role_state s LEFT JOIN found f ON true`

// errNoState is for a database that somebody has emptied by hand.
var errNoState = errors.New("issuer.role_state has lost its row: restore the database")

// readAt runs a statement that ends in revisionOfSQL; see read.
func readAt(ctx context.Context, db querier, sql string, args ...any) (Document, Revision, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return Document{}, Revision{}, err
	}
	defer rows.Close()
	var c collection
	var revision Revision
	var exists bool
	tag, err := pgx.ForEachRow(rows, append([]any{&revision.Number, &revision.Mark, &exists}, c.columns()...), func() error {
		if exists {
			c.add()
		}
		return nil
	})
	if err == nil && tag.RowsAffected() == 0 {
		err = errNoState
	}
	return c.found, revision, errors.Join(err, errors.Join(c.broken...))
}

// read runs a statement with the columns of lookupSQL. It does not apply the
// rules; a row that cannot be a grant or a block at all is an error that names it.
func read(ctx context.Context, db querier, sql string, args ...any) (Document, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return Document{}, err
	}
	defer rows.Close()
	var c collection
	_, err = pgx.ForEachRow(rows, c.columns(), func() error {
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
	return []any{&r.isBlock, &r.tenant, &r.kind, &r.id, &r.role, &r.priority, &r.session, &r.validFrom, &r.validEnd, &r.reason}
}

// add takes the row that is there.
func (c *collection) add() {
	r := c.row
	principal := Principal{Kind: PrincipalKind(r.kind), ID: r.id}
	if r.isBlock {
		c.found.Blocks = append(c.found.Blocks, Block{Tenant: r.tenant, Principal: principal, Until: utc(r.validEnd), Reason: r.reason})
		return
	}
	session, err := readSession(r.session)
	if err != nil {
		c.broken = append(c.broken, rowError(r.tenant, principal, r.role, "session", err))
	}
	c.found.Grants = append(c.found.Grants, Grant{
		Tenant: r.tenant, Principal: principal, Role: r.role, Priority: r.priority, Session: session,
		From: utc(r.validFrom), Until: utc(r.validEnd), Reason: r.reason,
	})
}

// readSession reads the column session; nil for an empty object. Its error does
// not hold the content.
func readSession(data []byte) (map[string]Value, error) {
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

func utc(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// rowError names a row by its identity and says what is wrong with one member;
// it is an ErrBrokenRow.
func rowError(tenant string, p Principal, role, member string, err error) error {
	noun := "block"
	if role != "" {
		noun = "grant of " + quote(role)
	}
	return fmt.Errorf("the %s to %s in tenant %s %w: %s: %w", noun, p, tenant, ErrBrokenRow, member, err)
}
