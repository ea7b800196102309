package api

import (
	"bytes"
	"strings"
)

// plainLines is how many lines the head of a plain request may have. Browsers and proxies together send some 40.
const plainLines = 100

// exchangeLine is the first line of a plain request.
const exchangeLine = "POST " + pathToken + " HTTP/1.1\r\n"

// plainExchange tells whether sent begins a request for a token that everybody reads in the same way, and nothing else: its head is
// there in whole and says in one way how long the body is, and for whom it is. length is that of both. What asks for anything of the
// connection or for a word before the body, and what comes from a page of another origin, which has to be told that it may read the
// answer, is not plain.
func plainExchange(sent []byte) (length int, plain bool) {
	head, _, whole := bytes.Cut(sent, []byte("\r\n\r\n"))
	text, isExchange := bytes.CutPrefix(head, []byte(exchangeLine))
	if !whole || !isExchange {
		return 0, false
	}
	h := plainHead{body: -1}
	for line := range bytes.SplitSeq(text, []byte("\r\n")) {
		if h.lines++; h.lines > plainLines || !h.take(line) {
			return 0, false
		}
	}
	length = len(head) + len("\r\n\r\n") + h.body
	return length, h.named && h.body >= 0 && len(sent) <= length
}

// plainHead is what the lines of a head say.
type plainHead struct {
	lines int
	body  int  // how long it is; negative: nothing was said of it yet
	named bool // for whom it is
}

// take reads a line, and tells whether everybody reads it alike.
func (h *plainHead) take(line []byte) (ok bool) {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || !isPlainName(name) || !isPlainValue(value) {
		return false
	}
	value = bytes.Trim(value, " \t")
	switch is := func(other string) bool { return strings.EqualFold(string(name), other) }; {
	case is("Content-Length"):
		if ok = h.body < 0; ok {
			h.body, ok = plainLength(value)
		}
	case is("Host"):
		ok, h.named = !h.named && isPlainHost(value), true
	case is("Connection"):
		ok = strings.EqualFold(string(value), "keep-alive")
	case is("Transfer-Encoding"), is("Trailer"), is("Expect"), is("Upgrade"), is("Origin"):
		ok = false
	}
	return ok
}

// isPlainName tells whether a header's name is of letters, digits and hyphens.
func isPlainName(name []byte) bool {
	for _, c := range name {
		if c != '-' && !isAlphanumeric(c) {
			return false
		}
	}
	return len(name) > 0
}

// isPlainHost tells whether a Host is of the characters of names, addresses and ports.
func isPlainHost(host []byte) bool {
	for _, c := range host {
		if !isAlphanumeric(c) && !strings.ContainsRune("-.:[]", rune(c)) {
			return false
		}
	}
	return len(host) > 0
}

func isAlphanumeric(c byte) bool { return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' }

// isPlainValue tells whether a header's value has no control characters but tabs.
func isPlainValue(value []byte) bool {
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// plainLength reads that of a body which the usual way would accept too.
func plainLength(digits []byte) (length int, ok bool) {
	for _, c := range digits {
		if c < '0' || c > '9' || length > maxBody {
			return 0, false
		}
		length = 10*length + int(c-'0')
	}
	return length, len(digits) > 0 && length <= maxBody
}
