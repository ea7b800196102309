package api

import (
	"net/http"
	"time"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

const pathToken = "/oauth2/token" //nolint:gosec // G101: a path, not a credential

// The names that RFC 8693 §2.1 and §3 give to the grant and to kinds of tokens.
const (
	grantTokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange" //nolint:gosec // G101: a name, not a credential
	typeAccessToken    = "urn:ietf:params:oauth:token-type:access_token"   //nolint:gosec // G101: a name, not a credential
	typeJWT            = "urn:ietf:params:oauth:token-type:jwt"            //nolint:gosec // G101: a name, not a credential
)

// exchange answers POST /oauth2/token (RFC 8693 §2).
func (a *API) exchange(w http.ResponseWriter, r *http.Request, e *entry) error {
	e.door = issuer.DoorToken
	if err := a.knownOrigin(r); err != nil {
		return err
	}
	origin := e.origin.network()
	if err := a.exchanger.Shuts(r.Context(), origin); err != nil { // before it takes a place in the queue from somebody
		return err
	}
	if err := a.admit(r.Context(), e); err != nil {
		return err
	}
	wish, err := a.readWish(w, r)
	if err != nil {
		return err
	}
	decision, err := a.exchanger.Exchange(r.Context(), issuer.Request{
		SubjectToken: wish.subjectToken, Scope: wish.scope, Audience: wish.audience,
		Door: e.door, Address: text(e.origin.client), Origin: origin, RequestID: e.requestID, TraceID: e.traceID,
	})
	e.decision = decision
	if err != nil {
		return err
	}
	if decision.Token == "" {
		return errNoToken
	}
	writeSecret(w, http.StatusOK, mustMarshal(grantedOf(decision, wish.tokenType)))
	return nil
}

// granted is the answer of RFC 8693 §2.2.1. The scope is always there, since it may be less than what a client hopes for.
type granted struct {
	AccessToken     string `json:"access_token"`
	IssuedTokenType string `json:"issued_token_type"`
	TokenType       string `json:"token_type"`
	ExpiresIn       int64  `json:"expires_in"`
	Scope           string `json:"scope"`
}

func grantedOf(d issuer.Decision, tokenType string) granted {
	return granted{
		AccessToken: d.Token, IssuedTokenType: tokenType, TokenType: "Bearer",
		ExpiresIn: int64(d.Lifetime / time.Second), Scope: joinRoles(d.Roles),
	}
}
