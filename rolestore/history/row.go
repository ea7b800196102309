package history

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// columnsSQL reads what the constraints of the table rule out as something that
// fails no scan: who drops one must not hide the other records.
const (
	columnsSQL = `SELECT number, coalesce(CASE WHEN isfinite(at) THEN at END, 'epoch'), coalesce(actor, ''), coalesce(login, ''), coalesce(address, ''),
		coalesce(application, ''), coalesce(kind, ''), before::text, after::text, coalesce(hash, '') FROM issuer.role_history `
	newestSQL = columnsSQL + `WHERE ($1 = 0 OR number < $1) AND at >= $2 ORDER BY number DESC LIMIT $3`
	oldestSQL = columnsSQL + `WHERE number > $1 ORDER BY number LIMIT $2`
)

// row is a record as the table holds it.
type row struct {
	Number      int64
	At          time.Time
	Actor       string
	Login       string
	Address     string
	Application string
	Kind        string
	Before      *string // JSON, byte for byte
	After       *string
	Hash        string
}

func readRows(ctx context.Context, tx pgx.Tx, sql string, args ...any) ([]row, error) {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[row])
}

// hashAfter returns the hash that the record must have if that of the one before
// it is previous. issuer.role_hash in the database computes the same: netstrings,
// since no text in one can pass for the end of another.
func (r row) hashAfter(previous string) string {
	h := sha256.New()
	for _, field := range []string{
		previous, strconv.FormatInt(r.Number, 10), r.At.UTC().Format("2006-01-02T15:04:05.000000Z"),
		r.Actor, r.Login, r.Address, r.Application, r.Kind, orNone(r.Before), orNone(r.After),
	} {
		fmt.Fprintf(h, "%d:%s,", len(field), field)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func orNone(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// identity is what the tables hold at most one of.
type identity struct {
	kind      string
	tenant    string
	principal rolestore.Principal
	role      string
}

func (id identity) String() string {
	if id.kind == kindBlock {
		return fmt.Sprintf("the block of %s in tenant %s", id.principal, id.tenant)
	}
	return fmt.Sprintf("the grant of %q to %s in tenant %s", id.role, id.principal, id.tenant)
}

const kindBlock = "block"

// image is a row of grants or blocks as JSON, by the names of its columns.
type image struct {
	Tenant     string                     `json:"tenant"`
	Kind       rolestore.PrincipalKind    `json:"principal_kind"`
	Principal  string                     `json:"principal"`
	Role       string                     `json:"role"`
	Priority   int                        `json:"priority"`
	Session    map[string]rolestore.Value `json:"session"`
	ValidFrom  time.Time                  `json:"valid_from"`
	ValidUntil time.Time                  `json:"valid_until"`
	Reason     string                     `json:"reason"`
}

// readImage reads one side of a record; nil for none.
func readImage(text *string) (*image, error) {
	if text == nil {
		return nil, nil
	}
	var i image
	if err := json.Unmarshal([]byte(*text), &i); err != nil {
		return nil, err
	}
	return &i, nil
}

func (i image) principal() rolestore.Principal {
	return rolestore.Principal{Kind: i.Kind, ID: i.Principal}
}

// identify returns whose row text is. It needs less than readImage does, so that
// a session or a time which nobody can read hides nothing but itself.
func identify(kind string, text *string) (identity, error) {
	var named struct {
		Tenant    string                  `json:"tenant"`
		Kind      rolestore.PrincipalKind `json:"principal_kind"`
		Principal string                  `json:"principal"`
		Role      string                  `json:"role"`
	}
	if text == nil {
		return identity{}, errors.New("there is no row")
	}
	if err := json.Unmarshal([]byte(*text), &named); err != nil {
		return identity{}, err
	}
	return identity{kind, named.Tenant, rolestore.Principal{Kind: named.Kind, ID: named.Principal}, named.Role}, nil
}

func (i *image) grant() *rolestore.Grant {
	if i == nil {
		return nil
	}
	return &rolestore.Grant{
		Tenant: i.Tenant, Principal: i.principal(), Role: i.Role, Priority: i.Priority, Session: i.Session,
		From: i.ValidFrom.UTC(), Until: i.ValidUntil.UTC(), Reason: i.Reason,
	}
}

func (i *image) block() *rolestore.Block {
	if i == nil {
		return nil
	}
	return &rolestore.Block{Tenant: i.Tenant, Principal: i.principal(), Until: i.ValidUntil.UTC(), Reason: i.Reason}
}

// identity returns whose change this is.
func (r row) identity() (identity, error) {
	text := r.After
	if text == nil {
		text = r.Before
	}
	return identify(r.Kind, text)
}

// readable tells whether both images can be read whole.
func (r row) readable() bool {
	_, before := readImage(r.Before)
	_, after := readImage(r.After)
	return before == nil && after == nil
}

// record returns the record as it is shown.
func (r row) record() Record {
	record := Record{
		Number: r.Number, At: r.At.UTC(), Actor: r.Actor, Login: r.Login, Address: r.Address, Application: r.Application, Hash: r.Hash,
	}
	before, err := readImage(r.Before)
	after, errAfter := readImage(r.After)
	switch {
	case err != nil || errAfter != nil || before == nil && after == nil:
	case r.Kind == kindBlock:
		record.Block = &Change[rolestore.Block]{before.block(), after.block()}
	default:
		record.Grant = &Change[rolestore.Grant]{before.grant(), after.grant()}
	}
	return record
}
