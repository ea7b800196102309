package issuer

import (
	"fmt"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp"
)

// nobody is the object id, the tenant and the client of a sample.
const nobody = "00000000-0000-0000-0000-000000000000"

// Sample writes the claims of a token as an exchange at now would, for nobody: all its ids are zeros, and it holds one
// role that no grant gave. It is for who has the ring at hand and tries whether an engine takes our tokens. The role admin
// is refused: an engine would do whatever its bearer wants.
func (c Config) Sample(role, jti string, now time.Time) ([]byte, error) {
	segments, err := c.compile()
	if err != nil {
		return nil, err
	}
	if !isRole(role) || role == "admin" {
		return nil, fmt.Errorf("no sample can hold the role %q: it wants the form of a role, and not admin", role)
	}
	subject := idp.Subject{ObjectID: nobody, TenantID: nobody, ClientID: nobody}
	e := entitlement{Roles: []string{role}, Session: session(nil, subject, c.SessionClaims), Expiry: now.Add(c.TTL)}
	return c.form(segments).payload(subject, e, jti, now)
}
