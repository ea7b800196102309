package main

import (
	"strconv"
	"strings"
	"unicode"
)

// cell is text from a store as a terminal may be given it: what could move the cursor, end a line, hide or forge one is
// written as Go writes it in a string.
func cell(text string) string {
	unsafe := func(r rune) bool { return !unicode.IsPrint(r) }
	if !strings.ContainsFunc(text, unsafe) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unsafe(r) {
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// lines is cell for a text of several lines, such as an error that joins others.
func lines(text string) string {
	all := strings.Split(text, "\n")
	for i, line := range all {
		all[i] = cell(line)
	}
	return strings.Join(all, "\n")
}
