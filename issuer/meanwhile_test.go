package issuer_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// slow has something happen while the store is asked.
type slow struct {
	*gateway
	meanwhile func()
}

func (s *slow) Grants(ctx context.Context, q rolestore.Query) (rolestore.Answer, error) {
	s.meanwhile()
	return s.gateway.Grants(ctx, q)
}

// TestAKeyThatIsRevokedMeanwhileVouchesForNothing: an answer may take seconds to judge, and the token is handed out at the end of them.
func TestAKeyThatIsRevokedMeanwhileVouchesForNothing(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	store := &slow{g, func() {}}
	var err error
	if g.issuer, err = issuer.New(g.config, g, g, store, g); err != nil {
		t.Fatal(err)
	}
	first, _ := g.mustAsk()
	store.meanwhile = func() { g.revoked = true }
	second, steps := g.mustAsk()
	if second.Reused || second.Token == first.Token || steps != "vrs" {
		t.Errorf("handed out again: %v, after steps %q", second.Reused, steps)
	}
	if diff := cmp.Diff([]use{{byCaller.Use, "vr"}, byReader, byClient}, g.uses); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}
