package main

import (
	"bufio"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// step is a command of the tutorial, with what it shows; shows is "" where nothing is shown.
type step struct {
	command, shows string
	line           int
}

// stepsOf are the steps of a page: each block of a shell, and the block of another language behind it.
func stepsOf(p page) []step {
	var steps []step
	for _, b := range p.blocks {
		switch {
		case b.language == "sh":
			steps = append(steps, step{command: b.text, line: b.line})
		case len(steps) > 0:
			steps[len(steps)-1].shows += b.text
		}
	}
	return steps
}

// fault is why an output is not what the step shows. Where … stands, there may be anything, and a step fails if and only if an
// exit status is shown.
func (s step) fault(output string, failed bool) error {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(s.shows)), "…", ".*")
	switch matched := regexp.MustCompile(`(?s)^` + pattern + `$`).MatchString(strings.TrimSpace(output)); {
	case !matched:
		return fmt.Errorf("it shows\n%s\nand this came out:\n%s", s.shows, output)
	case failed != strings.Contains(s.shows, "exit status"):
		return fmt.Errorf("it failed: %t, which the page does not say", failed)
	}
	return nil
}

// terminal is a shell into which somebody types, in the folder of the repository.
type terminal struct {
	stdin io.Writer
	lines *bufio.Reader
}

// openTerminal starts one; the test ends it, with all that runs in it.
func openTerminal(t *testing.T, environ ...string) *terminal {
	t.Helper()
	shell := exec.CommandContext(t.Context(), "bash")
	shell.Dir = repository
	shell.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath -buildvcs=false") // as make build does, so that little is compiled twice
	shell.Env = append(shell.Env, environ...)
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	shell.Cancel = func() error { return syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) }
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	shell.Stdout, shell.Stderr = writer, writer
	stdin, err := shell.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	_ = writer.Close() // the shell has its own
	t.Cleanup(func() { _ = shell.Cancel(); _ = shell.Wait(); _ = reader.Close() })
	return &terminal{stdin, bufio.NewReader(reader)}
}

// endMark is the line behind the output of a command.
const endMark = "==== ended with "

// run types a command and returns what it prints, to either stream, and whether it fails.
func (x *terminal) run(t *testing.T, command string) (output string, failed bool) {
	t.Helper()
	_, err := io.WriteString(x.stdin, command+"code=$?; echo; echo '"+endMark+"'$code\n") // a line of its own, though a command ends none
	for err == nil {
		var line string
		line, err = x.lines.ReadString('\n')
		if code, is := strings.CutPrefix(line, endMark); is {
			return output, code != "0\n"
		}
		output += line
	}
	t.Fatalf("%s: %v, after\n%s", command, err, output)
	return "", false
}

// TestEveryStepOfTheTutorialDoesWhatItSays types the page's commands into two terminals, as a newcomer does. Only the two
// addresses are others, since theirs may be taken.
func TestEveryStepOfTheTutorialDoesWhatItSays(t *testing.T) {
	t.Parallel()
	steps := stepsOf(parsePage("docs/tutorial.md", content(t, "docs/tutorial.md")))
	if len(steps) < 8 || steps[0].command != "go run ./cmd/issuer dev\n" {
		t.Fatalf("%d steps, and the first is %q", len(steps), steps[0].command)
	}
	address := freeLoopback(t)
	first := openTerminal(t, "ISSUER_LISTEN="+address)
	if _, err := io.WriteString(first.stdin, steps[0].command+"exit\n"); err != nil { // where the program ends by itself, so does the terminal
		t.Fatal(err)
	}
	var screen string
	for !strings.Contains(screen, "HASURA_GRAPHQL_JWT_SECRET='{") {
		line, err := first.lines.ReadString('\n')
		if screen += line; err != nil {
			t.Fatalf("%v, after\n%s", err, screen)
		}
	}
	tenant, err := url.Parse(after(screen, "fake tenant   "))
	if err != nil {
		t.Fatal(err)
	}
	here := strings.NewReplacer("127.0.0.1:8080", address, "127.0.0.1:8081", tenant.Host)
	there := strings.NewReplacer(address, "127.0.0.1:8080", tenant.Host, "127.0.0.1:8081")
	if err := steps[0].fault(there.Replace(screen), false); err != nil {
		t.Errorf("docs/tutorial.md:%d: %v", steps[0].line, err)
	}
	second := openTerminal(t)
	for _, s := range steps[1:] {
		output, failed := second.run(t, here.Replace(s.command))
		if err := s.fault(there.Replace(output), failed); err != nil {
			t.Errorf("docs/tutorial.md:%d: %v", s.line, err)
		}
	}
}

func TestAStepThatDoesSomethingElseIsSeen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		shows, output string
		failed, want  bool
	}{
		"the same":            {"a (b)\n", "a (b)\n\n", false, true},
		"what differs":        {"a … c\n…\n", "a b b c\nd\ne", false, true},
		"another":             {"a.c\n", "abc", false, false},
		"more":                {"a\n", "a\nb", false, false},
		"less":                {"a … c\n", "a", false, false},
		"nothing shown":       {"", "a", false, false},
		"a failure":           {"no\nexit status 1\n", "no\nexit status 1\n", true, true},
		"a failure unsaid":    {"", "", true, false},
		"no failure where so": {"exit status 1\n", "exit status 1\n", false, false},
	} {
		if err := (step{shows: c.shows}).fault(c.output, c.failed); (err == nil) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
