package main

import (
	"bytes"
	"testing"

	"github.com/go-json-experiment/json"
)

func TestWhatStoresHoldCannotForgeALineOfATerminal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"left the company":      "left the company",
		"Müller, 離職":            "Müller, 離職",
		"\x1b[2K\x1b[1Agone":    `\x1b[2K\x1b[1Agone`,
		"one\ntwo\r\tthree\x00": `one\ntwo\r\tthree\x00`,
		"\u202etfel":            `\u202etfel`,
	} {
		if got := cell(text); got != want {
			t.Errorf("cell(%q) = %q, want %q", text, got, want)
		}
	}
	if got := lines("one\ntwo\x1b[A"); got != "one\n"+`two\x1b[A` {
		t.Errorf("lines = %q", got)
	}
}

func TestWhatADatabaseCouldNotBeReachedByIsSaidOnce(t *testing.T) {
	t.Parallel()
	const failed = "read the version: failed to connect to `user=u`:\n\t127.0.0.1:1: refused\n\t[::1]:1: refused\n\t127.0.0.1:1: refused"
	if got, want := lines(failed), "read the version: failed to connect to `user=u`:\n  127.0.0.1:1: refused\n  [::1]:1: refused"; got != want {
		t.Errorf("lines:\n%s, want\n%s", got, want)
	}
	if got, want := oneLine(failed), "read the version: failed to connect to `user=u`: 127.0.0.1:1: refused; [::1]:1: refused"; got != want {
		t.Errorf("oneLine: %s, want %s", got, want)
	}
	if got, want := oneLine("one\ntwo\ntwo"), "one; two; two"; got != want {
		t.Errorf("oneLine: %s, want %s", got, want)
	}
}

func TestJSONSaysTheSameWithoutWhatMovesACursor(t *testing.T) {
	t.Parallel()
	texts := []string{"plain", "Müller, 離職", "\x1b[2J", "\u009b2J", "\u202etfel", "a\u00a0b", "\U000e0041\U0001f600", `a\u202e"b`}
	var out bytes.Buffer
	if err := printJSON(&out, texts); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); lines(text) != text {
		t.Errorf("what does not print is printed: %q", text)
	}
	var back []string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	for i, want := range texts {
		if back[i] != want {
			t.Errorf("%q is read back as %q", want, back[i])
		}
	}
}
