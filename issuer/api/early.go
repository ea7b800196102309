package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

// early answers requests that are one too many before net/http has read them. That costs a twentieth of an exchange, where the usual
// way costs a third to a half, so that many more can hear at once that they have to wait. docs/decisions/0013 has the reasons.
type early struct {
	answer []byte       // as it is sent, from its first line on
	count  atomic.Int64 // of those whose line is yet to be written
}

// TurnAway looks at what has come on a connection that waits for its next request. If that is a request for a token and there are
// too many, it returns the answer as it goes over the wire, and how many bytes of the request are still to come and have to be read
// away first. Otherwise, and wherever the bytes could be read in another way, answer is nil and the request takes the usual one.
// Nobody is turned away any more once the service drains: net/http could end the connection in the middle. It is safe for concurrent
// use, and keeps nothing of sent.
func (a *API) TurnAway(sent []byte) (answer []byte, rest int) {
	g := a.gates[issuer.DoorToken]
	if a.draining.Load() || !g.couldTurnAway() {
		return nil, 0
	}
	began := time.Now()
	length, plain := plainExchange(sent)
	if !plain || !g.turnAway() {
		return nil, 0
	}
	a.config.Meter.Exchanged(context.Background(), Outcome{Door: issuer.DoorToken, Result: Failed, Reason: string(issuer.ReasonOverloaded)}, time.Since(began))
	if a.early.count.Add(1) == 1 {
		time.AfterFunc(time.Second, a.logTurnedAway)
	}
	return a.early.answer, length - len(sent)
}

// logTurnedAway writes one line for all that were turned away since the first one that no line tells of.
func (a *API) logTurnedAway() {
	logger := &a.config.Logger
	if a.config.Exchanges != nil {
		logger = a.config.Exchanges
	}
	logger.Info().Str("door", issuer.DoorToken).Str("reason", string(issuer.ReasonOverloaded)).Int64("count", a.early.count.Swap(0)).
		Msg("turned away")
}

// renderEarly is what the usual way answers, but for the id of the request and what pages of other origins need.
func renderEarly(overloaded rendered) []byte {
	var wire bytes.Buffer
	answer := http.Response{
		ProtoMajor: 1, ProtoMinor: 1, StatusCode: overloaded.status, ContentLength: int64(len(overloaded.body)),
		Body: io.NopCloser(bytes.NewReader(overloaded.body)),
		Header: http.Header{
			"Cache-Control": noStore, "Content-Type": typeJSON, "Pragma": noCache, "Vary": {"Origin"}, "X-Content-Type-Options": nosniff,
			"Retry-After": {strconv.Itoa(int(errOverloaded.RetryAfter / time.Second))},
		},
	}
	_ = answer.Write(&wire) // into memory
	return wire.Bytes()
}

// plainExchange tells whether sent begins a request for a token that everybody reads in the same way, and nothing else: its head is
// there in whole and says in one way how long the body is. length is that of both. What asks for anything of the connection or for a word
// before the body, and what comes from a page of another origin, which has to be told that it may read the answer, is not plain.
func plainExchange(sent []byte) (length int, plain bool) {
	head, _, whole := bytes.Cut(sent, []byte("\r\n\r\n"))
	lines, isExchange := bytes.CutPrefix(head, []byte("POST "+pathToken+" HTTP/1.1\r\n"))
	if !whole || !isExchange {
		return 0, false
	}
	body := -1
	for line := range bytes.SplitSeq(lines, []byte("\r\n")) {
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || !isPlainName(name) || !isPlainValue(value) {
			return 0, false
		}
		value = bytes.Trim(value, " \t")
		switch is := func(other string) bool { return strings.EqualFold(string(name), other) }; {
		case is("Content-Length"):
			if ok = body < 0; ok {
				body, ok = plainLength(value)
			}
		case is("Connection"):
			ok = strings.EqualFold(string(value), "keep-alive")
		case is("Transfer-Encoding"), is("Trailer"), is("Expect"), is("Upgrade"), is("Origin"):
			ok = false
		}
		if !ok {
			return 0, false
		}
	}
	length = len(head) + len("\r\n\r\n") + body
	return length, body >= 0 && len(sent) <= length
}

// isPlainName tells whether a header's name is of letters, digits and hyphens.
func isPlainName(name []byte) bool {
	for _, c := range name {
		if c != '-' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return len(name) > 0
}

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
