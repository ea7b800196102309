package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

// early answers requests that are one too many before net/http has read them. That costs a fifteenth of an exchange, where the usual
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
	if !bytes.HasPrefix(sent, []byte(exchangeLine)) || a.draining.Load() { // engines and gateways need not wait for the token endpoint's gate
		return nil, 0
	}
	g := a.gates[issuer.DoorToken]
	if !g.couldTurnAway() {
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
