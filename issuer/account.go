package issuer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hasura-issuer/hasura-issuer/audit"
)

// Journal keeps account of what is decided. An error of Keep means that there may be no record, and that nothing may be
// handed out without one; the Ref is what Again calls the record by, zero where the record is lost and nothing was to wait for
// it. Again counts an answer from memory. Both are called concurrently.
type Journal interface {
	Keep(ctx context.Context, record audit.Record) (audit.Ref, error)
	Again(ref audit.Ref)
}

// keepAccount has the journal keep what was decided, and withholds what it could not keep. An answer from memory adds to the
// count of the record that says the same, if there is one. What could not be judged, was not for want of a known caller, or came
// too often is in the log alone: it says nothing about rights, and strangers could fill a table with it.
func (i *Issuer) keepAccount(ctx context.Context, r Request, d Decision, j *judgement, err error) (Decision, error) {
	if i.journal == nil || err != nil && !verdict(d, err) {
		return d, err
	}
	if d.Reused {
		if ref, found := j.before.recordFor(r); found {
			i.journal.Again(ref)
			return d, err
		}
	}
	ref, lost := i.journal.Keep(ctx, recordOf(r, d, *j, err))
	if lost != nil && err == nil {
		d.Token, d.KID, d.JTI, d.Lifetime, d.Role, d.Session, d.Reused = "", "", "", 0, "", nil, false
		return d, &Error{ReasonAuditUnavailable, retryAudit, fmt.Errorf("keep account: %w", lost)}
	}
	j.record = onRecord{r.Role, r.Address, ref}
	if d.Reused {
		i.note(r, *j)
	}
	return d, err
}

// verdict tells whether an error is about what a known caller may do.
func verdict(d Decision, err error) bool { return d.TenantID != "" && !unjudged(err) }

func recordOf(r Request, d Decision, j judgement, err error) audit.Record {
	record := audit.Record{
		Kind: audit.KindExchange, Door: r.Door, Outcome: audit.Granted, Reason: "none",
		TenantID: d.TenantID, ObjectID: d.ObjectID, Caller: d.Kind, ClientID: d.ClientID,
		AskedRoles: sayable(r.Scope), Roles: d.Roles, Grants: grantsBehind(d.Roles, j),
		PolicyDecision: d.PolicyDecision, KID: d.KID, JTI: d.JTI, TokenSHA256: d.TokenHash, SubjectTokenID: d.SubjectTokenID,
		Address: r.Address, RequestID: r.RequestID, TraceID: r.TraceID,
	}
	if r.Role != "" {
		record.AskedRole = sayable([]string{r.Role})[0]
	}
	if e, refused := errors.AsType[*Error](err); refused {
		record.Outcome, record.Reason = audit.Refused, string(e.Reason)
		return record
	}
	expiry := j.allowed.Expiry
	record.ExpiresAt = &expiry
	return record
}

// noRole stands in a record for what no role can be called: a client may put its token there, or a mail address.
const noRole = "(no role's name)"

// sayable are the names that were asked for, as far as they can be names.
func sayable(asked []string) []string {
	names := slices.Clone(asked)
	for i, name := range names {
		if !isRole(name) {
			names[i] = noRole
		}
	}
	return names
}

// grantsBehind names the grants by which a caller has these roles.
func grantsBehind(roles []string, j judgement) []string {
	if len(roles) == 0 {
		return nil
	}
	grants, _ := narrow(inForce(j.answer.Grants, j.now), roles)
	names := make([]string, 0, len(grants))
	for _, g := range grants {
		if g.Principal.ID == "" {
			names = append(names, g.Role+" by "+string(g.Principal.Kind))
			continue
		}
		names = append(names, g.Role+" by "+string(g.Principal.Kind)+" "+g.Principal.ID)
	}
	return names
}
