package faketenant

import (
	"errors"
	"fmt"
	"net/http"
)

// aadsts is a refusal as Entra words it: an OAuth error with a number and a sentence of its own.
type aadsts struct {
	code       int
	status     int    // of the HTTP answer
	oauth      string // member "error"
	text       string // a format that reason fills in
	suberror   string
	claims     string // what the client is to ask for next time, as JSON in a string
	retryAfter string // seconds
}

func (e aadsts) Error() string { return fmt.Sprintf("AADSTS%d: %s", e.code, e.text) }

// because fills in the sentence.
func (e aadsts) because(details ...any) aadsts {
	e.text = fmt.Sprintf(e.text, details...)
	return e
}

// asRefusal is err as a refusal. Anything that is none is a fault of the fake's.
func asRefusal(err error) aadsts {
	refused, is := errors.AsType[aadsts](err)
	if !is {
		return aadsts{code: 90033, status: http.StatusServiceUnavailable, oauth: "temporarily_unavailable", text: "A transient error has occurred. Please try again."}
	}
	return refused
}

// refuse answers with e, in Entra's shape.
func (t *Tenant) refuse(w http.ResponseWriter, r *http.Request, e aadsts) {
	if e.retryAfter != "" {
		w.Header().Set("Retry-After", e.retryAfter)
	}
	write(w, e.status, "no-store, no-cache", t.refusal(r, e))
}

func (t *Tenant) refusal(r *http.Request, e aadsts) map[string]any {
	trace, correlation, at := guid(), r.Header.Get("client-request-id"), t.now().UTC().Format("2006-01-02 15:04:05Z")
	if !isGUID(correlation) {
		correlation = guid()
	}
	body := map[string]any{
		"error":             e.oauth,
		"error_description": fmt.Sprintf("%s Trace ID: %s Correlation ID: %s Timestamp: %s", e.Error(), trace, correlation, at),
		"error_codes":       []int{e.code}, "timestamp": at, "trace_id": trace, "correlation_id": correlation,
		"error_uri": fmt.Sprintf("%s/error?code=%d", t.base(), e.code),
	}
	if e.suberror != "" {
		body["suberror"] = e.suberror
	}
	if e.claims != "" {
		body["claims"] = e.claims
	}
	return body
}
