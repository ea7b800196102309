package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
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

// jsonText is JSON as a terminal may be given it, which says the same: what does not print can only stand in a string,
// and there it can be escaped.
func jsonText(text []byte) string {
	var b strings.Builder
	for _, r := range string(text) {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
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
