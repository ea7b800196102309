package api

import (
	"context"
	"net/http"
	"sync"
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
	if err := a.admitFrom(r.Context(), e, origin); err != nil {
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

// admitFrom is admit for who counts by where they come from. No more of one origin wait than its limit has room for, so that a flood from
// there takes no places in the queue from others each time that there is room for one.
func (a *API) admitFrom(ctx context.Context, e *entry, origin string) error {
	ahead, leave := a.waiting.enter(origin)
	defer leave()
	if err := a.exchanger.Shuts(ctx, origin, ahead); err != nil {
		return err
	}
	return a.admit(ctx, e)
}

// waiting counts those who wait, by their origin. It is safe for concurrent use.
type waiting struct {
	mu   sync.Mutex
	from map[string]int
}

// enter returns how many of the same origin have entered before and not left yet.
func (w *waiting) enter(origin string) (ahead int, leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.from == nil {
		w.from = map[string]int{}
	}
	ahead = w.from[origin]
	w.from[origin]++
	return ahead, func() { w.leave(origin) }
}

func (w *waiting) leave(origin string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.from[origin]--; w.from[origin] == 0 {
		delete(w.from, origin)
	}
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
