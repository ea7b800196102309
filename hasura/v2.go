package hasura

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// V2 is what a v2 engine that has just read the key set says to a token sent where cfg wants it, with the role header
// unless role is "". It is ReadV2JWKS and Judge in one.
func V2(cfg V2Config, jwks []byte, token, role string, now time.Time) Verdict {
	keys, err := ReadV2JWKS(JWKSAnswer{URL: cfg.JWKURL, Body: jwks}, cfg.Quirks)
	if err != nil {
		return Verdict{Unreadable: true, Message: err.Error()}
	}
	return cfg.Judge(keys, cfg.location.request(token, role), now)
}

// Judge is what a v2 engine that holds these keys says to a request with these headers. Safe for concurrent use.
func (c V2Config) Judge(keys V2Keys, request http.Header, now time.Time) Verdict {
	token, found, err := c.token(request)
	if err == nil && !found {
		err = refuse(http.StatusBadRequest, "invalid-headers",
			"Missing 'Authorization' or 'Cookie' header in JWT authentication mode")
	}
	if err != nil {
		return verdict("", nil, err)
	}
	claims, err := c.verify(keys, token, now)
	if err != nil {
		return verdict("", nil, err)
	}
	return verdict(c.role(claims, request))
}

func (c V2Config) token(request http.Header) (token string, found bool, err error) {
	switch c.location.kind {
	case inCookie:
		for _, cookie := range (&http.Request{Header: request}).CookiesNamed(c.location.name) {
			return cookie.Value, true, nil
		}
		return "", false, nil
	case inHeader:
		values := request.Values(c.location.name)
		return request.Get(c.location.name), len(values) > 0, nil
	}
	if request.Values("Authorization") == nil {
		return "", false, nil
	}
	token, ok := bearer(request.Get("Authorization"))
	if !ok {
		err = refuse(http.StatusBadRequest, "invalid-headers", "Malformed Authorization header")
	}
	return token, true, err
}

func invalidJWT(format string, args ...any) error {
	return refuse(http.StatusBadRequest, "invalid-jwt", "Could not verify JWT: "+format, args...)
}

// verify checks a compact JWS as hs-jose does. kid is never read: every key is tried, in order. The claims are decoded
// before the signature is checked, and held against the settings after.
func (c V2Config) verify(keys V2Keys, token string, now time.Time) (map[string]any, error) {
	parts := strings.Split(token, ".")
	if issuer, ok := peekIssuer(parts); ok && c.issuer != "" && issuer != c.issuer {
		return nil, invalidJWT("JWTNotInIssuer")
	}
	if len(parts) != 3 {
		return nil, invalidJWT("JWSError (CompactDecodeError Invalid number of parts: Expected 3 parts; got %d)", len(parts))
	}
	raw := make([][]byte, len(parts))
	for i, part := range parts {
		var ok bool
		if raw[i], ok = base64url(part); !ok {
			return nil, invalidJWT("JWSError (JSONDecodeError \"Not valid base64url\")")
		}
	}
	alg, err := v2Header(raw[0])
	if err != nil {
		return nil, invalidJWT("JWSError (JSONDecodeError %q)", err)
	}
	claims, err := readV2Claims(raw[1])
	if err != nil {
		return nil, invalidJWT("JWTClaimsSetDecodeError %q", err)
	}
	input := []byte(parts[0] + "." + parts[1])
	switch {
	case alg == "none":
		return nil, invalidJWT("JWSError JWSNoSignatures")
	case len(keys.keys) == 0:
		return nil, invalidJWT("JWSError NoUsableKeys")
	case !slices.ContainsFunc(keys.keys, func(k publicKey) bool { return k.verifies(alg, input, raw[2]) }):
		return nil, invalidJWT("JWSError JWSInvalidSignature")
	}
	return claims.all, c.checkClaims(claims, now)
}

// peekIssuer reads the issuer of a token nobody has verified, by which v2 picks among several secrets.
func peekIssuer(parts []string) (string, bool) {
	if len(parts) < 3 {
		return "", false
	}
	payload, ok := base64url(parts[1])
	if !ok {
		return "", false
	}
	claims, err := readV2Claims(payload)
	return claims.issuer, err == nil && has(claims.all, "iss")
}

// v2Header returns the algorithm; hs-jose wants every registered member to be well formed and knows no critical ones.
func v2Header(data []byte) (string, error) {
	v, err := parseJSON(data)
	if err != nil {
		return "", err
	}
	r := &reader{at: "$"}
	o := r.object(v, "JWSHeader")
	alg := r.oneOf(o, "alg", strings.Fields(v2Signatures)...)
	if alg == "" {
		r.fail("", `missing required header "alg"`)
	}
	for _, name := range []string{"kid", "typ", "cty"} {
		r.text(o, name)
	}
	r.thumbprints(o)
	if has(o, "crit") {
		r.fail("", "unsupported or invalid crit")
	}
	return alg, r.err
}
