package keys

import (
	"context"
	"errors"
	"fmt"

	"github.com/hasura-issuer/hasura-issuer/keys/internal/keypair"
)

// operation is one change of a ring: what is to be done is decided by the rows alone, before the lock is taken, to know
// how many keys it needs, and again under the lock, which counts.
type operation struct {
	store  Store
	sealer *Sealer
	alg    Alg // of keys it has to make
	decide func(State) (Change, error)
}

func (o operation) run(ctx context.Context) (Result, error) {
	s, err := load(ctx, o.store, o.sealer)
	if err != nil {
		return Result{}, err
	}
	change, err := o.decide(s)
	if err != nil {
		return Result{}, err
	}
	if change.Empty() {
		return resultOf(s, change), nil
	}
	// Keys are made before the lock is taken. Where the state has moved on since
	// and wants more of them, the second try has all that a step can want.
	result, err := o.update(ctx, change.blanks())
	if errors.Is(err, errMoreKeys) {
		result, err = o.update(ctx, ahead+1)
	}
	return result, err
}

// load reads the ring and wants every row of it to be vouched for.
func load(ctx context.Context, store Store, sealer *Sealer) (State, error) {
	s, err := store.Load(ctx)
	if err != nil {
		return State{}, fmt.Errorf("load the ring: %w", err)
	}
	return s, sealer.Verify(s)
}

// update makes n keys and then does what is decided by the state under the lock.
func (o operation) update(ctx context.Context, n int) (Result, error) {
	fresh, err := prepare(o.sealer, o.alg, n)
	if err != nil {
		return Result{}, err
	}
	var result Result
	after, err := o.store.Update(ctx, func(s State) (Change, error) {
		if err := o.sealer.Verify(s); err != nil {
			return Change{}, err
		}
		change, err := o.decide(s)
		if err != nil {
			return Change{}, err
		}
		if change, err = change.fill(fresh); err != nil {
			return Change{}, err
		}
		result = resultOf(s, change)
		return o.sealer.vouch(change)
	})
	if err != nil {
		return Result{}, fmt.Errorf("change the ring: %w", err)
	}
	result.Version = after.Version
	return result, nil
}

// errMoreKeys is returned by fill when more keys are due than were prepared.
var errMoreKeys = errors.New("more keys are due than were prepared")

// blanks counts the rows to insert that lack their material.
func (c Change) blanks() int {
	n := 0
	for _, k := range c.Insert {
		if k.KID == "" {
			n++
		}
	}
	return n
}

// fill gives the rows to insert their material.
func (c Change) fill(fresh []Key) (Change, error) {
	if c.blanks() > len(fresh) {
		return Change{}, errMoreKeys
	}
	filled := make([]Key, len(c.Insert))
	for i, k := range c.Insert {
		if k.KID == "" {
			k.KID, k.Alg, k.Public, k.Private = fresh[0].KID, fresh[0].Alg, fresh[0].Public, fresh[0].Private
			fresh = fresh[1:]
		}
		filled[i] = k
	}
	c.Insert = filled
	return c, nil
}

// then returns both changes as one; next was decided by the state after c. It must not insert what c inserts.
func (c Change) then(next Change) Change {
	updated := State{Keys: next.Update}
	for _, k := range c.Update {
		if _, again := updated.find(k.Generation); !again {
			next.Update = append(next.Update, k)
		}
	}
	next.Update = without(next.Update, next.Delete)
	next.Insert = append(c.Insert, next.Insert...)
	next.Delete = append(c.Delete, next.Delete...)
	next.Found, next.Adopt = next.Found || c.Found, next.Adopt || c.Adopt
	return next
}

// prepare returns n keys, each generated, sealed, opened again and
// tried: what cannot be read back and used does not get into the ring.
func prepare(sealer *Sealer, alg Alg, n int) ([]Key, error) {
	fresh := make([]Key, 0, n)
	for range n {
		jwk, err := keypair.Generate(string(alg))
		if err != nil {
			return nil, err
		}
		private, err := sealer.seal(jwk)
		if err != nil {
			return nil, err
		}
		pair, err := unseal(sealer, private)
		if err != nil {
			return nil, fmt.Errorf("open the key just sealed: %w", err)
		}
		if err := pair.Try(); err != nil {
			return nil, err
		}
		public := pair.Public()
		fresh = append(fresh, Key{KID: public.KID, Alg: Alg(public.Alg), Public: public.JWK, Private: private})
	}
	return fresh, nil
}

// unseal returns the key pair of a stored private half.
func unseal(sealer *Sealer, private PrivateJWK) (*keypair.Pair, error) {
	jwk, err := sealer.open(private)
	if err != nil {
		return nil, err
	}
	return keypair.Open(jwk)
}
