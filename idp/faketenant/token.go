package faketenant

import (
	"net/http"
	"strings"
)

const (
	grantClientCredentials = "client_credentials"
	grantOnBehalfOf        = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	grantCode              = "authorization_code"
	grantRefreshToken      = "refresh_token"
	maxForm                = 128 << 10
)

// tokenRequest is a request to the token endpoint that got as far as its grant.
type tokenRequest struct {
	*http.Request
	tid    string
	client registration
	acr    string
}

func (r tokenRequest) param(name string) string { return r.PostForm.Get(name) }

// tokenAnswer is Entra's, with its members in its order.
type tokenAnswer struct {
	TokenType        string `json:"token_type"`
	Scope            string `json:"scope,omitempty"`
	ExpiresIn        int64  `json:"expires_in"`
	ExtExpiresIn     int64  `json:"ext_expires_in"`
	RefreshIn        int64  `json:"refresh_in,omitempty"`
	AccessToken      string `json:"access_token"`
	RefreshToken     string `json:"refresh_token,omitempty"`
	RefreshExpiresIn int64  `json:"refresh_token_expires_in,omitempty"`
	IDToken          string `json:"id_token,omitempty"`
	ClientInfo       string `json:"client_info,omitempty"`
}

// token is the token endpoint.
func (t *Tenant) token(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		t.refuse(w, r, methodWrong)
		return
	}
	w.Header().Set("X-Ms-Request-Id", guid())
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	answer, err := t.grant(r)
	if err != nil {
		t.refuse(w, r, asRefusal(err))
		return
	}
	write(w, http.StatusOK, "no-store, no-cache", answer)
}

// grant answers a request.
func (t *Tenant) grant(r *http.Request) (tokenAnswer, error) {
	if err := r.ParseForm(); err != nil {
		return tokenAnswer{}, requestMalformed
	}
	segment, kind := r.PathValue("tid"), r.PostForm.Get("grant_type")
	handlers := map[string]func(tokenRequest) (tokenAnswer, error){
		grantClientCredentials: t.clientCredentials,
		grantOnBehalfOf:        t.onBehalfOf,
		grantCode:              t.authorizationCode,
		grantRefreshToken:      t.refreshToken,
		grantDeviceCode:        t.deviceCode,
		grantDeviceOld:         t.deviceCode,
	}
	handle, known := handlers[kind]
	switch {
	case kind == "":
		return tokenAnswer{}, parameterMissing.because("grant_type")
	case !known:
		return tokenAnswer{}, grantUnknown.because(kind)
	}
	app, acr, err := t.client(r, segment)
	if err != nil {
		return tokenAnswer{}, err
	}
	tid, err := t.directoryOf(segment, app)
	if err != nil {
		return tokenAnswer{}, err
	}
	return handle(tokenRequest{r, tid, app, acr})
}

// clientCredentials is for programs that speak for themselves (RFC 6749 section 4.4).
func (t *Tenant) clientCredentials(r tokenRequest) (tokenAnswer, error) {
	if r.acr == acrNone {
		return tokenAnswer{}, credentialMissing
	}
	w, err := t.wishOf(r.param("scope"))
	switch {
	case err != nil:
		return tokenAnswer{}, err
	case !w.isDefault():
		return tokenAnswer{}, scopeNotDefault.because(r.param("scope"))
	}
	id := identity{Persona: Persona{ObjectID: r.client.ObjectID}, extra: map[string]any{"idtyp": "app"}}
	switch w.app {
	case graphAppID:
		id.AppRoles = r.client.GraphRoles
	case APIClientID:
		id.AppRoles = r.client.APIRoles
	}
	return t.answer(id, errand{r.tid, r.client.ID, r.acr, w.audience, nil}, w), nil
}

// answer mints what was asked for.
func (t *Tenant) answer(id identity, e errand, w wish) tokenAnswer {
	token, claims := t.mint(id, e, w.app)
	life := claims["exp"].(int64) - t.now().Unix()
	a := tokenAnswer{TokenType: "Bearer", ExpiresIn: life - 1, ExtExpiresIn: life - 1, AccessToken: token}
	if life >= 2*60*60 {
		a.RefreshIn = life/2 - 1
	}
	if !id.program() {
		var full []string
		for _, scope := range e.scopes {
			full = append(full, w.prefix+scope)
		}
		a.Scope = strings.Join(full, " ")
	}
	return a
}
