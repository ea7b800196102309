package main

import (
	"fmt"
	"slices"
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

// lines is cell for a text of several lines, such as an error that joins others. pgx begins a line with a tab for each
// address that it tried, and tries some with TLS and without: the second says nothing new.
func lines(text string) string {
	var all []string
	for line := range strings.SplitSeq(text, "\n") {
		after, tabbed := strings.CutPrefix(line, "\t")
		if tabbed {
			after = "  " + after
		}
		if after = cell(after); !tabbed || !slices.Contains(all, after) {
			all = append(all, after)
		}
	}
	return strings.Join(all, "\n")
}

// oneLine is a text of several lines as a list within one.
func oneLine(text string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(lines(text), "\n") {
		switch {
		case b.Len() == 0:
		case strings.HasSuffix(b.String(), ":"):
			b.WriteString(" ")
		default:
			b.WriteString("; ")
		}
		b.WriteString(strings.TrimSpace(line))
	}
	return b.String()
}
