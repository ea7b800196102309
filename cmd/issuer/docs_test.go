package main

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

var (
	// A command of ours: at the start of a line or behind what separates commands, also as the last word but its own of a
	// line for docker or kubectl, and up to what ends it.
	ourCommand = regexp.MustCompile("(?m)(?:^|&&|\\|\\||[;|]|\\$\\(|docker (?:compose )?(?:run|exec) .*|kubectl .* -- )[ \t]*(?:go run \\./cmd/issuer|(?:bin/)?issuer|sudo issuer-run)[ \t]+([^#&|;<>)\n]+)")
	assignment = regexp.MustCompile(`(?m)^[ \t]*(?:[A-Z_]+=[^ \t\n]+[ \t]+)+`)
	yamlArgs   = regexp.MustCompile(`(?m)^ *args: \[([^\]]+)\]`)
	word       = regexp.MustCompile(`"[^"]*"|'[^']*'|[^ \t"']+`)
)

// commandLines are the arguments of every command of ours that the blocks of a page show.
func (p page) commandLines() [][]string {
	var all [][]string
	for _, block := range p.blocks {
		if block.language == "mermaid" || block.language == "text" { // where issuer is a room, or what a program prints
			continue
		}
		text := assignment.ReplaceAllString(strings.ReplaceAll(block.text, "\\\n", " "), "")
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

// parserOf reads command lines as the program does, and runs nothing.
func parserOf(t *testing.T) *kong.Kong {
	t.Helper()
	p := &program{stdout: io.Discard, stderr: io.Discard}
	parser, err := p.parser(context.Background(), func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	return parser
}

func TestEveryCommandLineOfTheDocumentsIsUnderstood(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, p := range pagesOf(t) {
		for _, args := range p.commandLines() {
			line := strings.Join(args, " ")
			if seen[line] {
				continue
			}
			seen[line] = true
			if _, err := parserOf(t).Parse(args); err != nil { // a parser takes what one line has for there in the next
				t.Errorf("%s: issuer %s: %v", p.path, line, err)
			}
		}
	}
	if len(seen) < 60 {
		t.Errorf("only %d command lines were found", len(seen))
	}
}

// misnamed is the first word of a command in prose that is no command or flag of ours, "" where all are. Such a command may
// leave out what it needs, and end in a value or in what stands for one.
func misnamed(parser *kong.Kong, command string) string {
	node, naming := parser.Model.Node, true
	for word := range strings.FieldsSeq(command) {
		flag, isFlag := strings.CutPrefix(word, "--")
		flag, _, _ = strings.Cut(flag, "=")
		if isFlag {
			naming = false
			groups := node.AllFlags(false)
			if !slices.ContainsFunc(slices.Concat(groups...), func(f *kong.Flag) bool { return f.Name == flag }) {
				return word
			}
			continue
		}
		if !naming || len(node.Children) == 0 {
			continue
		}
		at := slices.IndexFunc(node.Children, func(child *kong.Node) bool { return child.Name == word })
		if at < 0 {
			return word
		}
		node = node.Children[at]
	}
	return ""
}

func TestEveryCommandInProseIsOneOfOurs(t *testing.T) {
	t.Parallel()
	parser, seen := parserOf(t), 0
	for _, p := range pagesOf(t) {
		for _, command := range p.commands() {
			seen++
			if word := misnamed(parser, command); word != "" {
				t.Errorf("%s: `issuer %s`: there is no %s", p.path, command, word)
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d commands were found", seen)
	}
}

func TestCommandsAreFoundWhereTheyStand(t *testing.T) {
	t.Parallel()
	text := "issuer not fenced, and `issuer keys list` is prose\n```sh\nissuer keys list --json  # a remark\nexport A=\"$(issuer keys wrap URL)\"\n17 */6 * * *  issuer  . /etc/env && issuer keys rotate\n" +
		"docker run --rm \\\n  issuer check\nsudo -u issuer psql\n  issuer keys revoke KID --reason \"a b\"\nISSUER_URL=x A=b issuer migrate\ndocker compose exec issuer issuer version\n" +
		"kubectl exec deploy/issuer -- issuer roles list < a > b\n```\n```yaml\n  args: [keys, rotate, --json]\n```\n"
	p := parsePage("a.md", text)
	want := []string{
		"keys list --json", "keys wrap URL", "keys rotate", "check", "keys revoke KID --reason a b", "migrate", "version", "roles list", "keys rotate --json",
	}
	var got []string
	for _, args := range p.commandLines() {
		got = append(got, strings.Join(args, " "))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := fmt.Sprint(p.commands()); got != "[keys list]" {
		t.Errorf("commands in prose %s", got)
	}
	parser := parserOf(t)
	for command, want := range map[string]string{
		"keys revoke KID --reason …": "", "roles apply -f FILE --prune": "", "roles": "", "check --online --json": "",
		"key list": "key", "roles give": "give", "keys list --owners": "--owners", "roles export --prune": "--prune", "check --hasura-role=viewer": "",
	} {
		if got := misnamed(parser, command); got != want {
			t.Errorf("issuer %s: %q, want %q", command, got, want)
		}
	}
}
