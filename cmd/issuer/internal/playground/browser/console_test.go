package browser_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/proctest"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// policy is a policy that agrees, until somebody posts to /down.
func policy(t *testing.T) string {
	t.Helper()
	var down atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/down":
			down.Store(true)
		case down.Load():
			http.Error(w, "gone", http.StatusBadGateway)
		default:
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"result":true}`)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// tenant is where a fake tenant answers.
func tenant(t *testing.T) string {
	t.Helper()
	fake, err := faketenant.New(faketenant.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	fake.SetAuthority(server.URL)
	return server.URL
}

// manyRoles is a roles file with more grants than a page shows, one of them with a reason that would be markup.
func manyRoles(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	grant := func(format string, args ...any) {
		fmt.Fprintf(&b, "  - { tenant: %s, %s }\n", faketenant.TenantID, fmt.Sprintf(format, args...))
	}
	b.WriteString("grants:\n")
	grant("app_role: Hasura.Reader, role: reader")
	grant(`group: %s, role: editor, priority: 10, session: { x-hasura-org-id: "42" }, reason: "<img src=x onerror=alert(1)>"`, faketenant.GroupOne)
	for i := range 60 {
		grant("user: 90000000-0000-4000-8000-%012d, role: many", i)
	}
	path := filepath.Join(t.TempDir(), "roles.yaml")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// operated runs `issuer serve` on a database with grants, and returns the environment that the script wants of it.
func operated(t *testing.T) []string {
	t.Helper()
	entra, asked, issuer := tenant(t), policy(t), proctest.Issuer(t)
	settings := []string{
		"ISSUER_URL=http://127.0.0.1", "ISSUER_LISTEN=127.0.0.1:0", "ISSUER_ADMIN_LISTEN=127.0.0.1:0", "ISSUER_DRAIN_DELAY=0s", "ISSUER_RELYING_PARTIES=prod,stage",
		"ISSUER_ENTRA_AUTHORITY=" + entra, "ISSUER_ENTRA_TENANTS=" + faketenant.TenantID, "ISSUER_ENTRA_AUDIENCES=" + faketenant.APIClientID, "ISSUER_POLICY_URL=" + asked,
		"ISSUER_DATABASE_URL=" + pgtest.New(t), "ISSUER_KEYS_ENCRYPTION_KEY=k1:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32)),
	}
	apply := exec.CommandContext(t.Context(), issuer, "roles", "apply", "--yes", "-f", manyRoles(t))
	apply.Env = settings
	if out, err := apply.CombinedOutput(); err != nil {
		t.Fatalf("apply roles: %v: %s", err, out)
	}
	p := proctest.Start(t, issuer, settings, "serve")
	var line struct {
		Address string `json:"address"`
		Admin   string `json:"admin_address"`
	}
	proctest.Await(t, "the program listens", func() bool {
		_, rest, found := strings.Cut(p.Stderr.String(), `{"level":"info","address":`)
		text, _, whole := strings.Cut(rest, "\n")
		return found && whole && json.Unmarshal([]byte(`{"address":`+text), &line) == nil
	})
	return append(settings, "PROGRAM="+issuer, "CONSOLE=http://"+line.Admin, "EXCHANGE=http://"+line.Address, "ENTRA="+entra, "POLICY="+asked)
}

func TestTheConsoleInABrowser(t *testing.T) {
	t.Parallel()
	node(t, stand(t), append(operated(t), "BROWSER="+chromium(t)), "--test", "--test-reporter=spec", "console.mjs")
}

// TestTheConsoleOfDevInABrowser: also what a service shows after days, which answers of the script's own stand for.
func TestTheConsoleOfDevInABrowser(t *testing.T) {
	t.Parallel()
	screen := greeted(t)
	node(t, stand(t), []string{"CONSOLE=" + named(t, screen, "console"), "ENTRA=" + named(t, screen, "fake tenant"), "BROWSER=" + chromium(t)}, "--test", "--test-reporter=spec", "console_dev.mjs")
}
