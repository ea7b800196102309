package rolestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// lookupTimeout bounds one look-up, with the wait for a connection: an
	// exchange would rather be told to come again than hang.
	lookupTimeout = 5 * time.Second
	// changeTimeout bounds the calls that read or write everything.
	changeTimeout = time.Minute
)

// Postgres answers from the tables issuer.grants and issuer.blocks. All its
// methods may be called at the same time.
type Postgres struct {
	pool  *pgxpool.Pool
	rules Rules
}

// NewPostgres makes a store on a pool, which stays the caller's to close. It
// does not connect.
func NewPostgres(pool *pgxpool.Pool, rules Rules) *Postgres {
	return &Postgres{pool: pool, rules: rules}
}

// lookupSQL finds the rows of one caller, and the revision they are of. The
// caller's principals come as two arrays; each of them is one step down the
// primary keys. Names of users and groups are no principals of each other: the
// kind is part of the match.
const lookupSQL = `
WITH caller AS MATERIALIZED (
	SELECT kind, id FROM unnest($2::text[], $3::text[]) AS c(kind, id)
), found AS (
	SELECT false AS is_block, g.principal_kind, g.principal, g.role, g.priority, g.session, g.valid_from, g.valid_until, g.reason
	FROM caller c JOIN issuer.grants g ON g.tenant = $1 AND g.principal_kind = c.kind AND g.principal = c.id
	UNION ALL
	SELECT true, b.principal_kind, b.principal, '', 0, '{}', NULL, b.valid_until, b.reason
	FROM caller c JOIN issuer.blocks b ON b.tenant = $1 AND b.principal_kind = c.kind AND b.principal = c.id
)` + revisionOfSQL

// Grants returns what the database holds about the caller, in one round trip and
// within five seconds.
//
// It fails with ErrUnavailable if the database cannot be asked, and also with
// ErrBrokenRow if a row of this caller breaks the rules, however it came into
// the table: such a row is neither used nor left out, since without it the
// caller might get more. The error names the row. It fails with another error if
// the query lacks the caller's ids.
func (p *Postgres) Grants(ctx context.Context, q Query) (Answer, error) {
	answer, _, err := p.Look(ctx, q)
	return answer, err
}

// Look is Grants, and names the revision that the answer is of.
func (p *Postgres) Look(ctx context.Context, q Query) (Answer, Revision, error) {
	return p.look(ctx, lookupSQL, q)
}

// blocks returns those of a caller, and the revision that they are of.
func (p *Postgres) blocks(ctx context.Context, q Query) ([]Block, Revision, error) {
	answer, revision, err := p.look(ctx, blocksSQL, q)
	return answer.Blocks, revision, err
}

// look runs one of the statements for a caller.
func (p *Postgres) look(ctx context.Context, sql string, q Query) (Answer, Revision, error) {
	tenant, principals, err := q.principals()
	if err != nil {
		return Answer{}, Revision{}, err
	}
	kinds, ids := make([]string, len(principals)), make([]string, len(principals))
	for i, one := range principals {
		kinds[i], ids[i] = string(one.Kind), one.ID
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	found, revision, err := readAt(ctx, p.pool, sql, tenant, kinds, ids)
	if err != nil {
		return Answer{}, Revision{}, fmt.Errorf("look up roles: %w", unavailable(err))
	}
	if err := p.check(found); err != nil {
		return Answer{}, Revision{}, fmt.Errorf("look up roles: %w", unavailable(err))
	}
	found.sort()
	return Answer(found), revision, nil
}

// blocksSQL is the part of lookupSQL that reads blocks.
const blocksSQL = `
WITH caller AS MATERIALIZED (
	SELECT kind, id FROM unnest($2::text[], $3::text[]) AS c(kind, id)
), found AS (
	SELECT true AS is_block, b.principal_kind, b.principal, '' AS role, 0 AS priority, '{}'::jsonb AS session,
		NULL::timestamptz AS valid_from, b.valid_until, b.reason
	FROM caller c JOIN issuer.blocks b ON b.tenant = $1 AND b.principal_kind = c.kind AND b.principal = c.id
)` + revisionOfSQL

// check returns an error that names every row that breaks the rules.
func (p *Postgres) check(found Document) error {
	var broken []error
	for _, g := range found.Grants {
		for _, flaw := range p.rules.grant(g) {
			broken = append(broken, rowError(g.Tenant, g.Principal, g.Role, flaw.member, errors.New(flaw.text)))
		}
	}
	for _, b := range found.Blocks {
		for _, flaw := range p.rules.block(b) {
			broken = append(broken, rowError(b.Tenant, b.Principal, "", flaw.member, errors.New(flaw.text)))
		}
	}
	return errors.Join(broken...)
}

// unavailable marks the error of a database, unless it says something better.
func unavailable(err error) error {
	if errors.Is(err, ErrUnavailable) || errors.Is(err, ErrChangedMeanwhile) || errors.Is(err, ErrRefused) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}
