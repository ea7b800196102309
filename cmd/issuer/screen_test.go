package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/creack/pty"
)

// onTerminal runs the program in a process of its own on a terminal that is so wide, and returns what that shows.
func onTerminal(t *testing.T, width uint16, environ []string, args ...string) string {
	t.Helper()
	run := exec.CommandContext(t.Context(), os.Args[0], args...)
	run.Env = append([]string{asProgram + "=1", "TERM=xterm"}, environ...)
	terminal, err := pty.StartWithSize(run, &pty.Winsize{Rows: 24, Cols: width})
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	var out bytes.Buffer
	_, _ = io.Copy(&out, terminal) // ends with an error of its own when the program does
	if err := run.Wait(); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	return strings.ReplaceAll(out.String(), "\r\n", "\n")
}

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*[a-zA-Z]")

func TestATableFitsTheTerminalAndAPipeGetsAllOfIt(t *testing.T) {
	t.Parallel()
	reason := strings.Repeat("because of it ", 20)
	path := filepath.Join(t.TempDir(), "roles.yaml")
	if err := os.WriteFile(path, []byte(`grants: [{ tenant: 7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901, everyone: true, role: viewer, reason: "`+reason+`" }]`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	settings := []string{"ISSUER_ROLES_FILE=" + path}
	_, piped, _ := execute(t, settings, "roles", "list")
	if !strings.Contains(piped, reason) || escapes.MatchString(piped) || strings.Contains(piped, "…") {
		t.Errorf("a pipe: %q", piped)
	}
	shown := onTerminal(t, 100, settings, "roles", "list")
	if !strings.HasPrefix(shown, "\x1b[1mTENANT") || !strings.Contains(shown, "…") {
		t.Errorf("a terminal: %q", shown)
	}
	for line := range strings.Lines(escapes.ReplaceAllString(shown, "")) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 100 {
			t.Errorf("%d letters in %q", n, line)
		}
	}
	if plain := onTerminal(t, 100, append(settings, "NO_COLOR=1"), "roles", "list"); escapes.MatchString(plain) || !strings.Contains(plain, "…") {
		t.Errorf("NO_COLOR: %q", plain)
	}
}

func TestForcedColoursShowInAPipe(t *testing.T) {
	t.Parallel()
	for environ, want := range map[string]bool{"CLICOLOR_FORCE=1": true, "A=b": false} {
		run := exec.CommandContext(t.Context(), os.Args[0], "roles", "list")
		run.Env = []string{asProgram + "=1", environ, "ISSUER_ROLES_FILE=" + rolesFile(t)}
		out, err := run.Output()
		if err != nil || escapes.Match(out) != want || strings.Contains(string(out), "…") {
			t.Errorf("%s: %v, %q", environ, err, out)
		}
	}
}

func TestAnErrorStandsOutOnATerminalAlone(t *testing.T) {
	t.Parallel()
	var stderr bytes.Buffer
	p := program{stdout: io.Discard, stderr: &stderr, colour: true}
	if code := p.run(t.Context(), []string{"serv"}); code != exitUsage || !strings.HasPrefix(stderr.String(), "\x1b[31missuer:\x1b[0m unexpected argument serv") {
		t.Errorf("exit code %d, %q", code, stderr.String())
	}
}
