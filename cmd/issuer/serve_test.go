package main

import (
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

// rolesFile writes a copy of the dev roles and returns its path.
func rolesFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "roles.yaml")
	if err := os.WriteFile(path, devRoles, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// stores are the settings of each pair of stores that the service can stand on, fresh and with the dev roles in them.
func stores(t *testing.T, authority string) map[string][]string {
	t.Helper()
	database := "ISSUER_DATABASE_URL=" + pgtest.New(t)
	inDatabase := environ(authority, database, "ISSUER_KEYS_ENCRYPTION_KEY="+goodKEK)
	for _, args := range [][]string{{"migrate"}, {"roles", "apply", "--yes", "-f", rolesFile(t)}} {
		if code, _, stderr := execute(t, inDatabase, args...); code != exitDone {
			t.Fatalf("issuer %v: %s", args, stderr)
		}
	}
	dir := t.TempDir()
	return map[string][]string{
		"postgres": inDatabase,
		"files":    environ(authority, "ISSUER_ROLES_FILE="+rolesFile(t), "ISSUER_KEYS_FILE="+filepath.Join(dir, "keys.json")),
		"sealed file": environ(authority, "ISSUER_ROLES_FILE="+rolesFile(t), "ISSUER_KEYS_FILE="+filepath.Join(dir, "sealed.json"),
			"ISSUER_KEYS_ENCRYPTION_KEY="+goodKEK),
	}
}

func TestServeExchangesEveryPersonasTokenOnEveryStore(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	for name, settings := range stores(t, server.URL) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, settings)
			for persona, want := range map[string]answer{
				"reader": {Status: 200, Scope: "reader"},
				"editor": {Status: 200, Scope: "editor reader"},
				"guest":  {Status: 200, Scope: "guest"},
				"daemon": {Status: 200, Scope: "service"},
				"nobody": {Status: 403, Error: "access_denied", Reason: "no_roles"},
			} {
				got := s.exchange(t, personaToken(t, tenant, persona))
				if got.Status != want.Status || got.Scope != want.Scope || got.Error != want.Error || got.Reason != want.Reason {
					t.Errorf("%s: got %d %q %q %q, want %d %q %q %q", persona, got.Status, got.Scope, got.Error, got.Reason,
						want.Status, want.Scope, want.Error, want.Reason)
				}
			}
			if got := s.exchange(t, personaToken(t, tenant, "editor"), "scope", "reader"); got.Scope != "reader" {
				t.Errorf("narrowed to reader: %+v", got.Scope)
			}
			if code := s.end(); code != exitDone {
				t.Errorf("exit code %d after being told to stop:\n%s", code, s.stderr)
			}
		})
	}
}

func TestARestartKeepsTheRing(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	for name, settings := range stores(t, server.URL) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := serve(t, settings)
			_, before := first.get(t, "/.well-known/jwks.json")
			first.end()
			second := serve(t, settings)
			_, after := second.get(t, "/.well-known/jwks.json")
			if diff := cmp.Diff(string(before), string(after)); diff != "" {
				t.Errorf("the key set changed over a restart:\n%s", diff)
			}
		})
	}
}

func TestServeRefusesASchemaThatIsTooOldAndNamesTheCommand(t *testing.T) {
	t.Parallel()
	settings := environ("https://login.microsoftonline.com", "ISSUER_DATABASE_URL="+pgtest.NewEmpty(t), "ISSUER_KEYS_ENCRYPTION_KEY="+goodKEK)
	code, _, stderr := execute(t, settings, "serve")
	if code != exitUsage || !strings.Contains(stderr, "issuer migrate") {
		t.Errorf("exit code %d, stderr:\n%s", code, stderr)
	}
}

// TestPostgresGoneInTheMiddle: no answer is ever "no roles", the key set stays up, and nothing needs a restart.
func TestPostgresGoneInTheMiddle(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	postgres := pgtest.Start(t)
	settings := environ(server.URL, "ISSUER_DATABASE_URL="+postgres.URL(), "ISSUER_KEYS_ENCRYPTION_KEY="+goodKEK)
	for _, args := range [][]string{{"migrate"}, {"roles", "apply", "--yes", "-f", rolesFile(t)}} {
		if code, _, stderr := execute(t, settings, args...); code != exitDone {
			t.Fatalf("issuer %v: %s", args, stderr)
		}
	}
	s := serve(t, settings)
	token := personaToken(t, tenant, "reader")
	if got := s.exchange(t, token); got.Status != http.StatusOK {
		t.Fatalf("before: %d %s", got.Status, got.Reason)
	}

	postgres.Stop()
	if got := s.exchange(t, token); got.Status != http.StatusOK {
		t.Errorf("somebody known, without Postgres: %d %s", got.Status, got.Reason)
	}
	stranger := personaToken(t, tenant, "editor")
	got := s.exchange(t, stranger)
	if got.Status != http.StatusServiceUnavailable || got.Reason != "roles_unavailable" || got.RetryAfter == "" {
		t.Errorf("without Postgres: %d %s, Retry-After %q", got.Status, got.Reason, got.RetryAfter)
	}
	if response, _ := s.get(t, "/.well-known/jwks.json"); response.StatusCode != http.StatusOK {
		t.Errorf("the key set without Postgres: %s", response.Status)
	}
	if response, body := s.get(t, "/readyz"); response.StatusCode != http.StatusOK {
		t.Errorf("/readyz without Postgres: %s %s", response.Status, body)
	}
	s.awaitStatus(t, "/readyz?full", http.StatusServiceUnavailable)

	postgres.Restart()
	s.awaitReady(t)
	for _, token := range []string{token, stranger} {
		if got := s.exchange(t, token); got.Status != http.StatusOK {
			t.Errorf("after: %d %s", got.Status, got.Reason)
		}
	}
}

