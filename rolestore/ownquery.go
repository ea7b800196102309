package rolestore

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// queryKind is the kind of principal of a grant that a query of the operator's
// gives. It is none that anybody can grant to.
const queryKind = "query"

// OwnQuery answers from tables of the operator's own, by their SQL instead of
// issuer.grants. Blocks are those of issuer.blocks still, and the rules bind the
// rows of the query as they bind grants. All its methods may be called at the
// same time.
type OwnQuery struct {
	pool   *pgxpool.Pool
	rules  Rules
	sql    string   // with $1, $2, … where the parameters are
	values []string // their names, by place
	now    func() time.Time
	own    *Postgres // blocks and revisions
}

// parameters are what a query may name, with @ before it.
var parameters = []string{"tenant", "subject", "kind", "client", "groups", "app_roles", "now"}

// maxQuery bounds the text of a query, in bytes.
const maxQuery = 64 << 10

// NewOwnQuery makes a store of a query, an SQL statement that returns the column
// role and may return priority, session and until. It fails where the text names
// a parameter that there is not, and does not connect: see Check.
func NewOwnQuery(ctx context.Context, pool *pgxpool.Pool, rules Rules, text string) (*OwnQuery, error) {
	if len(text) > maxQuery {
		return nil, fmt.Errorf("the query has %d bytes, of at most %d", len(text), maxQuery)
	}
	text = strings.TrimRight(strings.TrimSpace(text), "; \t\r\n")
	if text == "" {
		return nil, errors.New("the query is empty: want a SELECT with the column role")
	}
	known := pgx.NamedArgs{}
	for _, name := range parameters {
		known[name] = name
	}
	sql, found, err := known.RewriteQuery(ctx, nil, text, nil)
	if err != nil {
		return nil, fmt.Errorf("read the query: %w", err)
	}
	o := &OwnQuery{pool: pool, rules: rules, sql: sql, now: time.Now, own: NewPostgres(pool, rules)}
	for _, value := range found {
		name, ok := value.(string)
		if !ok {
			return nil, fmt.Errorf("the query names %s: want one of @%s", unknownParameter(text), strings.Join(parameters, ", @"))
		}
		o.values = append(o.values, name)
	}
	return o, nil
}

var parameterName = regexp.MustCompile(`@[A-Za-z_][A-Za-z0-9_]*`)

// unknownParameter returns the first word that looks like a parameter and is none.
func unknownParameter(text string) string {
	for _, word := range parameterName.FindAllString(text, -1) {
		if !slices.Contains(parameters, word[1:]) {
			return word[:min(len(word), 40)]
		}
	}
	return "a parameter that there is not"
}

// Text returns the query as it is asked.
func (o *OwnQuery) Text() string { return o.sql }

// arguments returns the values of the parameters for a caller.
func (o *OwnQuery) arguments(q Query) []any {
	kind, none := "user", []string{}
	if q.App {
		kind = "app"
	}
	all := map[string]any{
		"tenant": strings.ToLower(q.TenantID), "subject": strings.ToLower(q.ObjectID), "kind": kind,
		"client": strings.ToLower(q.ClientID), "groups": append(none, q.Groups...), "app_roles": append(none, q.AppRoles...), "now": o.now(),
	}
	arguments := make([]any, len(o.values))
	for i, name := range o.values {
		arguments[i] = all[name]
	}
	return arguments
}

// Grants returns what the query says of the caller, and their blocks. It fails as
// that of Postgres does: a row that breaks the rules is an ErrBrokenRow.
func (o *OwnQuery) Grants(ctx context.Context, q Query) (Answer, error) {
	answer, _, err := o.Look(ctx, q)
	return answer, err
}

// Look is Grants, and names the revision that the blocks are of, which says
// nothing of the operator's tables. It runs in a transaction that can only read.
func (o *OwnQuery) Look(ctx context.Context, q Query) (Answer, Revision, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	blocks, revision, err := o.own.blocks(ctx, q)
	if err != nil {
		return Answer{}, Revision{}, err
	}
	grants, err := o.ask(ctx, q)
	if err != nil {
		return Answer{}, Revision{}, fmt.Errorf("look up roles by the query: %w", unavailable(err))
	}
	found := Document{Grants: grants, Blocks: blocks}
	found.sort()
	return Answer(found), revision, nil
}

