package apptoken

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hasura-issuer/hasura-issuer/idp/graph/internal/wire"
	"github.com/hasura-issuer/hasura-issuer/idp/internal/aadsts"
	"github.com/hasura-issuer/hasura-issuer/idp/internal/strict"
)

const (
	entra   = "Entra's sign-in"
	machine = "the machine's identity endpoint"
)

// notAzure is what to do where that endpoint says nothing that a machine of Azure's would.
const notAzure = "no machine of Azure's answers here: a managed identity is there on Azure only, and has to be assigned to the " +
	"machine; elsewhere set another credential"

// signIn returns a token, and when it ends.
func (s *Source) signIn(ctx context.Context, tenant string, anew bool) (string, time.Time, *wire.Problem) {
	via := &courier{client: s.Client, now: s.Now, who: entra}
	value, ends, err := s.Credential.token(ctx, via, tenant, s.Scope, anew)
	if err == nil && value != "" {
		return value, ends, nil
	}
	if problem, ok := errors.AsType[*wire.Problem](err); ok {
		return "", time.Time{}, problem
	}
	if via.problem != nil {
		return "", time.Time{}, via.problem
	}
	return "", time.Time{}, wire.Misread(via.who, "the answers are not those of the tenant's sign-in, or hold no token")
}

// courier carries the requests of one sign-in for MSAL-go, which would read answers of any length, follow documents to
// any host, and put what it read into its errors. It notes what went wrong in words that are fit to be shown.
type courier struct {
	client  *http.Client
	now     func() time.Time
	who     string        // is asked
	home    wire.Base     // the only host that may be asked; zero: any, for a managed identity's endpoints
	problem *wire.Problem // with the last request; nil when it was answered well
}

// Do implements MSAL-go's HTTPClient.
func (v *courier) Do(request *http.Request) (*http.Response, error) {
	v.problem = nil
	if v.home != (wire.Base{}) && !v.home.Holds(request.URL, "/") {
		v.problem = wire.Misread(v.who, "the tenant's documents lead to another host than the authority")
		return nil, v.problem
	}
	answer, problem := wire.Exchange(v.client, request, v.who)
	if problem == nil {
		v.problem = v.judge(answer)
	} else {
		v.problem = problem
	}
	if v.who == machine && v.problem != nil && v.problem.Code == "" {
		v.problem.Hint = notAzure
	}
	if problem != nil {
		return nil, problem
	}
	return &http.Response{StatusCode: answer.Status, Header: answer.Header, Body: io.NopCloser(bytes.NewReader(answer.Body))}, nil
}

// CloseIdleConnections implements MSAL-go's HTTPClient. The connections are not its.
func (v *courier) CloseIdleConnections() {}

// judge says what is wrong with an answer. One that names an error is none, even with status 200.
func (v *courier) judge(answer wire.Answer) *wire.Problem {
	problem := wire.Answered(v.who, answer, v.now())
	refused := false
	err := strict.Object(answer.Body, func(name string, value jsontext.Value) error {
		refused = refused || name == "error"
		explain(problem, name, value)
		return nil
	})
	switch {
	case answer.Status != http.StatusOK || refused:
		return problem
	case err != nil:
		return wire.Misread(v.who, "the answer is no JSON object")
	default:
		return nil
	}
}

// explain takes in a member of an OAuth error (RFC 6749 section 5.2) with Entra's additions. A number says more than an
// error's name.
func explain(problem *wire.Problem, name string, value jsontext.Value) {
	text, _ := strict.Text(value)
	switch name {
	case "error":
		if problem.Code == "" && errorNames[text] {
			problem.Code = text
		}
	case "error_description":
		if code, cure := aadsts.Find(text); code != "" {
			problem.Code, problem.Hint = code, cure
		}
	case "trace_id":
		problem.Trace = wire.Trace(text)
	}
}
