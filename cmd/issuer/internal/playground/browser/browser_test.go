// Package browser_test goes through the pages of the real program in a real browser, and holds what is generated for it
// against what it is generated from. The scripts lie beside it.
package browser_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/proctest"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

func TestMain(m *testing.M) {
	pgtest.Main(m)
	if err := proctest.Clean(); err != nil {
		fmt.Fprintln(os.Stderr, "browser:", err)
	}
}

// patience is how long all that one script does may take: far above what it does take, so that it only ends what hangs.
const patience = 8 * time.Minute

// node runs a program of Node's in the stand, with more in its environment, and fails the test unless it ends well.
func node(t *testing.T, stand string, environ []string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", args...)
	cmd.Dir, cmd.Env = stand, append(os.Environ(), environ...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		t.Fatalf("node %s: %v\n%s", strings.Join(args, " "), err, &output)
	}
}

// chromium is the program of a Chromium on this machine.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("install Chromium to run this test (scripts/setup.sh does)")
	return ""
}

// greeted runs `issuer dev` and returns what it says, up to the settings.
func greeted(t *testing.T, flags ...string) string {
	t.Helper()
	p := proctest.Start(t, proctest.Issuer(t), []string{"ISSUER_LISTEN=127.0.0.1:0"}, append([]string{"dev"}, flags...)...)
	screen := ""
	proctest.Await(t, "the program greets", func() bool {
		select {
		case <-p.Exited:
			t.Fatalf("it ended with %d:\n%s", p.Code, &p.Stderr)
		default:
		}
		said, _, whole := strings.Cut(p.Stdout.String(), "  as settings ")
		screen = said
		return whole
	})
	return screen
}

// named is what a greeting says behind a name.
func named(t *testing.T, screen, name string) string {
	t.Helper()
	_, rest, _ := strings.Cut(screen, "\n  "+name+"  ")
	words := strings.Fields(rest)
	if len(words) == 0 {
		t.Fatalf("%s is not in:\n%s", name, screen)
	}
	return words[0]
}

// develop runs `issuer dev` and returns where its playground is.
func develop(t *testing.T, flags ...string) string {
	t.Helper()
	return strings.TrimSuffix(named(t, greeted(t, flags...), "playground"), "/")
}

func TestThePlaygroundInABrowser(t *testing.T) {
	t.Parallel()
	node(t, stand(t), []string{"PLAYGROUND=" + develop(t), "BROWSER=" + chromium(t)}, "--test", "--test-reporter=spec", "--test-concurrency=1", "access.mjs", "flows.mjs")
}

func TestASignInOverTLSInABrowser(t *testing.T) {
	t.Parallel()
	url := develop(t, "--tls", filepath.Join(t.TempDir(), "ca.pem"))
	node(t, stand(t), []string{"PLAYGROUND=" + url, "BROWSER=" + chromium(t), "TRUST=all"}, "--test", "--test-reporter=spec", "--test-name-pattern=signs in through MSAL", "flows.mjs")
}

// TestTheBundleIsWhatTheLockFileMakes: what is committed of MSAL.js is what it says it is.
func TestTheBundleIsWhatTheLockFileMakes(t *testing.T) {
	t.Parallel()
	fresh := t.TempDir()
	node(t, stand(t), nil, "bundle.mjs", fresh)
	for _, name := range []string{"msal.js", "msal.txt"} {
		want, err := os.ReadFile(filepath.Join(fresh, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("..", "page", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the lock file makes: run make page-bundle", name)
		}
	}
}

func TestTheTypesOfThePagesModulesHold(t *testing.T) {
	t.Parallel()
	s := stand(t)
	if err := os.CopyFS(filepath.Join(s, "..", "..", "console", "page"), os.DirFS("../../console/page")); err != nil {
		t.Fatal(err)
	}
	node(t, s, nil, filepath.Join("node_modules", "typescript", "bin", "tsc"), "-p", ".")
	for _, page := range []string{"playground/page", "console/page"} {
		broken := filepath.Join(s, "..", "..", page, "broken.js")
		if err := os.WriteFile(broken, []byte("import { decode } from \"./parts/jwt.js\";\ndecode(7);\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), "node", filepath.Join(s, "node_modules", "typescript", "bin", "tsc"), "-p", s).CombinedOutput()
	if err == nil || strings.Count(string(out), "broken.js") != 2 {
		t.Errorf("modules that call another wrongly pass: %s", out)
	}
}
