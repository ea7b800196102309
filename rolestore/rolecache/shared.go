package rolecache

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/hasura-issuer/hasura-issuer/bounded"
)

// sharedLife is how long other replicas can find an answer. It is bound to a revision by its key, so it does not go bad.
const sharedLife = 10 * time.Minute

// A value there is the time that the store was asked, in microseconds of Unix time, and the packed answer.

// fromShared returns what another replica was told at the revision that the store is known to have.
func (c *Cache) fromShared(ctx context.Context, key bounded.Key, known *sighting) (entry, bool) {
	if c.config.Shared == nil || known == nil || c.config.Now().Sub(known.last) >= c.config.TTL {
		return entry{}, false
	}
	value, found := c.config.Shared.Get(ctx, c.sharedKey(key, known.name()))
	if !found || len(value) <= 8 || value[8] != layout {
		return entry{}, false
	}
	asked := time.UnixMicro(int64(binary.BigEndian.Uint64(value))) //nolint:gosec // G115: any time is judged below
	e := entry{packed: string(value[8:]), revision: known.revision, asked: asked}
	if asked.After(c.config.Now()) || !c.fresh(e, known, c.config.Now()) {
		return entry{}, false
	}
	return e, true
}

func (c *Cache) toShared(ctx context.Context, key bounded.Key, e entry) {
	if c.config.Shared == nil {
		return
	}
	value := binary.BigEndian.AppendUint64(nil, uint64(e.asked.UnixMicro()))
	life := sharedLife
	if c.config.Untracked {
		life = c.config.TTL
	}
	c.config.Shared.Set(ctx, c.sharedKey(key, (&sighting{revision: e.revision}).name()), append(value, e.packed...), life)
}

// sharedKey names an answer to all caches of the same scope.
func (c *Cache) sharedKey(key bounded.Key, revision []byte) string {
	scope := sha256.Sum256([]byte(c.config.Scope))
	return string(scope[:]) + string(key[:]) + string(revision)
}
