package main

import "testing"

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
