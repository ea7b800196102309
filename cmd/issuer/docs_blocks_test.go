package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// otherwise are names of languages that are known here by another one, and would not be looked at. Nor would what has none.
var otherwise = map[string]string{
	"": "one, or text", "yml": "yaml", "jsonc": "json", "bash": "sh", "shell": "sh", "console": "sh",
}

// fault is what is wrong with a block.
func (b block) fault() error {
	name, misnamed := otherwise[b.language]
	switch {
	case b.open:
		return errors.New("nothing ends it")
	case misnamed:
		return fmt.Errorf("its language is %q, want %s", b.language, name)
	case b.language == "json":
		return readAll(json.NewDecoder(strings.NewReader(b.text)))
	case b.language == "yaml":
		return readAll(yaml.NewDecoder(bytes.NewReader([]byte(b.text)), yaml.Strict()))
	}
	return nil
}

// readAll reads document after document.
func readAll(from interface{ Decode(into any) error }) error {
	for {
		var document any
		switch err := from.Decode(&document); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func TestEveryBlockOfTheDocumentsIsWellFormed(t *testing.T) {
	t.Parallel()
	parsed := map[string]int{}
	for _, p := range pagesOf(t) {
		for _, b := range p.blocks {
			parsed[b.language]++
			if err := b.fault(); err != nil {
				t.Errorf("%s:%d: the block: %v", p.path, b.line, err)
			}
		}
	}
	if parsed["json"] < 5 || parsed["yaml"] < 5 {
		t.Errorf("only %v were found", parsed)
	}
}

func TestWhatIsWrongWithABlockIsSeen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"```json\n{\"a\": 1}\n```":         true,
		"```json\n{\"a\": 1} {\"b\":\n```": false,
		"```json\n{\"a\": …}\n```":         false,
		"```yaml\na: 1\n---\nb: [2]\n```":  true,
		"```yaml\na: 1\n b: 2\n```":        false,
		"```yaml\na: 1\na: 2\n```":         false,
		"```yaml\na: [1\n```":              false,
		"```\nanything\n```":               false,
		"```yml\na: 1\n```":                false,
		"```nginx\n{\n```":                 true,
		"```sh\nissuer check":              false,
	} {
		blocks := parsePage("a.md", text).blocks
		if len(blocks) != 1 || (blocks[0].fault() == nil) != want {
			t.Errorf("%q: %+v, %v", text, blocks, blocks[0].fault())
		}
	}
}

// settingName also finds the beginning of names, as in ISSUER_RATE_LIMIT_….
var settingName = regexp.MustCompile(`\bISSUER_[A-Z0-9_]*`)

// unknownSettings are the names in a text that no setting has: a secret has two, and a beginning is that of some.
func unknownSettings(text string) []string {
	known := map[string]bool{}
	for _, v := range variables() {
		known[v.name] = true
		if v.secret {
			known[v.name+"_FILE"] = true
		}
	}
	var unknown []string
	for _, name := range settingName.FindAllString(text, -1) {
		whole := !strings.HasSuffix(name, "_")
		begins := func(setting string) bool { return strings.HasPrefix(setting, name) }
		if whole && !known[name] || !whole && !slices.ContainsFunc(slices.Collect(maps.Keys(known)), begins) {
			unknown = append(unknown, name)
		}
	}
	return unknown
}

func TestDocumentsAndConfigurationsNameSettingsThatThereAre(t *testing.T) {
	t.Parallel()
	files := filesOf(t, ".md", ".yaml", ".yml", ".env", ".service", ".conf", ".cfg", "Caddyfile", "Dockerfile")
	for _, path := range files {
		if unknown := unknownSettings(content(t, path)); len(unknown) > 0 {
			t.Errorf("%s names %q, which are no settings", path, unknown)
		}
	}
	if len(files) < 25 {
		t.Errorf("only %q were found", files)
	}
}

func TestANameThatIsNoSettingIsSeen(t *testing.T) {
	t.Parallel()
	text := "ISSUER_URL=x ISSUER_URL_FILE ISSUER_DATABASE_URL_FILE ISSUER_DATABASE ISSUER_ENTRA_… ISSUER_ENTER_… ISSUER_ ISSUER_TOKEN_TTLS MY_ISSUER_THING"
	want := []string{"ISSUER_URL_FILE", "ISSUER_DATABASE", "ISSUER_ENTER_", "ISSUER_TOKEN_TTLS"}
	if got := unknownSettings(text); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
