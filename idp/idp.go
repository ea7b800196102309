// Package idp answers: who is calling? It takes access tokens of Microsoft Entra ID, versions 1.0 and 2.0, for users and
// for apps by themselves, and turns a good one into a Subject. "Refused" (TokenError) and "could not be judged"
// (ErrUnavailable) are different answers. It knows nothing of roles in Hasura, of routes and of what is done with the
// Subject, and it never logs.
package idp

import (
	"context"
	"errors"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp/internal/entrakeys"
)

// Verifier holds tokens against a Config. All methods may be called concurrently.
type Verifier struct {
	policy  policy
	tenants map[string]*entrakeys.Source // by id; never changes
	now     func() time.Time
}

// New checks the whole configuration and returns a Verifier. It does not connect: Run or Refresh fetches keys, and so
// does the first token. The error names every fault.
func New(config Config) (*Verifier, error) {
	now := config.Now
	if now == nil {
		now = time.Now
	}
	policy, policyErr := config.compile()
	tenants, tenantsErr := config.sources(now)
	if err := errors.Join(policyErr, tenantsErr); err != nil {
		return nil, err
	}
	return &Verifier{policy: policy, tenants: tenants, now: now}, nil
}

// Verify judges a token as it came from the caller, without "Bearer ". It returns a *TokenError when the token is
// refused, an error that is ErrUnavailable when it could not be judged, and no other. A token whose key is held is
// judged from memory; one that names an unknown key may wait for one shared fetch, five seconds at most, or until ctx ends.
func (v *Verifier) Verify(ctx context.Context, raw string) (Subject, error) {
	// 1. What can be told from the token alone. It costs a parse.
	t, err := parse(raw, v.policy.keep)
	if err != nil {
		return Subject{}, err
	}
	if err := t.meantForOthers(); err != nil {
		return Subject{}, err
	}
	// 2. Which key should have signed it, and did it? Only the key set is chosen by what the token says of itself.
	tenant, err := v.tenantOf(&t.claims)
	if err != nil {
		return Subject{}, err
	}
	set, key, err := keyFor(ctx, tenant, t)
	if err != nil {
		return Subject{}, err
	}
	if key.Verify(t.digest, t.signature) != nil {
		return Subject{}, refuse(ReasonSignatureInvalid, "the signature is not by the key that kid names")
	}
	// 3. From here on the claims are Entra's. Are they about now, from this tenant, and for us?
	c := &t.claims
	if err := c.unambiguous(); err != nil {
		return Subject{}, err
	}
	if err := c.timely(v.now(), v.policy.leeway); err != nil {
		return Subject{}, err
	}
	if err := c.issuedBy(set, key); err != nil {
		return Subject{}, err
	}
	// 4. May this kind of token come at all, and who is it?
	return v.policy.judge(c, tenant.Tenant(), set)
}
