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
		return inMemory(t, doc)
	})
}

func TestTheMemoryTellsWhoHoldsARole(t *testing.T) {
	t.Parallel()
	rolestoretest.TestHolders(t, func(t *testing.T, doc rolestore.Document) rolestoretest.HolderStore {
		t.Helper()
		return inMemory(t, doc)
	})
}

// inMemory is a store of a document, as a file would have it.
func inMemory(t *testing.T, doc rolestore.Document) *rolestore.Memory {
	t.Helper()
	text, err := doc.YAML()
	must(t, err)
	read, err := rolestore.ParseDocument(text, rolestore.Rules{})
	must(t, err)
	store := rolestore.NewMemory(read)
	must(t, store.Health())
	return store
}
