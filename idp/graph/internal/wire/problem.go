// Package wire asks Microsoft's services over HTTP, and says what went wrong in words that are fit to be shown. It knows
// nothing of what is asked.
package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter is the longest pause that is believed.
const maxRetryAfter = time.Hour

// Problem says that Microsoft Graph could not be asked. It says nothing about what was asked for. Its text is for
// operators; it holds ids and addresses, and nothing of a secret, a token or an answer but codes of a fixed form.
type Problem struct {
	RetryAfter time.Duration // when to come again; 0: nobody said
	Code       string        // Microsoft's for what is wrong, such as AADSTS7000222 or Authorization_RequestDenied; or ""
	Hint       string        // what an operator can do about it; or ""
	Trace      string        // the id under which Microsoft's support finds the request; or ""
	Err        error         // what happened
	Status     int           // of the answer; 0 when there was none, or none that could be read
	Transient  bool          // it may be otherwise in a moment
	Personal   bool          // it concerns the one who was asked about, and says nothing of others
}

// Misread is the problem that who did not answer as it should.
func Misread(who, what string) *Problem {
	return &Problem{Err: &asking{who, errors.New(what)}}
}

// Error returns everything but RetryAfter in one sentence.
func (e *Problem) Error() string {
	var text strings.Builder
	if _, said := e.Err.(*asking); !said { //nolint:errorlint // only what comes first says whom it asked
		text.WriteString("ask Microsoft Graph: ")
	}
	text.WriteString(e.Err.Error())
	if e.Code != "" {
		text.WriteString(" (" + e.Code + ")")
	}
	if e.Hint != "" {
		text.WriteString("; " + e.Hint)
	}
	if e.Trace != "" {
		text.WriteString(" [trace " + e.Trace + "]")
	}
	return text.String()
}

// Unwrap returns what happened.
func (e *Problem) Unwrap() error { return e.Err }

// After is e with another pause.
func (e *Problem) After(pause time.Duration) *Problem {
	later := *e
	later.RetryAfter = pause
	return &later
}

// Answered is the problem that an answer is, by its status alone.
func Answered(who string, answer Answer, now time.Time) *Problem {
	status := answer.Status
	return &Problem{
		Err:        errors.New(who + " answered " + strconv.Itoa(status)),
		RetryAfter: retryAfter(answer.Header.Get("Retry-After"), now),
		Status:     status,
		Transient:  status == http.StatusTooManyRequests || status >= 500,
	}
}

// retryAfter reads the header (RFC 9110 section 10.2.3): seconds or a date. 0 when it is neither.
func retryAfter(header string, now time.Time) time.Duration {
	seconds, err := strconv.ParseUint(header, 10, 31)
	if err == nil || errors.Is(err, strconv.ErrRange) { // then it is the largest
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	if date, err := http.ParseTime(header); err == nil {
		return min(max(date.Sub(now), 0), maxRetryAfter)
	}
	return 0
}

// unreached is the problem that there was no answer. Go's own text is left out where it may quote what the other side
// sent.
func unreached(who string, err error) *Problem {
	problem := &Problem{Transient: true}
	timeout, isTimeout := errors.AsType[net.Error](err)
	dial, isDial := errors.AsType[*net.OpError](err)
	switch _, isTLS := errors.AsType[*tls.CertificateVerificationError](err); {
	case errors.Is(err, context.Canceled):
		problem.Err = context.Canceled
	case isTLS: // also a proxy's
		problem.Err = errors.New("its certificate is not to be trusted")
		problem.Hint = "check that nothing intercepts the connection, or name its authority's certificate by SSL_CERT_FILE"
		problem.Transient = false
	case isDial && (dial.Op == "dial" || dial.Op == "proxyconnect"):
		problem.Err = dial
		problem.Hint = "check that this machine reaches " + who + ", by a proxy if need be"
	case isTimeout && timeout.Timeout():
		problem.Err = context.DeadlineExceeded
		problem.Transient = false // it took long enough
	default:
		problem.Err = errors.New("the connection broke")
	}
	problem.Err = &asking{who, problem.Err}
	return problem
}

// asking says who was asked when err happened.
type asking struct {
	who string
	err error
}

func (a *asking) Error() string { return "ask " + a.who + ": " + a.err.Error() }
func (a *asking) Unwrap() error { return a.err }
