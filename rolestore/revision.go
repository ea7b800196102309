package rolestore

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
)

// Revision names what a store held at one moment. Two that are equal mean that
// nothing was changed in between. A later one has a higher number, unless a
// backup was restored: its mark, a hash over all changes so far, still differs.
type Revision struct {
	Number int64
	Mark   string
}

// Channel is what Postgres notifies whenever grants or blocks have changed.
const Channel = "issuer_roles"

// Revision returns the newest one, within five seconds. It fails with
// ErrUnavailable if the database cannot be asked.
func (p *Postgres) Revision(ctx context.Context) (Revision, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	var r Revision
	if err := p.pool.QueryRow(ctx, `SELECT version, hash FROM issuer.role_state`).Scan(&r.Number, &r.Mark); err != nil {
		return Revision{}, fmt.Errorf("ask for the revision of roles: %w", unavailable(err))
	}
	return r, nil
}

// Fingerprint returns a hash of all that an answer to the query depends on:
// queries with the same one have the same answer. It fails as Grants does where
// the caller's ids are missing.
func (q Query) Fingerprint() ([sha256.Size]byte, error) {
	if _, err := q.own(); err != nil {
		return [sha256.Size]byte{}, err
	}
	text := make([]byte, 0, 128+40*(len(q.Groups)+len(q.AppRoles)))
	add := func(words ...string) {
		text = binary.AppendUvarint(text, uint64(len(words)))
		for _, word := range words {
			text = binary.AppendUvarint(text, uint64(len(word)))
			text = append(text, word...)
		}
	}
	kind := KindUser
	if q.App {
		kind = KindApp
	}
	add(string(kind), q.TenantID, q.ObjectID, q.ClientID)
	add(q.Groups...)
	add(q.AppRoles...)
	return sha256.Sum256(text), nil
}
