// Package idp answers: who is calling? It takes access tokens of Microsoft Entra ID, versions 1.0 and 2.0, for users and
// for apps by themselves, and turns a good one into a Subject. "Refused" (TokenError) and "could not be judged"
// (ErrUnavailable) are different answers. It knows nothing of roles in Hasura, of routes and of what is done with the
// Subject, and it never logs.
package idp

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/hasura-issuer/hasura-issuer/bounded"
)

// Verifier holds tokens against a Config. All methods may be called concurrently.
type Verifier struct {
	policy  policy
	sources sources // never change
	seen    *bounded.Cache[*verified]
	known   atomic.Uint64 // tokens that were in seen
	unknown atomic.Uint64 // those that were not
	now     func() time.Time
}

// New checks the whole configuration and returns a Verifier. It does not connect: Run or Refresh fetches keys, and so
// does the first token. The error names every fault.
func New(config Config) (*Verifier, error) {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.HTTPClient == nil {
		config.HTTPClient = NewHTTPClient()
	}
	policy, policyErr := config.compile()
	sources, sourcesErr := config.sources()
	if err := errors.Join(policyErr, sourcesErr); err != nil {
		return nil, err
	}
	seen := bounded.New[*verified](config.CacheSize, config.CacheSize*bytesPerToken)
	return &Verifier{policy: policy, sources: sources, seen: seen, now: config.Now}, nil
}

// Verify judges a token as it came from the caller, without "Bearer ". It returns a *TokenError when the token is
// refused, an error that is ErrUnavailable when it could not be judged, and no other. A token whose key is held is
// judged from memory; one that names an unknown key may wait for one shared fetch, five seconds at most, or until ctx
// ends. The Subject is the caller's own.
func (v *Verifier) Verify(ctx context.Context, raw string) (Subject, error) {
	if len(raw) > maxToken {
		return Subject{}, refuse(ReasonTokenTooLarge, "longer than 32 KiB")
	}
	if v.seen == nil {
		found, err := v.examine(ctx, raw)
		return found.subject, err
	}
	id := bounded.KeyOf(raw)
	if known, ok := v.recall(id); ok {
		v.known.Add(1)
		return known, nil
	}
	v.unknown.Add(1)
	found, err := v.examine(ctx, raw)
	if err != nil {
		return Subject{}, err
	}
	kept := found
	kept.subject = found.subject.apart()
	v.seen.Put(id, &kept, kept.size())
	return found.subject, nil
}

// examine judges a token from the beginning. Only what it returns without an error may be remembered.
func (v *Verifier) examine(ctx context.Context, raw string) (verified, error) {
	// 1. What can be told from the token alone. It costs a parse.
	t, err := parse(raw, v.policy.keep)
	if err != nil {
		return verified{}, err
	}
	if err := t.meantForOthers(); err != nil {
		return verified{}, err
	}
	// 2. Which key should have signed it, and did it? Only the key set is chosen by what the token says of itself.
	source, err := v.sources.of(&t.claims)
	if err != nil {
		return verified{}, err
	}
	set, key, err := keyFor(ctx, source, t)
	if err != nil {
		return verified{}, err
	}
	if key.Verify(t.digest, t.signature) != nil {
		return verified{}, refuse(ReasonSignatureInvalid, "the signature is not by the key that kid names")
	}
	// 3. From here on the claims are Entra's. Are they about now, from this tenant, and for us?
	c := &t.claims
	if err := c.unambiguous(); err != nil {
		return verified{}, err
	}
	life, err := c.lifetime()
	if err != nil {
		return verified{}, err
	}
	if err := life.holds(v.now(), v.policy.leeway); err != nil {
		return verified{}, err
	}
	if err := c.issuedBy(set, key); err != nil {
		return verified{}, err
	}
	// 4. May this kind of token come at all, and who is it?
	subject, err := v.policy.judge(c, source.Tenant(), set)
	return verified{subject: subject, life: life, source: source, key: key}, err
}
