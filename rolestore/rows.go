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

// read runs a statement with the columns of lookupSQL. It does not apply the
// rules; a row that cannot be a grant or a block at all is an error that names it.
func read(ctx context.Context, db querier, sql string, args ...any) (Document, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return Document{}, err
	}
	defer rows.Close()
	var found Document
	var broken []error
	var r row
	_, err = pgx.ForEachRow(rows, []any{
		&r.isBlock, &r.tenant, &r.kind, &r.id, &r.role, &r.priority, &r.session, &r.validFrom, &r.validEnd, &r.reason,
	}, func() error {
		principal := Principal{Kind: PrincipalKind(r.kind), ID: r.id}
		if r.isBlock {
			found.Blocks = append(found.Blocks, Block{Tenant: r.tenant, Principal: principal, Until: utc(r.validEnd), Reason: r.reason})
			return nil
		}
		session, err := readSession(r.session)
		if err != nil {
			broken = append(broken, rowError(r.tenant, principal, r.role, "session", err))
		}
		found.Grants = append(found.Grants, Grant{
			Tenant: r.tenant, Principal: principal, Role: r.role, Priority: r.priority, Session: session,
			From: utc(r.validFrom), Until: utc(r.validEnd), Reason: r.reason,
		})
		return nil
	})
	return found, errors.Join(err, errors.Join(broken...))
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