func TestAnOpenRequestIsFinishedWhenTheServiceStops(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	s := serve(t, stores(t, server.URL)["files"])
	form := url.Values{"grant_type": {tokenExchange}, "subject_token_type": {accessTokenType}, "subject_token": {personaToken(t, tenant, "reader")}}.Encode()

	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(s.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	head := "POST /oauth2/token HTTP/1.1\r\nHost: issuer\r\nContent-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\nContent-Length: " +
		strconv.Itoa(len(form)) + "\r\nConnection: close\r\n\r\n"
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	awaitContinue(t, conn) // the handler is reading: the request is open
	s.stop()
	s.stderr.await(t, "draining", s.ended)
	if _, err := io.WriteString(conn, form); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(rest), "HTTP/1.1 200 OK") {
		t.Errorf("the open request was answered: %.40q", rest)
	}
	if code := <-s.ended; code != exitDone {
		t.Errorf("exit code %d", code)
	}
}

func awaitContinue(t *testing.T, conn net.Conn) {
	t.Helper()
	buffer := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))
	if _, err := io.ReadFull(conn, buffer); err != nil || !strings.HasPrefix(string(buffer), "HTTP/1.1 100") {
		t.Fatalf("no 100 Continue: %q, %v", buffer, err)
	}
}

func TestTheRolesFileIsReadAgainWhenItChanges(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	path := rolesFile(t)
	s := serve(t, environ(server.URL, "ISSUER_ROLES_FILE="+path, "ISSUER_KEYS_FILE="+filepath.Join(t.TempDir(), "keys.json")))
	token := personaToken(t, tenant, "reader")

	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("grants: [ this is no grant ]\n")
	s.awaitStatus(t, "/readyz?full", http.StatusServiceUnavailable) // the broken version is seen …
	if got := s.exchange(t, token); got.Scope != "reader" {         // … and the old one stays
		t.Errorf("with a broken roles file: %d %s %s", got.Status, got.Reason, got.Scope)
	}
	write(strings.ReplaceAll(string(devRoles), "role: reader", "role: auditor"))
	s.awaitReady(t)
	if got := s.exchange(t, token); got.Scope != "auditor" {
		t.Errorf("with a new roles file: %d %s %s", got.Status, got.Reason, got.Scope)
	}
	s.stderr.await(t, `"grants":5,"blocks":0,"time":`, s.ended)
	for _, want := range []string{`"message":"the roles file is not in force"`, `"message":"roles file read, it works again"`} {
		if !strings.Contains(s.stderr.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, s.stderr)
		}
	}
}

func TestASecondProcessOnTheSameKeysFileIsRefused(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	settings := stores(t, server.URL)["files"]
	serve(t, settings)
	code, _, stderr := execute(t, settings, "serve")
	if code == exitDone || !strings.Contains(stderr, "ISSUER_KEYS_FILE") {
		t.Errorf("exit code %d, stderr:\n%s", code, stderr)
	}
}

func TestServeStartsWithoutEntraAndRecovers(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	tenant.Intercept(hangUp)
	s := serveCold(t, stores(t, server.URL)["files"])
	s.awaitStatus(t, "/readyz", http.StatusOK)
	if got := s.exchange(t, personaToken(t, tenant, "reader")); got.Status != 503 || got.Reason != "idp_unavailable" || got.RetryAfter == "" {
		t.Errorf("without Entra: %d %s, Retry-After %q", got.Status, got.Reason, got.RetryAfter)
	}
	tenant.Intercept(nil)
	s.awaitReady(t)
	if got := s.exchange(t, personaToken(t, tenant, "reader")); got.Status != http.StatusOK {
		t.Errorf("after Entra is back: %d %s", got.Status, got.Reason)
	}
}
