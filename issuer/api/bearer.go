package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

// maxBearer is more than any subject token may have, so that nobody has to hash what cannot be one.
const maxBearer = 32 << 10

// bearer returns the token of an Authorization header (RFC 6750 §2.1), given all its values. There is one header, one
// scheme in whatever letters, one blank and one token: no proxy in front can have read another token out of it.
func bearer(values []string) (string, error) {
	switch len(values) {
	case 0:
		return "", refuse(issuer.ReasonParameterMissing, "there is no Authorization header")
	case 1:
	default:
		return "", refuse(issuer.ReasonParameterRepeated, "there is more than one Authorization header")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	switch {
	case !strings.EqualFold(scheme, "Bearer"):
		return "", refuse(issuer.ReasonParameterMissing, "the Authorization header is of another scheme than Bearer")
	case token == "" || !isToken68(token):
		return "", refuse(issuer.ReasonTokenMalformed, "the Authorization header is not one scheme, one blank and one token")
	case len(token) > maxBearer:
		return "", refuse(issuer.ReasonTokenTooLarge, "the bearer token is longer than 32 KiB")
	}
	return token, nil
}

// isToken68 tells whether a text has no other characters than a token68 (RFC 9110 §11.2).
func isToken68(text string) bool {
	for ; len(text) >= 4; text = text[4:] { // four at a time take half as long, and tokens are long
		if !token68[text[0]] || !token68[text[1]] || !token68[text[2]] || !token68[text[3]] {
			return false
		}
	}
	for i := range len(text) {
		if !token68[text[i]] {
			return false
		}
	}
	return true
}

var token68 = func() (set [256]bool) {
	for _, c := range "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-._~+/=" {
		set[c] = true
	}
	return set
}()

// challenge is the WWW-Authenticate header of who is refused for a reason (RFC 6750 §3). It names an error where a token came
// and was not good.
func challenge(reason issuer.Reason, p rendered) string {
	const realm = `Bearer realm="hasura-issuer"`
	unseen := []issuer.Reason{issuer.ReasonParameterMissing, issuer.ReasonParameterRepeated, issuer.ReasonBodyMalformed}
	if p.status != http.StatusBadRequest || p.code != invalidRequest || slices.Contains(unseen, reason) {
		return realm
	}
	return realm + `, error="invalid_token"`
}
