package main

import (
	"database/sql"
	"net/http"
	"os"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
	"github.com/pressly/goose/v3"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

// TestWhereRecordsAreRequiredNothingIsHandedOutWithoutOne: the table goes away and comes back.
func TestWhereRecordsAreRequiredNothingIsHandedOutWithoutOne(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	settings := append(stores(t, server.URL)["postgres"], "ISSUER_AUDIT=required")
	s := serve(t, settings)
	known := personaToken(t, tenant, "editor")
	before := s.knock(t, "forward_auth", "before", known, "")
	if got := requests(t, settings, "--request-id", "before"); before.status != http.StatusOK || got != "before" {
		t.Fatalf("%d %s, and on record is %q", before.status, before.reason, got)
	}

	runSQL(t, settings, `ALTER TABLE issuer.audit RENAME TO audit_away`)
	answered := s.exchange(t, personaToken(t, tenant, "editor"))
	if answered.Status != http.StatusServiceUnavailable || answered.Reason != "audit_unavailable" || answered.Error != "temporarily_unavailable" ||
		answered.RetryAfter != "5" || answered.AccessToken != "" {
		t.Errorf("the token endpoint: %+v", answered)
	}
	for door, status := range map[string]int{"forward_auth": 503, "webhook": 401, "authenticate": 503} {
		if got := s.knock(t, door, "away", personaToken(t, tenant, "editor"), ""); got.status != status || got.reason != "audit_unavailable" || got.token != "" ||
			strings.Contains(got.body, "X-Hasura") {
			t.Errorf("%s: %+v", door, got)
		}
	}
	if got := s.forwardAuth(t, known); got != before {
		t.Errorf("what is on record already is not handed out again: %d %s", got.status, got.reason)
	}
	if got := s.knock(t, "token", "refused", personaToken(t, tenant, "nobody"), ""); got.status != http.StatusForbidden || got.reason != "no_roles" {
		t.Errorf("a refusal: %+v", got)
	}
	if response, _ := s.get(t, "/.well-known/jwks.json"); response.StatusCode != http.StatusOK {
		t.Errorf("the key set: %s", response.Status)
	}
	if response, body := s.get(t, "/readyz?full"); response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), `"audit":"does not work at the moment, see the log"`) {
		t.Errorf("/readyz?full: %s %s", response.Status, body)
	}
	if response, body := s.get(t, "/readyz"); response.StatusCode != http.StatusOK {
		t.Errorf("/readyz: %s %s", response.Status, body)
	}
	wantMetric(t, s, `issuer_exchanges_total{door="token",outcome="failed",reason="audit_unavailable"} 1`)
	s.stderr.await(t, "audit records could not be kept", s.ended)
	if n := s.logged("audit", "all is well again"); n != 0 {
		t.Errorf("the log says that all is well, and it is not:\n%s", s.stderr)
	}

	runSQL(t, settings, `ALTER TABLE issuer.audit_away RENAME TO audit`)
	s.awaitReady(t)
	for _, door := range []string{"token", "webhook", "forward_auth"} {
		if got := s.knock(t, door, "after-"+door, personaToken(t, tenant, "editor"), ""); got.status != http.StatusOK {
			t.Errorf("%s, once the table is back: %d %s", door, got.status, got.reason)
		}
		if got := requests(t, settings, "--request-id", "after-"+door); got != "after-"+door {
			t.Errorf("%s: on record is %q", door, got)
		}
	}
	s.end()
	if got := requests(t, settings, "--outcome", "refused"); got != "refused" {
		t.Errorf("on record as refused is %q", got)
	}
	if got := requests(t, settings, "--request-id", "away"); got != "" {
		t.Errorf("what nobody got is on record: %q", got)
	}
	if began, ended := s.logged("audit", "audit records could not be kept"), s.logged("audit", "all is well again"); began != 1 || ended != 1 {
		t.Errorf("one trouble, which ended, is in the log %d and %d times:\n%s", began, ended, s.stderr)
	}
}

// TestOnTheSchemaOfTheReleaseBefore records wait for the migration, or are asked for in vain.
func TestOnTheSchemaOfTheReleaseBefore(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	url := pgtest.NewEmpty(t)
	settings := environ(server.URL, "ISSUER_DATABASE_URL="+url, "ISSUER_KEYS_ENCRYPTION_KEY="+goodKEK)
	runSQL(t, settings, `CREATE SCHEMA issuer`)
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, os.DirFS("../../database/migrations"),
		goose.WithTableName("issuer.migrations"), goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err == nil {
		_, err = provider.UpTo(t.Context(), 8)
	}
	if err != nil {
		t.Fatal(err)
	}
	must(t, settings, "roles", "apply", "--yes", "-f", rolesFile(t))
	for args, status := range map[string]int{"audit search": exitUsage, "audit tail": exitUsage} {
		if code, stdout, stderr := execute(t, settings, strings.Fields(args)...); code != status || stdout != "" || !strings.Contains(stderr, "issuer migrate") || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d, %q, %s", args, code, stdout, stderr)
		}
	}
	if code, _, stderr := execute(t, append(settings, "ISSUER_AUDIT=required"), "serve"); code != exitUsage || !strings.Contains(stderr, "issuer migrate") || !strings.Contains(stderr, "ISSUER_AUDIT") {
		t.Errorf("required: exit code %d, %s", code, stderr)
	}
	s := serve(t, settings)
	if got := s.knock(t, "token", "early", personaToken(t, tenant, "editor"), ""); got.status != http.StatusOK {
		t.Errorf("best effort: %d %s", got.status, got.reason)
	}
	s.awaitStatus(t, "/readyz?full", http.StatusServiceUnavailable)
	must(t, settings, "migrate")
	eventually(t, "the record that waited is in the table", func() bool { return requests(t, settings) == "early" })
	s.awaitReady(t)
}
