package faketenant

import "strings"

// onBehalfOf is for an API that calls another one in the name of the person who called it (RFC 7523 section 2.1). The
// assertion is the token that it was called with.
func (t *Tenant) onBehalfOf(r tokenRequest) (tokenAnswer, error) {
	switch {
	case r.acr == acrNone:
		return tokenAnswer{}, credentialMissing
	case r.param("assertion") == "":
		return tokenAnswer{}, parameterMissing.because("assertion")
	case r.param("requested_token_use") != "on_behalf_of":
		return tokenAnswer{}, parameterMissing.because("requested_token_use")
	}
	claims, err := t.checkUser(r)
	if err != nil {
		return tokenAnswer{}, err
	}
	w, err := t.wishOf(r.param("scope"))
	if err != nil {
		return tokenAnswer{}, err
	}
	scopes, err := t.granted(r.client, w, true)
	if err != nil {
		return tokenAnswer{}, err
	}
	id, known := t.identity(text(claims, "oid"))
	if !known { // a token that a test signed for somebody else
		id = identity{Persona{ObjectID: text(claims, "oid")}, text(claims, "name"), text(claims, "preferred_username"), nil}
	}
	a := t.answer(id, errand{r.tid, r.client.ID, r.acr, w.audience, scopes}, w)
	t.addPerson(&a, r, w, id, signIn{id.ObjectID, r.tid, r.client.ID, t.now().Add(refreshLife)}, "")
	return a, nil
}

// checkUser judges the assertion: a token of ours, of a person, for the app that shows it.
func (t *Tenant) checkUser(r tokenRequest) (map[string]any, error) {
	claims, err := t.verify(r.param("assertion"))
	switch {
	case err != nil:
		return nil, assertionInvalid.because("The key was not found, or the signature does not match.")
	case t.expired(claims):
		return nil, assertionTime
	case text(claims, "idtyp") == "app":
		return nil, assertionOfApp.because(r.client.ID)
	case !strings.EqualFold(strings.TrimPrefix(text(claims, "aud"), "api://"), r.client.ID):
		return nil, assertionAudience.because(text(claims, "aud"), r.client.ID)
	case text(claims, "scp") == "":
		return nil, assertionIsID
	case text(claims, "tid") != r.tid:
		return nil, assertionInvalid.because("The token's issuer does not match.")
	}
	return claims, nil
}
