package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Sign returns the payload's bytes as a compact JWS (RFC 7515 §7.1) with the
// header {"alg","kid","typ":"JWT"}, and the kid of the key, which is in the key
// set that JWKS returns. It does no I/O. ErrUnavailable: see there.
func (r *Ring) Sign(ctx context.Context, payload []byte) (jws, kid string, err error) {
	if err := ctx.Err(); err != nil {
		return "", "", err
	}
	now := r.config.Now()
	v, err := r.current(now)
	if err != nil {
		return "", "", err
	}
	if err := v.clock.clockOff(now); err != nil {
		return "", "", err
	}
	if v.signer == nil {
		return "", "", fmt.Errorf("%w: no key is left to sign", ErrUnavailable)
	}
	jws, err = v.signer.Sign(payload)
	if err != nil {
		return "", "", err
	}
	return jws, v.signer.Public().KID, nil
}

// JWKS returns the key set for a relying party ("" or a name that is not among
// RingConfig.Parties: for anybody), a JSON document (RFC 7517 §5) that is never empty,
// and its strong entity tag, quoted (RFC 9110 §8.8.3). The same ring gives the
// same bytes on every replica. The caller must not alter them. It does no I/O.
// ErrUnavailable: see there.
func (r *Ring) JWKS(party string) (body []byte, etag string, err error) {
	now := r.config.Now()
	v, err := r.current(now)
	if err != nil {
		return nil, "", err
	}
	r.parties.fetched(party, v, now)
	return v.body, v.etag, nil
}

// Holds tells whether a token that the key named kid has signed may still be
// handed out: the key is in the key set, so it was not revoked, and Sign would
// not refuse for want of a ring or for the clock. It does no I/O.
func (r *Ring) Holds(kid string) bool {
	now := r.config.Now()
	v, err := r.current(now)
	return err == nil && v.clock.clockOff(now) == nil && slices.Contains(v.kids, kid)
}

// Health returns nil when all is well, from memory. An error is a sentence for
// operators: the ring may still serve, until it returns ErrUnavailable itself.
func (r *Ring) Health() error {
	now := r.config.Now()
	v, err := r.current(now)
	if failed := r.failed.Load(); failed != nil && *failed != nil {
		return *failed
	}
	if err != nil {
		return err
	}
	if err := v.clock.clockOff(now); err != nil {
		return err
	}
	if v.signer == nil || v.pending == 0 {
		return errors.New("no next key is published: nobody has rotated in time")
	}
	return nil
}

// current returns the view at now, moving it on where its time is over. Two
// callers may both do that, and come to the same.
func (r *Ring) current(now time.Time) (*view, error) {
	v := r.view.Load()
	if v == nil {
		return nil, fmt.Errorf("%w: no ring has been loaded yet", ErrUnavailable)
	}
	if err := v.stale(now); err != nil {
		return nil, err
	}
	at := v.clock.at(now)
	if v.until.IsZero() || at.Before(v.until) {
		return v, nil
	}
	moved, err := v.view(at)
	if err != nil {
		return nil, err
	}
	r.view.CompareAndSwap(v, moved) // where it fails, somebody adopted something newer meanwhile
	return moved, nil
}
