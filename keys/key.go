// Package keys answers one question: which key signs now? It holds the ring of
// signing keys, moves it on, stores and seals it, signs with it and publishes
// it. It knows nothing of claims, of Entra or of HTTP.
//
// Three parts. A pure core works out from the rows alone what each key is at a
// moment (timeline.go) and what is to be done to them (step.go), so replicas
// that hold the same rows agree without talking. Stores keep the rows (Store).
// A Ring serves from memory what the core says, and goes on while the store is
// down, up to the moment from which no proof holds.
package keys

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys/internal/keypair"
)

// Skew is how far a clock may be off the store's, and how far iat and nbf of a
// token are set back. It is no setting: the timeline of every replica rests on
// the same figure.
const Skew = time.Minute

// Alg is a signature algorithm, as RFC 7518 and RFC 8037 spell it.
type Alg string

// The algorithms both Hasura engines read.
const (
	ES256 Alg = keypair.ES256
	RS256 Alg = keypair.RS256
	EdDSA Alg = keypair.EdDSA
)

// Key is one row of the ring. Times are UTC and whole microseconds, which is
// what every store can keep.
type Key struct {
	Generation  int64      // 1, 2, 3 …, never used twice
	KID         string     // RFC 7638 thumbprint
	Alg         Alg        //
	Public      []byte     // the JWK as published; never altered in place
	Private     PrivateJWK // "" once wiped
	PublishedAt time.Time  // when the row was inserted
	SignsFrom   time.Time  // when it takes over from the one before
	RevokedAt   time.Time  // zero: it is not
	Reason      string     // why it was revoked
	Promised    Promise    // the largest that any replica has used with it
	MAC         string     // vouches for all of this, see Sealer; "" where there is no sealer
}

// PrivateJWK is the private half of a key as it is stored: a compact JWE or, in
// a store that has no sealer, a JWK in the clear. It does not show in print.
type PrivateJWK string

// Format writes that there is a private key, whatever the verb.
func (p PrivateJWK) Format(f fmt.State, _ rune) {
	text := "[private]"
	if p == "" {
		text = "[none]"
	}
	_, _ = f.Write([]byte(text))
}

// Promise is what replicas have let others rely on while they used a key. It
// only grows. Whole seconds.
type Promise struct {
	TTL    time.Duration // longest life of a token
	MaxAge time.Duration // how long an engine may keep the key set
	CDNTTL time.Duration // how long a cache in front may
	Stale  time.Duration // how long a replica goes on without seeing the store
}

// Hold returns how long a key stays published once another one has taken over:
// until the last token is dead that a replica can have signed with it, which
// did not know and whose clock was slow, in front of an engine whose clock is.
func (p Promise) Hold() time.Duration { return p.TTL + p.Stale + 2*Skew }

// raise returns the larger of two promises, member by member.
func (p Promise) raise(q Promise) Promise {
	return Promise{
		TTL:    max(p.TTL, q.TTL),
		MaxAge: max(p.MaxAge, q.MaxAge),
		CDNTTL: max(p.CDNTTL, q.CDNTTL),
		Stale:  max(p.Stale, q.Stale),
	}
}

// State is all a store knows at one moment.
type State struct {
	Keys      []Key     // by generation
	Founded   bool      // this store once had a ring
	Version   int64     // how many changes were made to it
	Adoption  int64     // the version at which somebody last took it over as it is, see Adopt
	Witnesses []Witness // who was seen with which ring, by kind and name
	Now       time.Time // the store's clock; UTC, whole microseconds
}

// Clone returns a state whose rows can be changed without touching these.
func (s State) Clone() State {
	s.Keys, s.Witnesses = slices.Clone(s.Keys), slices.Clone(s.Witnesses)
	return s
}

// newest returns the row of the highest generation, or the zero Key.
func (s State) newest() Key {
	if len(s.Keys) == 0 {
		return Key{}
	}
	return s.Keys[len(s.Keys)-1]
}

// find returns the index of a generation.
func (s State) find(generation int64) (int, bool) {
	return slices.BinarySearchFunc(s.Keys, generation, func(k Key, g int64) int { return cmp.Compare(k.Generation, g) })
}

// StoreTime brings a clock's reading into the form all stores keep.
func StoreTime(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
