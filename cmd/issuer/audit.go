package main

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/audit"
)

type auditCmd struct {
	Search auditSearchCmd `cmd:"" help:"Print the records that fit, the oldest first."`
	Tail   auditTailCmd   `cmd:"" help:"Print the newest records, and with --follow those that come."`
}

// auditFlags choose records; each narrows.
type auditFlags struct {
	Kind      string `enum:"exchange,keys,roles,settings,any" default:"any" help:"Decisions (exchange), or changes of keys, roles or settings."`
	Door      string `placeholder:"NAME" help:"By which route: token, webhook, forward_auth or authenticate."`
	Outcome   string `enum:"granted,refused,any" default:"any" help:"How a decision ended: granted or refused."`
	Reason    string `placeholder:"REASON" help:"Why it was refused, as the README lists reasons."`
	Tenant    string `placeholder:"ID" help:"Tenant id."`
	User      string `placeholder:"ID" help:"A caller's object id; also changes of what is granted to it."`
	Client    string `placeholder:"ID" help:"The client id of the app that got the Entra token."`
	Role      string `placeholder:"NAME" help:"A role that was given, granted or taken away."`
	JTI       string `name:"jti" placeholder:"ID" help:"The token that was minted, by its jti."`
	Token     string `placeholder:"SHA256" help:"The subject token, by the beginning of its SHA-256 in hex (16 digits at least), never the token itself."`
	RequestID string `placeholder:"ID" help:"The request, by its X-Request-Id."`
	TraceID   string `placeholder:"ID" help:"The trace that the request was part of."`
	Actor     string `placeholder:"NAME" help:"Who made a change."`
	JSON      bool   `help:"Print one JSON object a line."`
}

var tokenPrefix = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9a-fA-F]{16,64}$`) })

// query reads the flags.
func (f auditFlags) query() (audit.Query, error) {
	for _, id := range []struct{ flag, value string }{{"--tenant", f.Tenant}, {"--user", f.User}, {"--client", f.Client}} {
		if id.value != "" && !guid.MatchString(id.value) {
			return audit.Query{}, usagef("%s wants an id (GUID)", id.flag)
		}
	}
	q := audit.Query{
		Kind: unlessAny(f.Kind), Door: f.Door, Outcome: unlessAny(f.Outcome), Reason: f.Reason, TenantID: strings.ToLower(f.Tenant),
		ObjectID: strings.ToLower(f.User), ClientID: strings.ToLower(f.Client), Role: f.Role, JTI: f.JTI, RequestID: f.RequestID,
		TraceID: f.TraceID, Actor: f.Actor,
	}
	if f.Token == "" {
		return q, nil
	}
	if !tokenPrefix().MatchString(f.Token) {
		return audit.Query{}, usagef("--token wants 16 to 64 hex digits of the token's SHA-256, and never the token: printf %%s \"$TOKEN\" | sha256sum")
	}
	q.TokenSHA256 = strings.ToLower(f.Token[:16])
	return q, nil
}

func unlessAny(value string) string {
	if value == "any" {
		return ""
	}
	return value
}

// openAudit opens the database that holds the records. The caller closes it.
func (p *program) openAudit(ctx context.Context) (*pgxpool.Pool, error) {
	s, err := load(p.environ, needDatabase)
	if err != nil {
		return nil, err
	}
	return openMigrated(ctx, s)
}

// auditError makes a database without records a matter of usage.
func auditError(err error) error {
	if errors.Is(err, audit.ErrNoAudit) {
		return usageError{err}
	}
	return err
}

type auditSearchCmd struct {
	auditFlags
	Since string `default:"24h" placeholder:"TIME" help:"Only from then on: 2h or 7d ago, 2026-12-31, 2026-12-31T18:00:00Z. Default: 24h."`
	Until string `placeholder:"TIME" help:"Only before then, written likewise."`
	Limit int    `default:"100" help:"How many records to print at most."`
}

func (c *auditSearchCmd) Run(ctx context.Context, p *program) error {
	query, err := c.query()
	if err != nil {
		return err
	}
	if c.Limit < 1 || c.Limit > maxRecords {
		return usagef("--limit is %d; it wants a number from 1 to %d", c.Limit, maxRecords)
	}
	query.Limit = c.Limit
	if query.Since, err = moment(c.Since, time.Now(), true); err != nil {
		return usagef("--since: %w", err)
	}
	if c.Until != "" {
		if query.Until, err = moment(c.Until, time.Now(), true); err != nil {
			return usagef("--until: %w", err)
		}
	}
	pool, err := p.openAudit(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	records, err := audit.Search(ctx, pool, query)
	if err != nil {
		return auditError(err)
	}
	if err := p.writeAudit(records, c.JSON, true); err != nil {
		return err
	}
	if len(records) == c.Limit {
		return p.say("there may be more: raise --limit, or begin where these end with --since " + records[len(records)-1].At.Format(time.RFC3339Nano))
	}
	return nil
}

type auditTailCmd struct {
	auditFlags
	Lines  int  `short:"n" default:"20" help:"How many of the newest records to print."`
	Follow bool `short:"f" help:"Go on with records as they come, until Ctrl-C."`
}

const (
	// lookEvery lies between two looks at the records.
	lookEvery = time.Second
	// lookBack is how far a look goes back behind the newest record that was printed: a record is in the table a little later
	// than its time, and those of other replicas may overtake it.
	lookBack = 10 * time.Second
)

func (c *auditTailCmd) Run(ctx context.Context, p *program) error {
	query, err := c.query()
	if err != nil {
		return err
	}
	if c.Lines < 0 || c.Lines > maxRecords {
		return usagef("-n is %d; it wants a number from 0 to %d", c.Lines, maxRecords)
	}
	pool, err := p.openAudit(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	recent := query // what the first look of follow finds without being new; it is asked for first, so that nothing falls in between
	recent.Since, recent.Limit = time.Now().Add(-lookBack), maxRecords
	there, err := audit.Search(ctx, pool, recent)
	if err != nil {
		return auditError(err)
	}
	query.Limit, query.Newest = max(c.Lines, 1), true
	records, err := audit.Search(ctx, pool, query)
	if err != nil {
		return auditError(err)
	}
	if err := p.writeAudit(records[len(records)-min(c.Lines, len(records)):], c.JSON, true); err != nil || !c.Follow {
		return err
	}
	return c.follow(ctx, p, pool, query, append(there, records...))
}

// follow prints what comes after the records that were found, each once.
func (c *auditTailCmd) follow(ctx context.Context, p *program, pool *pgxpool.Pool, query audit.Query, found []audit.Record) error {
	query.Newest, query.Limit = false, maxRecords
	printed := map[audit.Ref]bool{}
	newest := time.Now()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		for _, r := range found {
			printed[audit.Ref{ID: r.ID, At: r.At}] = true
			if !r.At.After(time.Now()) { // a replica whose clock is fast hides nobody else's records
				newest = laterOf(newest, r.At)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		query.Since = newest.Add(-lookBack)
		records, err := audit.Search(ctx, pool, query)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return auditError(err)
		}
		found = found[:0]
		for _, r := range records {
			if !printed[audit.Ref{ID: r.ID, At: r.At}] {
				found = append(found, r)
			}
		}
		forget(printed, query.Since)
		if err := p.writeAudit(found, c.JSON, false); err != nil {
			return err
		}
	}
}

func laterOf(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// forget drops what no look can find again.
func forget(printed map[audit.Ref]bool, before time.Time) {
	for ref := range printed {
		if ref.At.Before(before) {
			delete(printed, ref)
		}
	}
}
