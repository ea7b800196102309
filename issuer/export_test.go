package issuer

import "time"

// The pure parts, for tests that ask them directly.
type (
	Terms       = terms
	Entitlement = entitlement
)

var (
	Entitle      = entitle
	ArrayLiteral = arrayLiteral
)

// NewTerms returns terms with the lifetime and session claims given.
func NewTerms(ttl time.Duration, claims ...SessionClaim) Terms {
	return terms{ttl: ttl, sessionClaims: claims}
}
