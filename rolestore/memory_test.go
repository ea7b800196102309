package rolestore_test

import (
	"testing"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolestoretest"
)

func TestTheMemoryIsARoleStore(t *testing.T) {
	t.Parallel()
	rolestoretest.TestStore(t, func(t *testing.T, doc rolestore.Document) rolestoretest.Store {
		t.Helper()
		text, err := doc.YAML()
		must(t, err)
		read, err := rolestore.ParseDocument(text, rolestore.Rules{})
		must(t, err)
		store := rolestore.NewMemory(read)
		must(t, store.Health())
		return store
	})
}
