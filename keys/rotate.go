package keys

import (
	"context"
	"errors"
	"fmt"

	"github.com/hasura-issuer/hasura-issuer/keys/internal/keypair"
)

// Rotate does what is due to the ring in the store, and makes the ring where
// there never was one. Any number of processes may run it, any number of times.
// Losing a race to one of them is a normal outcome: the Result is then empty.
// The errors: an invalid policy, a store that lost its ring, a store or sealer
// that fails. After an error the change may have been made; running it again is
// always right.
func Rotate(ctx context.Context, store Store, sealer *Sealer, policy Policy) (Result, error) {
	if err := errors.Join(policy.Validate(), checkSealed(store, sealer)); err != nil {
		return Result{}, err
	}
	return rotation{store: store, sealer: sealer, policy: policy}.run(ctx)
}

// rotation is what one run of Rotate works with.
type rotation struct {
	store  Store
	sealer *Sealer
	policy Policy
	trust  func(State) error // nil, or an opinion of the state: an error of it ends the run
}

func (r rotation) run(ctx context.Context) (Result, error) {
	s, err := r.store.Load(ctx)
	if err != nil {
		return Result{}, fmt.Errorf("load the ring: %w", err)
	}
	change, err := r.decide(s)
	if err != nil {
		return Result{}, err
	}
	if change.Empty() {
		return resultOf(s, change), nil
	}
	// Keys are made before the lock is taken. Where the state has moved on since
	// and wants more of them, the second try has all that a step can want.
	result, err := r.update(ctx, len(change.Insert))
	if errors.Is(err, errMoreKeys) {
		result, err = r.update(ctx, ahead+1)
	}
	return result, err
}

func (r rotation) decide(s State) (Change, error) {
	if r.trust != nil {
		if err := r.trust(s); err != nil {
			return Change{}, err
		}
	}
	return step(s, r.policy)
}

// update makes n keys and then does what is due, by the state under the lock.
func (r rotation) update(ctx context.Context, n int) (Result, error) {
	fresh, err := prepare(r.sealer, r.policy.Alg, n)
	if err != nil {
		return Result{}, err
	}
	var result Result
	_, err = r.store.Update(ctx, func(s State) (Change, error) {
		change, err := r.decide(s)
		if err != nil {
			return Change{}, err
		}
		if change, err = change.fill(fresh); err != nil {
			return Change{}, err
		}
		result = resultOf(s, change)
		return change, nil
	})
	if err != nil {
		return Result{}, fmt.Errorf("change the ring: %w", err)
	}
	return result, nil
}

// errMoreKeys is returned by fill when more keys are due than were prepared.
var errMoreKeys = errors.New("more keys are due than were prepared")

// fill gives the rows to insert their material.
func (c Change) fill(fresh []Key) (Change, error) {
	if len(c.Insert) > len(fresh) {
		return Change{}, errMoreKeys
	}
	filled := make([]Key, len(c.Insert))
	for i, k := range c.Insert {
		k.KID, k.Alg, k.Public, k.Private = fresh[i].KID, fresh[i].Alg, fresh[i].Public, fresh[i].Private
		filled[i] = k
	}
	c.Insert = filled
	return c, nil
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
