package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hasura-issuer/hasura-issuer/keys/internal/keypair"
)

// Store keeps a ring. All methods may run concurrently, in this process and,
// where the store is a shared one, in others.
type Store interface {
	// Load returns all rows and the store's clock, as of one moment.
	Load(ctx context.Context) (State, error)

	// Update runs decide in one transaction under a lock that keeps every other
	// Update out, and makes the change it returns durable before it returns the
	// state after it. An error of decide comes back (errors.Is) and nothing is
	// changed; nor is it when the change breaks a rule of the ring. After any
	// other error the change may have been made: load to know. decide is pure and
	// quick; it may be called again, and the last call counts.
	Update(ctx context.Context, decide func(State) (Change, error)) (State, error)

	// Witness notes who was seen with which ring. One that was noted before is
	// replaced, unless what is known of it is newer. It is no change of the ring:
	// it takes no lock, and its loss does no harm.
	Witness(ctx context.Context, seen []Witness) error
}

// SealedOnly is implemented by stores that others can read (dumps, backups,
// replicas of a database), and that take no private key in the clear.
type SealedOnly interface{ SealedOnly() }

// checkSealed refuses to pair such a store with no sealer, before any key is made.
func checkSealed(store Store, sealer *Sealer) error {
	if _, shared := store.(SealedOnly); shared && sealer == nil {
		return errors.New("a key store in a database needs a key-encryption key")
	}
	return nil
}

// Sound checks rows as they came out of a store, which people can edit and
// restore: ascending generations, and public halves that are what kid and alg
// say. It returns them with each public half in its one spelling, so that every
// replica publishes the same bytes, and without witnesses that cannot be true.
func (s State) Sound() (State, error) {
	s = s.Clone()
	for i, k := range s.Keys {
		if k.Generation <= 0 || (i > 0 && k.Generation <= s.Keys[i-1].Generation) {
			return State{}, fmt.Errorf("generation %d is out of order", k.Generation)
		}
		if p := k.Promised; p.TTL > maxTTL || p.MaxAge > maxMaxAge || p.CDNTTL > maxPeriod || p.Stale > maxPeriod {
			return State{}, fmt.Errorf("generation %d promises more than any policy may: the row was not written by a replica", k.Generation)
		}
		public, err := keypair.ParsePublic(k.Public)
		if err != nil {
			return State{}, fmt.Errorf("key of generation %d: %w", k.Generation, err)
		}
		if public.KID != k.KID || public.Alg != string(k.Alg) {
			return State{}, fmt.Errorf("key of generation %d: its public half belongs to another key", k.Generation)
		}
		s.Keys[i].Public = public.JWK
	}
	s.Witnesses = slices.DeleteFunc(s.Witnesses, func(w Witness) bool { return !w.credible(s.Now) })
	return s, nil
}
