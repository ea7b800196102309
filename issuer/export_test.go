package issuer

import (
	"slices"
	"time"

	"github.com/hasura-issuer/hasura-issuer/bounded"
	"github.com/hasura-issuer/hasura-issuer/idp"
)

// The pure parts, for tests that ask them directly.
type (
	Terms       = terms
	Entitlement = entitlement
)

var (
	Entitle      = entitle
	ArrayLiteral = arrayLiteral
	IsVariable   = isVariable
	IsRole       = isRole
)

// NewTerms returns terms with the lifetime and session claims given.
func NewTerms(ttl time.Duration, claims ...SessionClaim) Terms {
	return terms{ttl: ttl, sessionClaims: claims}
}

// Form says how claims are written.
type Form struct {
	Issuer, Audience string
	Segments         []string
	Stringified      bool
	Arrays           ArrayFormat
}

// Payload writes claims.
func (f Form) Payload(subject idp.Subject, e Entitlement, jti string, now time.Time) ([]byte, error) {
	return form{f.Issuer, f.Audience, f.Segments, f.Stringified, f.Arrays}.payload(subject, e, jti, now)
}

// Remembered returns every text that is remembered of what was decided for a token, but for the token that was minted.
func (i *Issuer) Remembered(raw string) []string {
	e, _ := i.earlier.Get(bounded.KeyOf(raw))
	texts := slices.Clone(e.allowed.Roles)
	for name, value := range e.allowed.Session {
		texts = append(append(texts, name, value.Text()), value.List()...)
	}
	return texts
}
