package keys

import "fmt"

// Opens returns nil when s vouches for every row of a ring and opens every private half that is kept, which a replica
// that loads it will want. It keeps none of them. A nil sealer opens what is in the clear.
func (s *Sealer) Opens(ring State) error {
	if err := s.Verify(ring); err != nil {
		return err
	}
	for _, k := range ring.Keys {
		if k.Private == "" {
			continue
		}
		if _, err := unseal(s, k.Private); err != nil {
			return fmt.Errorf("generation %d of the key store: %w", k.Generation, err)
		}
	}
	return nil
}
