package hasura

import (
	"errors"
	"fmt"
	"net/http"
)

// Verdict is what an engine says to one request.
type Verdict struct {
	// Accepted says that the request is served, as Role and with the session variables of Session.
	Accepted bool
	Role     string
	// Session holds the session variables without the role. v2 knows strings only; a v3 value is any JSON value.
	Session map[string]any
	// HTTP is the status of a refusal. v2 answers /v1/graphql with 200 all the same, and other routes with this.
	HTTP int
	// Code is v2's errors[0].extensions.code; v3 has none.
	Code string
	// Message is the engine's sentence. Engines quote roles and claims in it, so it is not for logs.
	Message string
	// Unreadable says that a v2 engine cannot read the JWKS: one that starts exits, one that runs keeps the keys it has.
	Unreadable bool
}

// JWKSAnswer is what the key set's URL answered. Status 0 means 200.
type JWKSAnswer struct {
	URL    string
	Status int
	Body   []byte
}

func (a JWKSAnswer) failed() bool {
	return a.Status != 0 && (a.Status < http.StatusOK || a.Status >= http.StatusMultipleChoices)
}

// refusal is an engine's "no" on its way up to a Verdict.
type refusal struct {
	status  int
	code    string
	message string
}

func (r *refusal) Error() string { return r.message }

func refuse(status int, code, format string, args ...any) error {
	return &refusal{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// say makes an error that is an engine's own sentence.
func say(format string, args ...any) error {
	return refuse(http.StatusInternalServerError, "", format, args...)
}

// verdict joins the two ends of a judgement: who the caller is, or why not.
func verdict(role string, session map[string]any, err error) Verdict {
	if err == nil {
		return Verdict{Accepted: true, Role: role, Session: session}
	}
	v := Verdict{HTTP: http.StatusInternalServerError, Message: err.Error()}
	if r, ok := errors.AsType[*refusal](err); ok {
		v.HTTP, v.Code = r.status, r.code
	}
	return v
}
