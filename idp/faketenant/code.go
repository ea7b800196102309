package faketenant

import (
	"crypto/sha256"
	"encoding/base64"
)

// authorizationCode redeems what a person brought back from the sign-in page (RFC 6749 section 4.1.3, RFC 7636).
func (t *Tenant) authorizationCode(r tokenRequest) (tokenAnswer, error) {
	if err := t.mayRedeem(r); err != nil {
		return tokenAnswer{}, err
	}
	if r.param("code") == "" {
		return tokenAnswer{}, parameterMissing.because("code")
	}
	grant, known := t.sessions.redeem(r.param("code"))
	sum := sha256.Sum256([]byte(r.param("code_verifier")))
	switch {
	case !known || grant.client != r.client.ID || grant.tid != r.tid:
		return tokenAnswer{}, grantInvalid
	case grant.redeemed:
		return tokenAnswer{}, codeRedeemed
	case !t.now().Before(grant.expires):
		return tokenAnswer{}, grantExpired
	case grant.redirect != r.param("redirect_uri"):
		return tokenAnswer{}, redirectDiffers.because(r.param("redirect_uri"), grant.redirect)
	case grant.challenge != "" && grant.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
		return tokenAnswer{}, verifierWrong
	}
	return t.answerPerson(r, grant.signIn, grant.nonce)
}

// refreshToken renews a sign-in (RFC 6749 section 6). Each answer has a new token; the old one stays good, as with Entra.
// One that a page got ends a day after the person signed in, however often it was renewed.
func (t *Tenant) refreshToken(r tokenRequest) (tokenAnswer, error) {
	if err := t.mayRedeem(r); err != nil {
		return tokenAnswer{}, err
	}
	if r.param("refresh_token") == "" {
		return tokenAnswer{}, parameterMissing.because("refresh_token")
	}
	of, known := t.sessions.refreshToken(r.param("refresh_token"))
	switch {
	case !known || of.client != r.client.ID || of.tid != r.tid:
		return tokenAnswer{}, grantInvalid
	case !t.now().Before(of.until) && r.client.Platform == PlatformSPA:
		return tokenAnswer{}, pageExpired
	case !t.now().Before(of.until):
		return tokenAnswer{}, grantExpired
	}
	return t.answerPerson(r, of, "")
}

// mayRedeem holds the app's platform against the request: pages redeem across origins, as a browser's Origin header shows,
// and nobody else does; a server shows a credential.
func (t *Tenant) mayRedeem(r tokenRequest) error {
	origin := r.Header.Get("Origin")
	switch {
	case r.client.Platform == PlatformSPA && origin == "":
		return onlyCrossOrigin
	case r.client.Platform != PlatformSPA && origin != "":
		return notCrossOrigin.because(origin)
	case r.client.Platform == PlatformWeb && r.acr == acrNone:
		return credentialMissing
	}
	return nil
}

// answerPerson answers with tokens of the person who signed in. People consent at the sign-in page, so that every
// permission that exists is granted.
func (t *Tenant) answerPerson(r tokenRequest, of signIn, nonce string) (tokenAnswer, error) {
	w, err := t.wishOf(r.param("scope"))
	if err != nil {
		return tokenAnswer{}, err
	}
	scopes, err := t.granted(r.client, w, false)
	if err != nil {
		return tokenAnswer{}, err
	}
	id, known := t.identity(of.oid)
	if !known {
		return tokenAnswer{}, grantInvalid
	}
	a := t.answer(id, errand{r.tid, r.client.ID, r.acr, w.audience, scopes}, w)
	t.addPerson(&a, r, w, id, of, nonce)
	return a, nil
}

// addPerson adds what only people's answers have, each thing as far as it was asked for.
func (t *Tenant) addPerson(a *tokenAnswer, r tokenRequest, w wish, id identity, of signIn, nonce string) {
	if w.asks("openid") {
		a.IDToken = t.idToken(id, of, nonce)
	}
	if w.asks("offline_access") {
		a.RefreshToken = t.sessions.newRefreshToken(of)
		if r.client.Platform == PlatformSPA {
			a.RefreshExpiresIn = int64(of.until.Sub(t.now()).Seconds())
		}
	}
	if r.param("client_info") == "1" {
		a.ClientInfo = clientInfo(id, of.tid)
	}
}

func clientInfo(id identity, tid string) string {
	return base64.RawURLEncoding.EncodeToString(mustJSON(map[string]string{"uid": id.ObjectID, "utid": tid}))
}

// idToken is for the client itself: with a sub of its own, and without permissions.
func (t *Tenant) idToken(id identity, of signIn, nonce string) string {
	full := t.v2Claims(id, errand{of.tid, of.client, acrNone, of.client, nil})
	claims := map[string]any{}
	for _, name := range []string{"aud", "iss", "iat", "nbf", "exp", "aio", "name", "oid", "preferred_username", "rh", "sub", "tid", "uti", "ver", "idp", "email", "sid"} {
		if value, there := full[name]; there {
			claims[name] = value
		}
	}
	if nonce != "" {
		claims["nonce"] = nonce
	}
	return t.Sign(claims)
}
