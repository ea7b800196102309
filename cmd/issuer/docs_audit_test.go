package main

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/caarlos0/env/v11"
	"github.com/jackc/pgx/v5"
)

// TestTheRightsInTheDocumentsAreEnough has the service log in as somebody who may do with records what docs/audit.md says, and
// no more.
func TestTheRightsInTheDocumentsAreEnough(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/audit.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```sql\n(GRANT .*?)```").FindStringSubmatch(string(page))
	if block == nil {
		t.Fatal("docs/audit.md names no rights")
	}
	tenant, server := entra(t)
	settings := stores(t, server.URL)["postgres"]
	login, as := newLogin(t, settings)
	for _, statement := range []string{
		`GRANT SELECT, INSERT, UPDATE, DELETE ON issuer.grants, issuer.blocks, issuer.keys, issuer.ring, issuer.witnesses TO ` + login,
		`GRANT SELECT ON ALL TABLES IN SCHEMA issuer TO ` + login,
		`DO $$ BEGIN EXECUTE (SELECT 'REVOKE ALL ON issuer.audit, ' || string_agg(inhrelid::regclass::text, ', ') || ' FROM ` + login + `' FROM pg_inherits WHERE inhparent = 'issuer.audit'::regclass); END $$`,
		strings.ReplaceAll(block[1], "issuer_service", login),
	} {
		runSQL(t, settings, statement)
	}
	own := append(settings, "ISSUER_DATABASE_URL="+as, "ISSUER_AUDIT=required")
	s := serve(t, own)
	token := personaToken(t, tenant, "editor")
	for range 2 {
		if got := s.knock(t, "webhook", "asked", token, ""); got.status != http.StatusOK {
			t.Errorf("%d %s\n%s", got.status, got.reason, s.stderr)
		}
	}
	s.stderr.await(t, "settings differ from those recorded last", s.ended)
	must(t, own, "roles", "block", "--user", personaObject(t, tenant, "reader"))
	s.end()
	if got := records(t, own, "--request-id", "asked"); len(got) != 1 || got[0].Repeats != 1 {
		t.Errorf("on record: %+v", got)
	}
	for _, kind := range []string{"roles", "keys", "settings"} {
		if got := records(t, own, "--kind", kind); len(got) == 0 || got[len(got)-1].Login != login {
			t.Errorf("%s: the last record is not by the login: %+v", kind, got)
		}
	}
	if strings.Contains(s.stderr.String(), `"part":"audit"`) {
		t.Errorf("the audit has something to say:\n%s", s.stderr)
	}

	connection, err := pgx.Connect(t.Context(), as)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close(t.Context())
	for _, statement := range []string{`DELETE FROM issuer.audit`, `UPDATE issuer.audit SET outcome = 'refused'`, `TRUNCATE issuer.audit`, `SELECT issuer.audit_change('keys', 'me', '{}')`} {
		if _, err := connection.Exec(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: %v", statement, err)
		}
	}
	for _, may := range []bool{true, false} {
		if _, stdout, stderr := execute(t, own, "check", "--online"); strings.Contains(stdout, "may not add records") == may {
			t.Errorf("may write records: %t, and issuer check --online says\n%s%s", may, stdout, stderr)
		}
		runSQL(t, settings, `REVOKE INSERT ON issuer.audit FROM `+login)
	}
}

// newLogin makes a login without any rights, and returns its name and the URL of the database for it.
func newLogin(t *testing.T, settings []string) (login, databaseURL string) {
	t.Helper()
	login, password := "issuer_"+strings.ToLower(rand.Text()), rand.Text()
	runSQL(t, settings, `CREATE ROLE `+login+` LOGIN PASSWORD '`+password+`'`)
	t.Cleanup(func() { dropLogin(t, settings, login) })
	at, err := url.Parse(env.ToMap(settings)["ISSUER_DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	query := at.Query() // a socket's URL names the user there, and what stands there counts
	query.Set("user", login)
	query.Set("password", password)
	at.RawQuery = query.Encode()
	return login, at.String()
}

// dropLogin removes a login with its rights, once nobody uses it any more.
func dropLogin(t *testing.T, settings []string, login string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	connection, err := pgx.Connect(ctx, env.ToMap(settings)["ISSUER_DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close(ctx)
	for _, statement := range []string{`DROP OWNED BY ` + login, `DROP ROLE ` + login} {
		if _, err := connection.Exec(ctx, statement); err != nil {
			t.Error(err)
		}
	}
}
