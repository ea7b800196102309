package issuer

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/hasura-issuer/hasura-issuer/bounded"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// bytesPerMinted is what a remembered token may take on average: one of ten roles and as many variables does.
const bytesPerMinted = 4 << 10

// minted is a token that was handed out, and what it says.
type minted struct {
	token, kid, jti string
	allowed         entitlement
	at              time.Time
}

// mintOnce hands out again what was minted for the same subject token, or else mints. Only the signature is saved: who is
// calling and what they get was decided anew a moment ago, from memory where nothing has changed, and the token is good for
// as long as it says the same. So whatever a decision rests on counts at once, and nobody has to think of what that is.
func (i *Issuer) mintOnce(ctx context.Context, id bounded.Key, d Decision, j judgement) (Decision, error) {
	if known, ok := i.minted.Get(id); ok && known.says(j.allowed) && known.lives(j.now) && i.signer.Holds(known.kid) {
		d.Token, d.KID, d.JTI, d.Reused = known.token, known.kid, known.jti, true
		d.Lifetime = left(known.allowed.Expiry, j.now)
		return d, nil
	}
	d, err := i.mint(ctx, d, j)
	if err == nil {
		fresh := minted{d.Token, d.KID, d.JTI, j.allowed, j.now}
		i.minted.Put(id, fresh, fresh.size())
	}
	return d, err
}

// says tells whether the token says what one would that is minted now, but for how long it lives: it may end earlier, and
// never later.
func (m minted) says(now entitlement) bool {
	return slices.Equal(m.allowed.Roles, now.Roles) &&
		maps.EqualFunc(m.allowed.Session, now.Session, rolestore.Value.Equal) &&
		!m.allowed.Expiry.After(now.Expiry)
}

// lives tells whether more than a third of the token's life is left.
func (m minted) lives(now time.Time) bool {
	return 3*m.allowed.Expiry.Sub(now) > m.allowed.Expiry.Sub(m.at)
}

// size is about how many bytes of memory the entry takes, with what the cache needs around it.
func (m minted) size() int {
	const entry, text = 512, 16
	size := entry + len(m.token)
	for _, role := range m.allowed.Roles {
		size += text + len(role)
	}
	for name, value := range m.allowed.Session {
		size += 8*text + len(name) + len(value.Text())
		for _, item := range value.List() {
			size += text + len(item)
		}
	}
	return size
}
