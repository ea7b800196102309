package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ErrNoAudit is returned where the database has no table for records yet. Its text tells the operator what to run.
var ErrNoAudit = errors.New("the database keeps no audit records yet: run `issuer migrate`")

// Query chooses records. What is empty chooses nothing away.
type Query struct {
	Since, Until time.Time // from the first moment on; before the second
	After        Ref       // only records that come after this one
	Kind         string
	Door         string
	Outcome      string
	Reason       string
	TenantID     string
	ObjectID     string // of the caller; for a change, whom it is about
	ClientID     string
	Role         string // given
	JTI          string
	TokenSHA256  string // the first 16 hex digits
	RequestID    string
	TraceID      string
	Actor        string
	Limit        int  // at most
	Newest       bool // where there are more than Limit, the newest of them; the answer is in the order of time all the same
}

// Search returns the records that a query chooses, the oldest first. It fails with ErrNoAudit, or where the database cannot be
// asked.
func Search(ctx context.Context, pool *pgxpool.Pool, q Query) ([]Record, error) {
	sql, args := q.sql()
	rows, err := pool.Query(ctx, sql, args)
	if err != nil {
		return nil, searchError(err)
	}
	records, err := pgx.CollectRows(rows, scanRecord)
	if err != nil {
		return nil, searchError(err)
	}
	return records, nil
}

func searchError(err error) error {
	if hasState(err, "42P01", "3F000") {
		return ErrNoAudit
	}
	return fmt.Errorf("search the audit: %w", err)
}

// hasState tells whether an error is Postgres's, with one of these SQLSTATEs.
func hasState(err error, states ...string) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains(states, refused.Code)
}

const columns = `id, at, kind, coalesce(door, '') AS door, coalesce(outcome, '') AS outcome, coalesce(reason, '') AS reason,
	coalesce(tenant::text, '') AS tenant, coalesce(object_id, '') AS object_id, coalesce(caller, '') AS caller,
	coalesce(client_id, '') AS client_id, asked_roles, coalesce(asked_role, '') AS asked_role, roles, grants,
	coalesce(policy_decision, '') AS policy_decision, coalesce(kid, '') AS kid, coalesce(jti, '') AS jti, expires_at,
	coalesce(token_sha256, '') AS token_sha256, coalesce(subject_token_id, '') AS subject_token_id, coalesce(address, '') AS address,
	coalesce(request_id, '') AS request_id, coalesce(trace_id, '') AS trace_id, coalesce(replica, '') AS replica, repeats, repeated_at,
	coalesce(actor, '') AS actor, coalesce(login, '') AS login, details`

// sql writes the statement. Only names of ours become part of it.
func (q Query) sql() (string, pgx.NamedArgs) {
	var where []string
	args := pgx.NamedArgs{"limit": q.Limit}
	add := func(condition, name string, value any) {
		where = append(where, condition)
		args[name] = value
	}
	for column, value := range map[string]string{
		"kind": q.Kind, "door": q.Door, "outcome": q.Outcome, "reason": q.Reason, "client_id": q.ClientID, "jti": q.JTI,
		"token_sha256": q.TokenSHA256, "request_id": q.RequestID, "trace_id": q.TraceID, "actor": q.Actor,
	} {
		if value != "" {
			add(column+" = @"+column, column, value)
		}
	}
	if q.TenantID != "" {
		add(`(tenant = @tenant::text::uuid OR kind <> 'exchange' AND coalesce(details->'after', details->'before')->>'tenant' = @tenant)`, "tenant", q.TenantID)
	}
	if q.ObjectID != "" {
		add(`(object_id = @object_id OR kind <> 'exchange' AND coalesce(details->'after', details->'before')->>'principal' = @object_id)`, "object_id", q.ObjectID)
	}
	if q.Role != "" {
		add(`(@role = ANY(roles) OR kind <> 'exchange' AND coalesce(details->'after', details->'before')->>'role' = @role)`, "role", q.Role)
	}
	if !q.Since.IsZero() {
		add(`at >= @since`, "since", q.Since)
	}
	if !q.Until.IsZero() {
		add(`at < @until`, "until", q.Until)
	}
	if q.After.ID != uuid.Nil {
		add(`(at, id) > (@after_at, @after_id)`, "after_at", q.After.At)
		args["after_id"] = q.After.ID
	}
	sql := `SELECT ` + columns + ` FROM issuer.audit`
	if len(where) > 0 {
		sql += ` WHERE ` + strings.Join(where, ` AND `)
	}
	if q.Newest {
		return `SELECT * FROM (` + sql + ` ORDER BY at DESC, id DESC LIMIT @limit) AS newest ORDER BY at, id`, args
	}
	return sql + ` ORDER BY at, id LIMIT @limit`, args
}

// scanRecord reads a row of columns.
func scanRecord(row pgx.CollectableRow) (Record, error) {
	var r Record
	err := row.Scan(&r.ID, &r.At, &r.Kind, &r.Door, &r.Outcome, &r.Reason, &r.TenantID, &r.ObjectID, &r.Caller, &r.ClientID,
		&r.AskedRoles, &r.AskedRole, &r.Roles, &r.Grants, &r.PolicyDecision, &r.KID, &r.JTI, &r.ExpiresAt, &r.TokenSHA256, &r.SubjectTokenID,
		&r.Address, &r.RequestID, &r.TraceID, &r.Replica, &r.Repeats, &r.RepeatedAt, &r.Actor, &r.Login, &r.Details)
	r.At = r.At.UTC()
	for _, at := range []*time.Time{r.ExpiresAt, r.RepeatedAt} {
		if at != nil {
			*at = at.UTC()
		}
	}
	return r, err
}