// NamedGroupsAt says that any group can matter, if the query asks for groups.
func (o *OwnQuery) NamedGroupsAt(ctx context.Context, _ string, _ int) (NamedGroups, Revision, error) {
	revision, err := o.Revision(ctx)
	return NamedGroups{More: slices.Contains(o.values, "groups")}, revision, err
}

// NamedGroups is NamedGroupsAt without the revision.
func (o *OwnQuery) NamedGroups(ctx context.Context, tenantID string, most int) (NamedGroups, error) {
	groups, _, err := o.NamedGroupsAt(ctx, tenantID, most)
	return groups, err
}

// Revision is that of Postgres.
func (o *OwnQuery) Revision(ctx context.Context) (Revision, error) { return o.own.Revision(ctx) }

// maxOwnRows is how many roles a query may give one caller, far more than a token holds.
const maxOwnRows = 1000

// statementTimeout bounds the query in the server, a bit below our own patience.
const statementTimeout = lookupTimeout - 500*time.Millisecond

// queryCanceled is the SQLSTATE of a statement that ran into its timeout.
const queryCanceled = "57014"

// ask runs the query.
func (o *OwnQuery) ask(ctx context.Context, q Query) ([]Grant, error) {
	tx, err := o.pool.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, unavailable(err)
	}
	defer rollBack(ctx, tx)
	if _, err := tx.Exec(ctx, `SELECT set_config('statement_timeout', $1, true)`, fmt.Sprint(statementTimeout.Milliseconds())); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, o.sql, o.arguments(q)...)
	if err != nil {
		return nil, o.located(err)
	}
	grants, err := o.collect(rows, strings.ToLower(q.TenantID))
	return grants, o.located(err)
}

// collect reads the rows by the names of their columns.
func (o *OwnQuery) collect(rows pgx.Rows, tenant string) ([]Grant, error) {
	defer rows.Close()
	fields := rows.FieldDescriptions()
	if len(fields) == 0 { // it returns nothing, or was refused before it could
		rows.Close()
		if err := rows.Err(); err != nil {
			return nil, err
		}
	}
	var c columns
	targets, err := c.targets(fields)
	if err != nil {
		return nil, err
	}
	var grants []Grant
	for rows.Next() {
		c = columns{}
		if err := rows.Scan(targets...); err != nil {
			return nil, fmt.Errorf("a row of the query %w: %w", ErrBrokenRow, err)
		}
		g, err := c.grant(tenant)
		if err == nil {
			err = o.rules.queried(g)
		}
		if err != nil {
			return nil, fmt.Errorf("a row of the query %w: %w", ErrBrokenRow, err)
		}
		if len(grants) == maxOwnRows {
			return nil, fmt.Errorf("the query %w: it returns more than %d rows for one caller", ErrBrokenRow, maxOwnRows)
		}
		grants = append(grants, g)
	}
	return grants, rows.Err()
}

// rollBack ends a transaction that wrote nothing, on a connection that may be dead.
func rollBack(ctx context.Context, tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = tx.Rollback(ctx)
}

// located says where in the query Postgres found something wrong. Where that is about a value, or in the words of
// somebody's own function, the words stay out: they may hold what a caller's token says, or the operator's data.
func (o *OwnQuery) located(err error) error {
	refusal, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return err
	}
	if refusal.Code == queryCanceled {
		return unavailable(fmt.Errorf("the query was ended, as every one is that runs for %s: give its tables an index that finds the rows of one caller", statementTimeout))
	}
	if strings.HasPrefix(refusal.Code, "22") || strings.HasPrefix(refusal.Code, "P0") {
		err = fmt.Errorf("a value that does not do, or an error of your own (SQLSTATE %s)", refusal.Code)
	}
	if slices.Contains([]string{"08", "53", "55", "57"}, refusal.Code[:min(2, len(refusal.Code))]) {
		return unavailable(err) // of the server, a lock or the time: another try may succeed
	}
	if refusal.Position < 1 || int(refusal.Position) > len(o.sql)+1 {
		return err
	}
	line := 1 + strings.Count(o.sql[:refusal.Position-1], "\n")
	return fmt.Errorf("line %d of the query: %w", line, err)
}

// Check tries the query for a caller whom nobody knows. It fails where Postgres
// does not take it, its columns are others than they should be, or it would
// write; and with ErrUnavailable where the database cannot be asked.
func (o *OwnQuery) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	const nobody = "00000000-0000-0000-0000-000000000000"
	_, err := o.ask(ctx, Query{TenantID: nobody, ObjectID: nobody, ClientID: nobody})
	return err
}
