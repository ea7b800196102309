package keys

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Import brings a ring from elsewhere into a store that holds none, with its generations, times and promises, so that no
// engine notices. Private halves in the clear are sealed, sealed ones are sealed anew; sealer has to have every
// key-encryption key the ring was sealed with. A store that holds keys is refused: two rings cannot become one. Stop who
// uses the other store before, or both rings move on.
func Import(ctx context.Context, store Store, sealer *Sealer, ring State) (Result, error) {
	if err := checkSealed(store, sealer); err != nil {
		return Result{}, err
	}
	rows, err := sealer.importable(ring)
	if err != nil {
		return Result{}, err
	}
	return operation{store: store, sealer: sealer, decide: func(s State) (Change, error) {
		if len(s.Keys) > 0 {
			return Change{}, fmt.Errorf("the key store holds a ring already, up to generation %d; a ring is only brought into an empty store", s.newest().Generation)
		}
		for _, k := range rows {
			if k.PublishedAt.After(s.Now.Add(Skew)) {
				return Change{}, fmt.Errorf("generation %d was published at %s, which the key store's clock has not reached: one of the clocks is wrong",
					k.Generation, k.PublishedAt.Format(time.RFC3339))
			}
		}
		return Change{Found: true, Insert: rows}, nil
	}}.run(ctx)
}

// importable returns the rows of a ring as this sealer would have written them.
func (s *Sealer) importable(ring State) ([]Key, error) {
	if len(ring.Keys) == 0 {
		return nil, errors.New("there is no ring to bring in: it holds no key")
	}
	if s == nil { // a sealer takes a ring in the clear: that is how one gets sealed
		if err := s.CheckSealing(ring); err != nil {
			return nil, fmt.Errorf("the ring to bring in: %w", err)
		}
	}
	rows := ring.Clone().Keys
	for i, k := range rows {
		if k.MAC != "" && s != nil {
			if err := s.verifyRow(k); err != nil {
				return nil, fmt.Errorf("generation %d of the ring to bring in: %w", k.Generation, err)
			}
		}
		private, err := s.taken(k.Private)
		if err != nil {
			return nil, fmt.Errorf("generation %d of the ring to bring in: %w", k.Generation, err)
		}
		rows[i].Private, rows[i].MAC = private, ""
	}
	return rows, nil
}

// taken is again for a private half that may be in the clear, and opens it to see that it can be used.
func (s *Sealer) taken(private PrivateJWK) (PrivateJWK, error) {
	if private == "" {
		return "", nil
	}
	from := s
	if !private.Sealed() {
		from = nil
	}
	if _, err := unseal(from, private); err != nil {
		return "", err
	}
	if s == nil {
		return private, nil
	}
	if from == nil {
		return s.seal([]byte(private))
	}
	return s.again(private)
}
