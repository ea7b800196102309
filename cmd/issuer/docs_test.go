package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	fenced = regexp.MustCompile("(?ms)^ *```[a-z]*\n(.*?)^ *```")
	// A command of ours: at the start of a line or behind what separates commands, also as the last word but its own of a
	// docker line, and up to what ends it.
	ourCommand = regexp.MustCompile("(?m)(?:^|&&|\\|\\||[;|]|\\$\\(|docker run .*)[ \t]*(?:go run \\./cmd/issuer|(?:bin/)?issuer)[ \t]+([^#&|;)\n]+)")
	yamlArgs   = regexp.MustCompile(`(?m)^ *args: \[([^\]]+)\]`)
	word       = regexp.MustCompile(`"[^"]*"|'[^']*'|[^ \t"']+`)
)

// commandLines are the arguments of every command of ours that the fenced blocks of a page show.
func commandLines(page string) [][]string {
	var all [][]string
	for _, block := range fenced.FindAllStringSubmatch(page, -1) {
		text := strings.ReplaceAll(block[1], "\\\n", " ")
		for _, m := range ourCommand.FindAllStringSubmatch(text, -1) {
			args := word.FindAllString(m[1], -1)
			for i := range args {
				args[i] = strings.Trim(args[i], `"'`)
			}
			all = append(all, args)
		}
		for _, m := range yamlArgs.FindAllStringSubmatch(text, -1) {
			all = append(all, strings.Split(m[1], ", "))
		}
	}
	return all
}

func TestEveryCommandLineOfTheDocumentsIsUnderstood(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, path := range append(pages, "../../README.md", "../../CONTRIBUTING.md") {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, args := range commandLines(string(page)) {
			seen++
			p := &program{stdout: io.Discard, stderr: io.Discard}
			parser, err := p.parser(context.Background(), func(int) {})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.Parse(args); err != nil {
				t.Errorf("%s: issuer %s: %v", filepath.Base(path), strings.Join(args, " "), err)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d command lines were found", seen)
	}
}

func TestCommandLinesAreFoundWhereTheyStand(t *testing.T) {
	t.Parallel()
	page := "issuer not fenced\n```sh\nissuer keys list --json  # a remark\nexport A=\"$(issuer keys wrap URL)\"\n17 */6 * * *  issuer  . /etc/env && issuer keys rotate\n" +
		"docker run --rm \\\n  issuer check\nsudo -u issuer psql\n  issuer keys revoke KID --reason \"a b\"\n```\n```yaml\n  args: [keys, rotate, --json]\n```\n"
	want := []string{"keys list --json", "keys wrap URL", "keys rotate", "check", "keys revoke KID --reason a b", "keys rotate --json"}
	var got []string
	for _, args := range commandLines(page) {
		got = append(got, strings.Join(args, " "))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
