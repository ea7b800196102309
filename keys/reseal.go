package keys

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Reseal seals every private half, and vouches for every row, with the first key-encryption key of the sealer, so that
// those behind it can be taken away. Nothing else about the ring changes. It opens what it seals: where a key-encryption
// key is missing or wrong, the error names it and the ring stays as it is.
func Reseal(ctx context.Context, store Store, sealer *Sealer) (Result, error) {
	if sealer == nil {
		return Result{}, errors.New("sealing anew needs a key-encryption key")
	}
	return operation{store: store, sealer: sealer, decide: func(s State) (Change, error) {
		return reseal(s, sealer)
	}}.run(ctx)
}

func reseal(s State, sealer *Sealer) (Change, error) {
	var change Change
	first := sealer.keks[0].id
	for _, k := range s.Keys {
		sealed, err := sealer.again(k.Private)
		if err != nil {
			return Change{}, fmt.Errorf("open the private half of key %s: %w", k.KID, err)
		}
		if sealed == k.Private && strings.HasPrefix(k.MAC, first+".") {
			continue
		}
		k.Private = sealed
		change.Update = append(change.Update, k)
	}
	return change, nil
}

// again seals a private half with the first key-encryption key, unless it is already, or was wiped.
func (s *Sealer) again(private PrivateJWK) (PrivateJWK, error) {
	if private == "" {
		return "", nil
	}
	jwk, err := s.open(private)
	if err != nil || kekID(private) == s.keks[0].id {
		return private, err
	}
	return s.seal(jwk)
}
