package idp

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/hasura-issuer/hasura-issuer/idp/internal/entrakeys"
)

// Probe is what the documents for one version of the tokens of a tenant, or of an issuer trusted by name, say. Its Err
// names addresses, and what to do where Entra gave a number.
type Probe = entrakeys.Probe

// Probe does what Refresh does, and looks beside it into the documents for v1.0 tokens, which no Verifier needs where the
// cloud is known. It is for operators who want to know what is wrong before a token comes. The answers are in the order
// of the configuration.
func (v *Verifier) Probe(ctx context.Context) []Probe {
	found := make([][]Probe, len(v.sources.all))
	var probes errgroup.Group
	probes.SetLimit(fetchesAtOnce)
	for i, source := range v.sources.all {
		probes.Go(func() error {
			found[i] = source.Probe(ctx)
			return nil
		})
	}
	_ = probes.Wait() // never fails: each answer has its own error
	var all []Probe
	for _, one := range found {
		all = append(all, one...)
	}
	return all
}
