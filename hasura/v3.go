package hasura

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"
)

// V3 is what a v3 engine says to a token sent where cfg wants it, with the role header unless role is "", when its fetch
// of the key set answers with jwks.
func V3(cfg V3Config, jwks []byte, token, role string, now time.Time) Verdict {
	return cfg.Judge(JWKSAnswer{URL: cfg.JWKURL, Body: jwks}, cfg.location.request(token, role), now)
}

// Judge is what a v3 engine says to a request with these headers, when its fetch of the key set, one per request,
// answers so. Safe for concurrent use.
func (c V3Config) Judge(jwks JWKSAnswer, request http.Header, now time.Time) Verdict {
	return verdict(c.judge(jwks, request, now))
}

func (c V3Config) judge(jwks JWKSAnswer, request http.Header, now time.Time) (string, map[string]any, error) {
	token, err := c.token(request)
	if err != nil {
		return "", nil, err
	}
	keys, err := ReadV3JWKS(jwks)
	if err != nil {
		return "", nil, err
	}
	claims, err := c.verify(keys, token, now)
	if err != nil {
		return "", nil, err
	}
	return c.role(claims, request)
}

func badRequest(format string, args ...any) error {
	return refuse(http.StatusBadRequest, "", format, args...)
}

func (c V3Config) token(request http.Header) (string, error) {
	name := "Authorization"
	if c.location.kind == inHeader {
		name = c.location.name
	}
	values := request.Values(name)
	switch {
	case c.location.kind == inCookie:
		return c.cookie(request)
	case len(values) == 0:
		return "", badRequest("JWT Authorization token source: Header name %s not found.", name)
	case c.location.kind == inHeader:
		return values[0], nil
	}
	token, ok := bearer(values[0])
	if !ok {
		return "", badRequest("Error in parsing the Authorization header: The `Authorization` header is expected to be " +
			"in the format of `Bearer <JWT>`")
	}
	return token, nil
}

// cookie looks at the first pair of the Cookie header only.
func (c V3Config) cookie(request http.Header) (string, error) {
	values := request.Values("Cookie")
	if len(values) == 0 {
		return "", badRequest("JWT Authorization token source: Cookie header not found")
	}
	first, _, _ := strings.Cut(values[0], ";")
	name, value, ok := strings.Cut(first, "=")
	switch {
	case !ok:
		return "", badRequest("Error in parsing the Cookie header value: the cookie is missing a name/value pair")
	case strings.TrimSpace(name) != c.location.name:
		return "", badRequest("JWT Authorization token source: cookie name %s not found in the Cookie header", c.location.name)
	}
	return strings.TrimSpace(value), nil
}

// verify checks a compact JWS as jsonwebtoken 9 does: the key by kid, then the signature, then the claims.
func (c V3Config) verify(keys V3Keys, token string, now time.Time) (any, error) {
	parts := strings.Split(token, ".")
	if len(parts) < 3 {
		return nil, badRequest("Error decoding the `Authorization` header - InvalidToken")
	}
	last := len(parts) - 1
	head, payload, tail := strings.Join(parts[:last-1], "."), parts[last-1], parts[last]
	alg, kid, err := v3Header(head)
	if err != nil {
		return nil, err
	}
	o, ok := keys.find(kid)
	if !ok {
		return nil, internalError("No matching JWK found for the given kid: %s", kid)
	}
	key, err := v3PublicKey(o)
	if err != nil {
		return nil, err
	}
	signature, ok := canonical64(tail)
	switch {
	case !slices.Contains(v3Accepts(key.family), alg):
		return nil, internalError("Error while decoding the JWT: InvalidAlgorithm")
	case !ok:
		return nil, internalError("Error while decoding the JWT: Base64 error")
	case !key.verifies(alg, []byte(head+"."+payload), signature):
		return nil, badRequest("JWT validation error: InvalidSignature")
	}
	data, ok := canonical64(payload)
	claims, err := parseJSON(data)
	object, isObject := claims.(map[string]any)
	if !ok || err != nil || !isObject {
		return nil, internalError("Error while decoding the JWT: JSON error")
	}
	return claims, c.checkClaims(object, now)
}

func v3Header(part string) (alg, kid string, err error) {
	data, ok := canonical64(part)
	v, err := parseJSON(data)
	r := &reader{}
	o := r.object(v, "Header")
	for _, name := range []string{"typ", "cty", "jku", "kid", "x5u", "x5t", "x5t#S256"} {
		r.text(o, name)
	}
	alg = r.oneOf(o, "alg", strings.Fields("HS256 HS384 HS512 ES256 ES384 RS256 RS384 RS512 PS256 PS384 PS512 EdDSA")...)
	if !ok || err != nil || r.err != nil || alg == "" {
		return "", "", badRequest("Error decoding the `Authorization` header - JSON error")
	}
	if !has(o, "kid") {
		return "", "", badRequest("`kid` (Key ID) header claim not found in the header")
	}
	return alg, r.text(o, "kid"), nil
}

// checkClaims looks at exp, iss and aud alone. exp must be a number; iss and aud of a wrong type count as absent.
func (c V3Config) checkClaims(claims map[string]any, now time.Time) error {
	n, _ := claims["exp"].(json.Number)
	expiry, err := n.Float64()
	issuers, hasIssuer := oneOrMany(claims["iss"])
	audience, hasAudience := oneOrMany(claims["aud"])
	ours := func(aud string) bool { return slices.Contains(c.audience, aud) }
	switch {
	case err != nil || expiry < 0:
		return badRequest("JWT validation error: Missing required claim: exp")
	case math.Round(expiry) < float64(now.Unix())-c.leeway.Seconds():
		return badRequest("JWT validation error: ExpiredSignature")
	case c.issuer != "" && hasIssuer && !slices.Contains(issuers, c.issuer):
		return badRequest("JWT validation error: InvalidIssuer")
	case !c.AudienceOptional && hasAudience && !slices.ContainsFunc(audience, ours):
		return badRequest("JWT validation error: InvalidAudience")
	}
	return nil
}

func oneOrMany(v any) ([]string, bool) {
	if s, ok := v.(string); ok {
		return []string{s}, true
	}
	return texts(v)
}
