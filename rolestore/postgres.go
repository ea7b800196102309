package rolestore

import (
	"context"
	"errors"
	"fmt"
	"sync"
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
	// healthPause is how long an answer of Health is given again, so that probes
	// cannot load the database.
	healthPause = time.Second
	// healthWait is how long Health waits for an answer. It is shorter than the
	// deadline of any prober: who hangs on a part that is down counts as down.
	healthWait = 250 * time.Millisecond
)

// Postgres answers from the tables issuer.grants and issuer.blocks. All its
// methods may be called at the same time.
type Postgres struct {
	pool  *pgxpool.Pool
	rules Rules
	now   func() time.Time

	probing sync.Mutex // guards last
	last    *probe     // the newest question of Health; nil before the first
}

// probe is one question whether the tables can be read.
type probe struct {
	at   time.Time     // when it was asked
	done chan struct{} // closed once err is there
	err  error
}

func (p *probe) isDone() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// NewPostgres makes a store on a pool, which stays the caller's to close. It
// does not connect.
func NewPostgres(pool *pgxpool.Pool, rules Rules) *Postgres {
	return &Postgres{pool: pool, rules: rules, now: time.Now}
}

// lookupSQL finds the rows of one caller. The caller's principals come as two
// arrays; each of them is one step down the primary keys. Names of users and
// groups are no principals of each other: the kind is part of the match.
const lookupSQL = `
WITH caller AS MATERIALIZED (
	SELECT kind, id FROM unnest($2::text[], $3::text[]) AS c(kind, id)
)
SELECT false AS is_block, g.tenant::text, g.principal_kind, g.principal, g.role, g.priority, g.session,
	g.valid_from, g.valid_until, g.reason
FROM caller c JOIN issuer.grants g ON g.tenant = $1 AND g.principal_kind = c.kind AND g.principal = c.id
UNION ALL
SELECT true, b.tenant::text, b.principal_kind, b.principal, '', 0, '{}', NULL, b.valid_until, b.reason
FROM caller c JOIN issuer.blocks b ON b.tenant = $1 AND b.principal_kind = c.kind AND b.principal = c.id`

// Grants returns what the database holds about the caller, in one round trip and
// within five seconds.
//
// It fails with ErrUnavailable if the database cannot be asked, and if a row of
// this caller breaks the rules, however it came into the table: such a row is
// neither used nor left out, since without it the caller might get more. The
// error names the row. It fails with another error if the query lacks the
// caller's ids.
func (p *Postgres) Grants(ctx context.Context, q Query) (Answer, error) {
	tenant, principals, err := q.principals()
	if err != nil {
		return Answer{}, err
	}
	kinds, ids := make([]string, len(principals)), make([]string, len(principals))
	for i, one := range principals {
		kinds[i], ids[i] = string(one.Kind), one.ID
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	found, err := read(ctx, p.pool, lookupSQL, tenant, kinds, ids)
	if err != nil {
		return Answer{}, fmt.Errorf("look up roles: %w", unavailable(err))
	}
	if err := p.check(found); err != nil {
		return Answer{}, fmt.Errorf("look up roles: %w", unavailable(err))
	}
	found.sort()
	return Answer(found), nil
}

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

// Health returns nil while the tables can be read, and else ErrUnavailable. It
// asks the database, one question at a time and at most one a second, and waits
// for a quarter of a second at most: a database that hangs is not well either.
func (p *Postgres) Health() error {
	asked := p.ask()
	select {
	case <-asked.done:
		return asked.err
	case <-time.After(healthWait):
		return fmt.Errorf("read the tables of roles: %w: no answer within %v", ErrUnavailable, healthWait)
	}
}

// ask returns the newest question, or asks a new one where that is old.
func (p *Postgres) ask() *probe {
	p.probing.Lock()
	defer p.probing.Unlock()
	now := p.now()
	if p.last == nil || p.last.isDone() && now.Sub(p.last.at) >= healthPause {
		asked := &probe{at: now, done: make(chan struct{})}
		p.last = asked
		go func() {
			defer close(asked.done)
			asked.err = p.readable()
		}()
	}
	return p.last
}

func (p *Postgres) readable() error {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	var some bool
	err := p.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM issuer.grants) OR EXISTS (SELECT FROM issuer.blocks)`).Scan(&some)
	if err != nil {
		return fmt.Errorf("read the tables of roles: %w", unavailable(err))
	}
	return nil
}

// unavailable marks the error of a database, unless it says something better.
func unavailable(err error) error {
	if errors.Is(err, ErrUnavailable) || errors.Is(err, ErrChangedMeanwhile) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}
