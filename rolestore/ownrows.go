package rolestore

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// columns is one row of the query.
type columns struct {
	role     pgtype.Text
	priority pgtype.Int8
	session  []byte
	until    pgtype.Timestamptz
}

// accepted are the types that a column may have.
var accepted = map[string][]uint32{
	"role":     {pgtype.TextOID, pgtype.VarcharOID, pgtype.BPCharOID, pgtype.NameOID},
	"priority": {pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID},
	"session":  {pgtype.JSONOID, pgtype.JSONBOID},
	"until":    {pgtype.TimestamptzOID},
}

var wanted = map[string]string{"role": "text", "priority": "integer", "session": "jsonb", "until": "timestamptz"}

// targets returns where each column goes, or all that is wrong with them.
func (c *columns) targets(fields []pgconn.FieldDescription) ([]any, error) {
	places := map[string]any{"role": &c.role, "priority": &c.priority, "session": &c.session, "until": &c.until}
	targets := make([]any, len(fields))
	var faults []error
	seen := map[string]bool{}
	for i, field := range fields {
		place, known := places[field.Name]
		switch {
		case !known:
			faults = append(faults, fmt.Errorf("the query returns a column %s: want role, and if need be priority, session, until", quote(field.Name)))
		case seen[field.Name]:
			faults = append(faults, fmt.Errorf("the query returns the column %s twice", field.Name))
		case !slices.Contains(accepted[field.Name], field.DataTypeOID):
			faults = append(faults, fmt.Errorf("the query's column %s has another type than %s: cast it (%s::%s)", field.Name, wanted[field.Name], field.Name, wanted[field.Name]))
		}
		seen[field.Name] = true
		targets[i] = place
	}
	if !seen["role"] {
		faults = append(faults, errors.New("the query returns no column role"))
	}
	return targets, errors.Join(faults...)
}

// grant makes a grant of a row. A null is what is left out in roles.yaml.
func (c columns) grant(tenant string) (Grant, error) {
	g := Grant{Tenant: tenant, Principal: Principal{Kind: queryKind}, Role: c.role.String, Priority: math.MaxInt}
	if c.priority.Int64 >= math.MinInt32 && c.priority.Int64 <= math.MaxInt32 {
		g.Priority = int(c.priority.Int64)
	}
	if c.session != nil {
		session, err := readSession(c.session)
		if err != nil {
			return Grant{}, fmt.Errorf("session: %w", err)
		}
		g.Session = session
	}
	switch c.until.InfinityModifier {
	case pgtype.Finite:
		if c.until.Valid {
			g.Until = c.until.Time.UTC()
		}
	case pgtype.NegativeInfinity:
		return Grant{}, errors.New("until: -infinity is never")
	case pgtype.Infinity: // without end
	}
	return g, nil
}

// queried returns what is wrong with a grant that a query gave.
func (r Rules) queried(g Grant) error {
	g.Principal = Principal{Kind: KindEveryone} // has no id that could be wrong
	var faults []error
	for _, flaw := range r.grant(g) {
		faults = append(faults, fmt.Errorf("%s: %s", flaw.member, flaw.text))
	}
	return errors.Join(faults...)
}
