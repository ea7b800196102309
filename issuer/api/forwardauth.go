package api

import (
	"errors"
	"net/http"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

const pathForwardAuth = "/forward-auth"

// forwardAuth tells a gateway whether a request may pass, whatever its method, and with which token instead of the one it
// came with. Nothing of the request but that token is looked at, and nothing of it is in the answer.
func (a *API) forwardAuth(w http.ResponseWriter, r *http.Request, e *entry) error {
	e.door = issuer.DoorForwardAuth
	if err := a.admit(r.Context(), e); err != nil {
		return err
	}
	token, err := bearer(r.Header["Authorization"])
	if err != nil {
		return err
	}
	request := issuer.Request{
		SubjectToken: token, Reuse: true, Door: e.door, Address: text(e.origin.client), RequestID: e.requestID, TraceID: e.traceID,
	}
	if e.origin.forwarded { // the peer is the gateway, behind which everybody is
		request.Origin = e.origin.network()
	}
	decision, err := a.exchanger.Exchange(r.Context(), request)
	e.decision = decision
	if err != nil {
		return err
	}
	if decision.Token == "" {
		return errNoToken
	}
	header := w.Header()
	header["Authorization"], header["Cache-Control"], header["Content-Length"] = []string{"Bearer " + decision.Token}, noStore, empty
	w.WriteHeader(http.StatusOK)
	return nil
}

// errNoToken is for an Exchanger that breaks its promise.
var errNoToken = errors.New("the exchange returned neither a token nor an error")

// gatewayStatus gives a problem one of the few statuses that gateways can tell apart: another token would help (401), none
// would (403), or not now (429, 503).
func gatewayStatus(p rendered) int {
	switch {
	case p.status == http.StatusForbidden, p.status == http.StatusTooManyRequests, p.status == http.StatusServiceUnavailable:
		return p.status
	case p.status >= http.StatusInternalServerError:
		return http.StatusServiceUnavailable
	case p.code == invalidScope: // the caller is known, and has too many roles for a token
		return http.StatusForbidden
	}
	return http.StatusUnauthorized
}
