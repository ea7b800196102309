package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	nameOfSetting = regexp.MustCompile(`\b(?:ISSUER|AZURE)_[A-Z0-9_]*[A-Z0-9]\b`)
	endsCommand   = regexp.MustCompile(`[|<>)]`)
)

// argsOf are the arguments that an example gives to the program, and the settings before it.
func argsOf(t *testing.T, example string) (args, environ []string) {
	t.Helper()
	before, line, found := strings.Cut(example, "issuer ")
	if !found {
		t.Errorf("%q is no example of ours", example)
		return nil, nil
	}
	args = word.FindAllString(endsCommand.Split(line, 2)[0], -1)
	for i := range args {
		args[i] = strings.Trim(args[i], `"'`)
	}
	return args, strings.Fields(before)
}

func TestEveryCommandHasHelpWithExamplesThatAreUnderstood(t *testing.T) {
	t.Parallel()
	parser, left := parserOf(t), map[string]bool{}
	for path := range manual {
		left[path] = true
	}
	known := variables()
	names := map[string]bool{}
	for _, v := range known {
		names[v.name] = true
	}
	for _, node := range parser.Model.Leaves(true) {
		path := pathOf(node)
		e, there := manual[path]
		delete(left, path)
		if !there || len(e.examples) < 2 || len(e.examples) > 3 || e.reads == "" || node.Help == "" {
			t.Errorf("issuer %s: help %q, %d examples, reads %q; it wants all, and two or three examples", path, node.Help, len(e.examples), e.reads)
		}
		for _, name := range nameOfSetting.FindAllString(e.reads, -1) {
			if !names[name] {
				t.Errorf("issuer %s reads %s, which is no setting", path, name)
			}
		}
		for _, example := range e.examples {
			args, environ := argsOf(t, example)
			context, err := parserOf(t).Parse(args)
			if err != nil || pathOf(context.Selected()) != path {
				t.Errorf("issuer %s: the example %q: %v", path, example, err)
			}
			for _, one := range environ {
				if name, _, set := strings.Cut(one, "="); set && !names[name] {
					t.Errorf("%q: %s is no setting", example, name)
				}
			}
		}
		code, stdout, stderr := execute(t, nil, append(strings.Fields(path), "--help")...)
		if code != exitDone || stderr != "" || !strings.Contains(stdout, "\nExamples:\n  ") || !strings.Contains(stdout, "\nEnvironment:\n  ") {
			t.Errorf("issuer %s --help: exit code %d, stderr %q:\n%s", path, code, stderr, stdout)
		}
	}
	for path := range left {
		t.Errorf("the manual has an entry for issuer %s, which does not exist", path)
	}
}

func TestWrappedTextFits(t *testing.T) {
	t.Parallel()
	if got, want := wrapped("one two three four", "  ", 10), "  one two\n  three\n  four"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestTheManualPageIsRight holds it to mandoc, and to the model that it comes from.
func TestTheManualPageIsRight(t *testing.T) {
	t.Parallel()
	code, page, stderr := execute(t, nil, "man")
	if code != exitDone || stderr != "" {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	if strings.ContainsFunc(page, func(r rune) bool { return r > '~' || r < ' ' && r != '\n' }) {
		t.Error("it is not plain ASCII")
	}
	path := filepath.Join(t.TempDir(), "issuer.1")
	if err := os.WriteFile(path, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	said, _ := exec.CommandContext(t.Context(), "mandoc", "-T", "lint", path).Output()
	for line := range strings.Lines(string(said)) {
		// A page without a date is the same for each build. The rest is long words.
		if !strings.Contains(line, "missing date") && !strings.Contains(line, "input text line longer than 80 bytes") {
			t.Errorf("mandoc: %s", line)
		}
	}
	shown, err := exec.CommandContext(t.Context(), "mandoc", "-T", "utf8", "-O", "width=400", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile("(?s).\b").ReplaceAllString(string(shown), "") // bold
	text = strings.Join(strings.Fields(text), " ")
	for _, node := range parserOf(t).Model.Leaves(true) {
		e := manual[pathOf(node)]
		for _, want := range append([]string{node.Summary(), node.Help, e.reads}, e.examples...) {
			if !strings.Contains(text, strings.Join(strings.Fields(want), " ")) {
				t.Errorf("the page lacks %q", want)
			}
		}
		for _, flag := range slices.Concat(node.AllFlags(true)...) {
			if flag.Name != "help" && (!strings.Contains(text, "--"+flag.Name) || !strings.Contains(text, strings.Join(strings.Fields(flag.Help), " "))) {
				t.Errorf("the page lacks --%s of %s", flag.Name, pathOf(node))
			}
		}
	}
	for _, v := range variables() {
		if !strings.Contains(text, v.name+" wants "+strings.Join(strings.Fields(v.want), " ")) {
			t.Errorf("the page lacks %s, or its sentence", v.name)
		}
	}
}
