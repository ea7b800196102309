package entrakeys

import (
	"context"
	"errors"
	"fmt"
)

// Probe is what the documents for one version of a publisher's tokens say.
type Probe struct {
	Publisher string // for operators
	Version   string // of the tokens, "2.0" or "1.0"; "" for an issuer that is trusted by name, whose tokens may have either
	Issuer    string // the exact iss of such tokens; "" where there are none
	Keys      int    // how many of the keys are usable
	Err       error  // why such tokens cannot be verified, or not all
}

// Probe reads everything anew, as Fetch does, and beside it what a Source needs not know: whether the documents for v1.0
// tokens say what such tokens are held against.
func (s *Source) Probe(ctx context.Context) []Probe {
	main := Probe{Publisher: s.publisher.name, Version: "2.0"}
	if s.publisher.named {
		main.Version = ""
	}
	if main.Err = s.Fetch(ctx); main.Err != nil {
		return []Probe{main}
	}
	set := s.Held()
	if set == nil {
		main.Err = ErrUnavailable
		return []Probe{main}
	}
	main.Issuer, main.Keys = set.V2Issuer, len(set.keys)
	if s.publisher.named {
		return []Probe{main}
	}
	old := Probe{Publisher: s.publisher.name, Version: "1.0", Issuer: set.V1Issuer}
	if old.Issuer != "" {
		ctx, cancel := context.WithTimeout(ctx, fetchDeadline)
		defer cancel()
		old.Keys, old.Err = s.probeV1(ctx, set)
	}
	return []Probe{main, old}
}

// probeV1 counts the keys of v1.0 tokens. Such a token is held against the issuer of set and against its keys, so the
// documents of that version must name the same.
func (s *Source) probeV1(ctx context.Context, set *Set) (int, error) {
	found, err := s.discover(ctx, s.publisher.v1Metadata)
	if err != nil {
		return 0, err
	}
	if forTenant(found.issuer, s.publisher.tenant) != set.V1Issuer {
		return 0, fmt.Errorf("%s names another issuer, %.200q, than v1.0 tokens are held against, %q", s.publisher.v1Metadata, found.issuer, set.V1Issuer)
	}
	address, err := s.publisher.keysAt(found.jwksURI)
	if err != nil {
		return 0, err
	}
	body, err := s.get(ctx, address)
	if err != nil {
		return 0, err
	}
	keys, err := ParseSet(body)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", address, err)
	}
	for kid := range keys {
		if set.Key(kid) == nil {
			return len(keys), errors.New(address + " has keys that those of v2.0 tokens lack: v1.0 tokens that they sign are refused")
		}
	}
	return len(keys), nil
}
