package hasura

import (
	"math"
	"slices"
	"time"
)

type v2Claims struct {
	issuer                    string
	audience                  []string
	expiry, notBefore, issued *float64
	all                       map[string]any
}

// readV2Claims decodes the registered claims (RFC 7519 §4.1); one of the wrong type spoils the token.
func readV2Claims(payload []byte) (v2Claims, error) {
	v, err := parseJSON(payload)
	if err != nil {
		return v2Claims{}, err
	}
	r := &reader{at: "$"}
	o := r.object(v, "JWT Claims Set")
	c := v2Claims{all: o, issuer: r.stringOrURI(o, "iss"), audience: r.audience(o, "aud")}
	c.expiry, c.notBefore, c.issued = r.number(o, "exp"), r.number(o, "nbf"), r.number(o, "iat")
	r.stringOrURI(o, "sub")
	r.text(o, "jti")
	return c, r.err
}

// checkClaims holds the claims against the settings. An absent one passes, unless extra_required_claims names it.
func (c V2Config) checkClaims(claims v2Claims, now time.Time) error {
	at, skew := float64(now.UnixNano())/1e9, c.skew.Seconds()
	ours := func(aud string) bool { return c.audience == nil || slices.Contains(c.audience, aud) }
	switch {
	case at >= or(claims.expiry, math.Inf(1))+skew:
		return invalidJWT("JWTExpired")
	case or(claims.issued, math.Inf(-1)) > at+skew:
		return invalidJWT("JWTIssuedAtFuture")
	case at < or(claims.notBefore, math.Inf(-1))-skew:
		return invalidJWT("JWTNotYetValid")
	case c.issuer != "" && has(claims.all, "iss") && claims.issuer != c.issuer:
		return invalidJWT("JWTNotInIssuer")
	case claims.audience == nil && c.audience != nil && slices.Contains(c.required, "audience"),
		claims.audience != nil && !slices.ContainsFunc(claims.audience, ours):
		return invalidJWT("JWTNotInAudience")
	}
	return nil
}

func or(v *float64, absent float64) float64 {
	if v == nil {
		return absent
	}
	return *v
}
