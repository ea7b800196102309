package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

// handler answers a request, or returns an error before it has written anything. What it learns goes into the entry.
type handler func(w http.ResponseWriter, r *http.Request, e *entry) error

// corsPolicy sets the headers that let browsers read the answer, and reports whether it was a preflight, now answered.
type corsPolicy func(w http.ResponseWriter, r *http.Request) bool

type method struct {
	name   string
	handle handler
}

// route is one path: what it answers, how it is logged, and which browsers may read it.
type route struct {
	path     string
	level    zerolog.Level // of the log line, unless the service failed
	cors     corsPolicy
	methods  []method
	all      handler                                                // instead of methods: answers every one
	instant  bool                                                   // the answer is in memory: no deadline is of use to it
	untraced bool                                                   // machines ask every few seconds, and a trace would tell nothing
	status   func(problem rendered) int                             // of a refusal; nil: the problem's own
	below    bool                                                   // all paths that begin with path, too
	refuse   func(w http.ResponseWriter, err error) (reason string) // writes errors; nil: as those of OAuth
	timeout  time.Duration                                          // of a request in whole; zero: as all have it
}

// serve is the one way through for every request of a route: headers, deadline, answer, error body, log line.
func (a *API) serve(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := newEntry(r, a.config.TrustedProxies)
		rec := &recorder{ResponseWriter: w}
		header := rec.Header()
		header["X-Content-Type-Options"], header["X-Request-Id"] = nosniff, []string{e.requestID}
		if len(r.TransferEncoding) > 0 {
			// Where a proxy and we disagree about the end of a chunked body, there must be no next request in the rest.
			header.Set("Connection", "close")
		}
		parent := a.trace(r.Context(), rt, r, e)
		e.err = a.inTime(parent, rt, rec, r, e)
		e.cancelled = errors.Is(r.Context().Err(), context.Canceled)
		if e.err != nil && rec.status == 0 {
			e.reason = a.refuse(rt, rec, e.err)
		}
		outcome := a.outcome(e)
		a.count(parent, e, outcome)
		a.traced(parent, rt, r, e, rec.status, outcome)
		a.log(rt, e, rec.status)
	})
}

// Values of headers that most answers share. Nobody writes into one, and who adds to it gets a list of their own.
var (
	nosniff   = []string{"nosniff"}
	noStore   = []string{"no-store"}
	noCache   = []string{"no-cache"}
	typeJSON  = []string{"application/json"}
	everybody = []string{"*"}
	empty     = []string{"0"}
)

// inTime answers the request within the time that it has.
func (a *API) inTime(ctx context.Context, rt route, w http.ResponseWriter, r *http.Request, e *entry) error {
	if rt.instant {
		return rt.answer(w, r, e)
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(rt.timeout, a.config.Timeout))
	defer cancel()
	return rt.answer(w, r.WithContext(ctx), e)
}

// refuse writes an error as the route writes them, and returns the reason where that is not of the table here.
func (a *API) refuse(rt route, w http.ResponseWriter, err error) string {
	if rt.refuse != nil {
		return rt.refuse(w, err)
	}
	a.writeError(w, rt, err)
	return ""
}

// answer calls the handler for the method. A panic becomes an error, so that it is answered and logged like any other.
func (rt route) answer(w http.ResponseWriter, r *http.Request, e *entry) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, stack: stack()}
		}
	}()
	if rt.cors(w, r) {
		return nil
	}
	if rt.all != nil {
		return rt.all(w, r, e)
	}
	var names []string
	for _, m := range rt.methods {
		if m.name == r.Method {
			return m.handle(w, r, e)
		}
		names = append(names, m.name)
	}
	w.Header().Set("Allow", strings.Join(names, ", "))
	return refuse(issuer.ReasonMethodNotAllowed, "the route has no such method")
}

// noContent answers an OPTIONS request that is no preflight.
func noContent(w http.ResponseWriter, _ *http.Request, _ *entry) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// refuse returns the error for a request that goes no further.
func refuse(reason issuer.Reason, finding string) error {
	return &issuer.Error{Reason: reason, Err: errors.New(finding)}
}

// recorder remembers the status that was sent; 0 while none was.
type recorder struct {
	http.ResponseWriter
	status int
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(body []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(body)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
