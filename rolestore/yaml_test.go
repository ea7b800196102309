package rolestore_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// sameEntries compares documents as sets.
func sameEntries() cmp.Options {
	return cmp.Options{
		cmpopts.EquateEmpty(),
		cmpopts.SortSlices(func(a, b rolestore.Grant) bool {
			return lineOf(rolestore.Document{Grants: []rolestore.Grant{a}}) < lineOf(rolestore.Document{Grants: []rolestore.Grant{b}})
		}),
		cmpopts.SortSlices(func(a, b rolestore.Block) bool {
			return lineOf(rolestore.Document{Blocks: []rolestore.Block{a}}) < lineOf(rolestore.Document{Blocks: []rolestore.Block{b}})
		}),
	}
}

func lineOf(d rolestore.Document) string {
	text, err := d.YAML()
	if err != nil {
		panic(err)
	}
	return string(text)
}

func TestAnExportThatIsReadAndExportedAgainIsTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		doc := anyDocument().Draw(t, "document")
		first, err := doc.YAML()
		if err != nil {
			t.Fatal(err)
		}
		read, err := rolestore.ParseDocument(first, rolestore.Rules{})
		if err != nil {
			t.Fatalf("%v\n%s", err, first)
		}
		if diff := cmp.Diff(doc, read, sameEntries()); diff != "" {
			t.Fatalf("document (-want +got):\n%s\n%s", diff, first)
		}
		second, err := read.YAML()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, second) {
			t.Fatalf("first:\n%s\nsecond:\n%s", first, second)
		}
	})
}

func TestTheOrderOfEntriesDoesNotShowInAnExport(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		doc := anyDocument().Draw(t, "document")
		shuffled := rolestore.Document{
			Grants: rapid.Permutation(doc.Grants).Draw(t, "grants"),
			Blocks: rapid.Permutation(doc.Blocks).Draw(t, "blocks"),
		}
		if first, second := lineOf(doc), lineOf(shuffled); first != second {
			t.Fatalf("first:\n%s\nsecond:\n%s", first, second)
		}
	})
}

// FuzzParseDocument looks for files that break the reader, or that are read as
// something that is written as something else.
func FuzzParseDocument(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte("{grants: [{tenant: a, user: b}], blocks: [}"))
	f.Add([]byte("grants:\n- a: \"\\ud83e\\udd8a\\x41\\\n  b\"\n? b\n: |-\n  c\n...\n---\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := rolestore.ParseDocument(text, rolestore.Rules{})
		if err != nil {
			return
		}
		written, err := doc.YAML()
		if err != nil {
			t.Fatalf("write: %v", err)
		}
		again, err := rolestore.ParseDocument(written, rolestore.Rules{})
		if err != nil {
			t.Fatalf("read again: %v\n%s", err, written)
		}
		if diff := cmp.Diff(doc, again); diff != "" {
			t.Fatalf("document (-first +second):\n%s", diff)
		}
	})
}
