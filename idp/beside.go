package idp

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hasura-issuer/hasura-issuer/bounded"
	"github.com/hasura-issuer/hasura-issuer/idp/internal/entrakeys"
)

// Beside returns a Verifier that holds tokens against another policy and has its keys from v, which alone fetches them:
// it has no Run of its own, and a token that names an unknown key is one more for v. Of config, what says where keys come
// from (Authority, Issuers and the like) does not count, nor do HTTPClient and Now; its Tenants must be among those of v.
// Issuers that v trusts by name it does not trust. The error names every fault.
func (v *Verifier) Beside(config Config) (*Verifier, error) {
	config.Issuers = nil
	policy, policyErr := config.compile()
	sources, sourcesErr := v.sources.only(config.Tenants)
	if err := errors.Join(policyErr, sourcesErr); err != nil {
		return nil, err
	}
	seen := bounded.New[*verified](config.CacheSize, config.CacheSize*bytesPerToken)
	return &Verifier{policy: policy, sources: sources, seen: seen, now: v.now}, nil
}

// only returns those of some tenants.
func (s sources) only(tenants []string) (sources, error) {
	ids, err := guids("Tenants", tenants)
	if err != nil {
		return sources{}, err
	}
	found := sources{tenants: map[string]*entrakeys.Source{}}
	for _, id := range ids {
		if s.tenants[id] == nil {
			err = errors.Join(err, wrong("Tenants", fmt.Errorf("%q is none whose keys are fetched", id)))
			continue
		}
		found.tenants[id] = s.tenants[id]
		if !slices.Contains(found.all, s.tenants[id]) {
			found.all = append(found.all, s.tenants[id])
		}
	}
	return found, err
}
