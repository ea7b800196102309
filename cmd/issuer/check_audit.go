package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/audit"
)

// audit tries whether records of decisions could be kept, and leaves none.
func (a *attempt) audit(ctx context.Context, pool *pgxpool.Pool) []finding {
	switch {
	case a.settings.DatabaseURL.reveal() == "":
		return []finding{{Name: "audit", Status: off, Detail: "no database is set: decisions are in the log alone"}}
	case pool == nil:
		return []finding{{Name: "audit", Status: off, Detail: notTried}}
	}
	rights, err := audit.Inspect(ctx, pool)
	if errors.Is(err, audit.ErrNoAudit) {
		return []finding{a.noAudit()}
	}
	if err != nil {
		return []finding{found("audit", "", "", err)}
	}
	all := append(rightFaults(rights), monthFaults(rights)...)
	if !newReport(all).OK {
		return all
	}
	return append([]finding{rehearsed(audit.Rehearse(ctx, pool, time.Now()))}, all...)
}

// noAudit is of a database that has no table for records yet. Where they are required, the service does not start on it.
func (a *attempt) noAudit() finding {
	f := finding{Name: "audit", Status: note, Detail: "the database has no table for records, which wait in memory and are lost at the end", Cure: "run issuer migrate"}
	if a.settings.Audit == auditRequired {
		f.Status, f.Detail = failed, "the database has no table for records, and ISSUER_AUDIT is required"
	}
	return f
}

// rightFaults names each right that the login lacks and that a record needs.
func rightFaults(r audit.Rights) []finding {
	var all []finding
	login := pgx.Identifier{r.Login}.Sanitize()
	for _, right := range []struct {
		has               bool
		of, detail, grant string
	}{
		{r.Read, "read", "may not read records, which it takes to count answers and to see whether settings have changed", "SELECT"},
		{r.Add, "add", "may not add records, so that they are lost, and no token is handed out where ISSUER_AUDIT is required", "INSERT"},
		{r.Count, "count", "may not count answers that were given again", "UPDATE (repeats, repeated_at)"},
	} {
		if !right.has {
			all = append(all, finding{
				Name: "audit", Of: right.of, Status: failed, Detail: "the login " + login + " " + right.detail,
				Cure: fmt.Sprintf("as the owner of the table run GRANT %s ON issuer.audit TO %s", right.grant, login),
			})
		}
	}
	return all
}

// monthFaults tells of a month without a table of its own, and of a login that cannot make months. That may be meant, and then
// somebody else makes them.
func monthFaults(r audit.Rights) []finding {
	f := finding{Name: "audit", Of: "months", Status: note}
	login := pgx.Identifier{r.Login}.Sanitize()
	grant := "as the owner of the function run GRANT EXECUTE ON FUNCTION issuer.audit_months(integer) TO " + login
	switch {
	case r.Months && r.ThisMonth:
		return nil
	case r.Months:
		f.Detail, f.Cure = "this month has no table yet, and its records go to issuer.audit_elsewhen", "start the service, which makes it"
	case r.ThisMonth:
		f.Detail = "the login " + login + " may not make months: somebody else has to, each month, and the service warns every hour"
		f.Cure = "where nobody does, " + grant
	default:
		f.Status, f.Detail = failed, "this month has no table, and the login "+login+" may not make it, so that its records go to issuer.audit_elsewhen and are never dropped"
		f.Cure = "run SELECT * FROM issuer.audit_months(13) as the owner of the function, every month; or " + grant
	}
	return []finding{f}
}

// rehearsed is what came of a record that was written and taken back.
func rehearsed(err error) finding {
	f := found("audit", "", "a record could be written, and was taken back", err)
	switch {
	case errors.Is(err, audit.ErrReadOnly):
		f.Cure = "name the primary in ISSUER_DATABASE_URL, or see why it takes no writes (default_transaction_read_only)"
	case err != nil:
		f.Cure = "see the server's log; until it is mended no record is kept"
	}
	return f
}
