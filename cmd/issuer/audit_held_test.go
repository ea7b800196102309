package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/caarlos0/env/v11"
	"github.com/jackc/pgx/v5"
)

// TestWhileTheAuditIsHeldCallersAreToldAtOnce: the table is locked, as a Postgres is that takes statements and answers none. One
// caller waits, others hear of it while it is held, and nothing has to be done once it is over.
func TestWhileTheAuditIsHeldCallersAreToldAtOnce(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	settings := append(stores(t, server.URL)["postgres"], "ISSUER_AUDIT=required")
	s := serve(t, settings)
	s.awaitReady(t)
	token := personaToken(t, tenant, "editor")
	connection, err := pgx.Connect(t.Context(), env.ToMap(settings)["ISSUER_DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close(t.Context())
	tx, err := connection.Begin(t.Context())
	if err == nil {
		_, err = tx.Exec(t.Context(), `LOCK TABLE issuer.audit IN ACCESS EXCLUSIVE MODE`)
	}
	if err != nil {
		t.Fatal(err)
	}
	const callers = 10
	for i := range callers {
		got := s.exchange(t, token)
		if got.Status != http.StatusServiceUnavailable || got.Reason != "audit_unavailable" || got.RetryAfter != "5" || got.AccessToken != "" {
			t.Errorf("%d: %+v", i, got)
		}
	}
	if n := strings.Count(s.stderr.String(), "not tried, since the last attempt failed"); n != callers-1 {
		t.Errorf("%d of %d callers were told without a try:\n%s", n, callers, s.stderr)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.awaitReady(t)
	for i := range 3 {
		id := fmt.Sprintf("after-%d", i)
		if got := s.knock(t, "token", id, token, ""); got.status != http.StatusOK {
			t.Errorf("%s: %d %s", id, got.status, got.reason)
		}
		if got := requests(t, settings, "--request-id", id); got != id {
			t.Errorf("%s: on record is %q", id, got)
		}
	}
	s.end()
	if n := len(records(t, settings, "--kind", "exchange")); n > 4 { // the first may be there all the same
		t.Errorf("%d records, want those of 3 tokens and at most the one that was tried", n)
	}
}
