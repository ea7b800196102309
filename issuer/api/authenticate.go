package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/rs/zerolog"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

const (
	pathAuthenticate = "/v1/authenticate"
	// maxQueryBody bounds a request that is read whole, which happens once its caller is known.
	maxQueryBody = 2 << 20
)

// Chooser finds the role for what an engine was asked for.
type Chooser interface {
	// Choose returns the first of the roles that may do all of what stands in request, which is JSON as the engine sends it:
	// one query, several, or null where it cannot tell; "" if none may. It fails with a *QueryError, or with an
	// *issuer.Error where it cannot be judged. It is called concurrently.
	Choose(ctx context.Context, roles []string, request []byte) (string, error)
}

// QueryError says what is wrong with a query, in a sentence that repeats nothing of it.
type QueryError struct{ Text string }

// Error returns the sentence.
func (e *QueryError) Error() string { return e.Text }

// authenticateRoute answers an engine that has no roles in its clients' headers: the role follows from the query.
func (a *API) authenticateRoute() route {
	return route{
		path: pathAuthenticate, level: zerolog.InfoLevel, cors: noOrigin, refuse: a.refuseQuery,
		methods: []method{{http.MethodPost, a.authenticate}},
	}
}

// authenticate asks who is calling before it looks at the query, so that a stranger costs no more than the beginning of
// their request. The role is the first that the caller holds and that owns every root field, whatever the client wishes.
func (a *API) authenticate(w http.ResponseWriter, r *http.Request, e *entry) error {
	e.door = issuer.DoorAuthenticate
	if err := a.admit(r.Context(), e); err != nil {
		return err
	}
	body, err := a.openQuery(w, r)
	if err != nil {
		return err
	}
	token, err := body.token()
	if err != nil {
		return err
	}
	e.decision, err = a.exchanger.Decide(r.Context(), issuer.Request{
		SubjectToken: token, Reuse: true, Door: e.door, Address: text(e.origin.client), RequestID: e.requestID, TraceID: e.traceID,
	})
	e.decision.Role = "" // the default one, which may not be it
	if err != nil {
		return err
	}
	role, err := a.roleFor(r.Context(), body, e.decision)
	if err != nil {
		return err
	}
	e.decision.Role = role
	answer := appendMember([]byte{'{'}, "X-Hasura-User-Id", e.decision.ObjectID)
	writeSecret(w, http.StatusOK, append(appendMember(append(answer, ','), "X-Hasura-Role", role), '}'))
	return nil
}

// roleFor reads the query, and finds the role for it.
func (a *API) roleFor(ctx context.Context, body *queryBody, caller issuer.Decision) (string, error) {
	end, ok := a.queries.take(ctx, caller.TenantID+"."+caller.ObjectID)
	if !ok {
		return "", &issuer.Error{Reason: issuer.ReasonRateLimited, RetryAfter: time.Second, Err: errors.New("too many queries of the caller's are looked at already")}
	}
	defer end()
	request, err := body.request()
	if err != nil {
		return "", err
	}
	role, err := a.config.Chooser.Choose(ctx, caller.Roles, request)
	if _, wrong := errors.AsType[*QueryError](err); wrong {
		return "", &issuer.Error{Reason: issuer.ReasonBodyMalformed, Err: err}
	}
	if err == nil && role == "" {
		err = refuse(issuer.ReasonRoleNotGranted, "no role of the caller's owns all root fields of the query")
	}
	return role, err
}

// queryBody is a body that is read in two parts.
type queryBody struct {
	head []byte
	rest io.Reader
	fail func(error) error // what an error in reading means
}

// openQuery reads the beginning of a body, with the client's headers.
func (a *API) openQuery(w http.ResponseWriter, r *http.Request) (*queryBody, error) {
	rest, err := a.openBody(w, r, maxQueryBody)
	if err != nil {
		return nil, err
	}
	b := &queryBody{rest: rest, fail: func(err error) error { return notRead(w, err) }}
	if b.head, err = io.ReadAll(io.LimitReader(rest, maxHookHead)); err != nil {
		return nil, b.fail(err)
	}
	return b, nil
}

// token returns that of the client's one Authorization header.
func (b *queryBody) token() (string, error) {
	headers, err := headersIn(b.head, len(b.head) < maxHookHead)
	if err != nil {
		return "", &issuer.Error{Reason: issuer.ReasonBodyMalformed, Err: err}
	}
	return bearer(headers.authorization)
}

var errNoRequest = errors.New("the body is no JSON object with headers and request")

// request reads the rest, and returns what stands as request; nil where nothing does.
func (b *queryBody) request() ([]byte, error) {
	rest, err := io.ReadAll(b.rest)
	if err != nil {
		return nil, b.fail(err)
	}
	var body struct {
		Request jsontext.Value `json:"request"`
	}
	if err := json.Unmarshal(append(b.head, rest...), &body); err != nil {
		return nil, &issuer.Error{Reason: issuer.ReasonBodyMalformed, Err: errNoRequest} // the error itself may quote
	}
	return body.Request, nil
}

// refuseQuery writes what the engine may know: that the query is wrong (400), that the caller may not do it (401), or that
// this could not be told, which must not look like either.
func (a *API) refuseQuery(w http.ResponseWriter, err error) string {
	if wrong, ok := errors.AsType[*QueryError](err); ok {
		writeErrors(w, http.StatusBadRequest, wrong.Text)
		return string(issuer.ReasonBodyMalformed)
	}
	reason, wait := a.reasonOf(err)
	p := a.problems[reason]
	switch {
	case reason == issuer.ReasonBodyMalformed:
		writeErrors(w, http.StatusBadRequest, "the body is not one JSON object {\"headers\": {…}, \"request\": …} whose headers stand in its first 64 KiB")
	case p.status == http.StatusMethodNotAllowed, p.status == http.StatusRequestEntityTooLarge, p.status >= http.StatusInternalServerError,
		p.status == http.StatusTooManyRequests:
		setRetryAfter(w, p.status, wait)
		writeSecret(w, p.status, p.body)
	default:
		w.Header().Set("WWW-Authenticate", challenge(reason, p))
		writeSecret(w, http.StatusUnauthorized, []byte(strconv.Quote(http.StatusText(http.StatusUnauthorized))))
	}
	return string(reason)
}

func writeErrors(w http.ResponseWriter, status int, texts ...string) {
	writeSecret(w, status, mustMarshal(struct {
		Errors []string `json:"errors"`
	}{texts}))
}
