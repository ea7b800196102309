package keys_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

func TestWhetherARingOpensCanBeAskedWithoutTouchingIt(t *testing.T) {
	t.Parallel()
	renamed, err := keys.NewSealer(keys.KEK{ID: "first", Key: sha256.Sum256([]byte("another"))})
	if err != nil {
		t.Fatal(err)
	}
	first := keystest.Sealer(t, "first")
	for name, test := range map[string]struct {
		made, asked *keys.Sealer
		change      func(*keys.State)
		want        string // in the error; "": it opens
	}{
		"sealed and asked by the same": {first, keystest.Sealer(t, "first"), nil, ""},
		"in the clear, nobody's":       {nil, nil, nil, ""},
		"a key that was wiped":         {nil, nil, func(s *keys.State) { s.Keys[0].Private = "" }, ""},
		"another key by the same name": {first, renamed, nil, `key-encryption key "first" is not the one`},
		"no key":                       {first, nil, nil, `"first", and none is set`},
		"in the clear, but not for us": {nil, first, nil, "holds private keys in the clear"},
		"a private half of nobody's":   {nil, nil, func(s *keys.State) { s.Keys[2].Private = "{}" }, "generation 3"},
		"a row that was altered":       {first, first, func(s *keys.State) { s.Keys[1].Reason = "x" }, "altered"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &clock{start}
			store := keystore.NewMemory(c.now)
			if _, err := keys.Rotate(t.Context(), store, test.made, policy); err != nil {
				t.Fatal(err)
			}
			ring := keystest.Load(t, store)
			if test.change != nil {
				test.change(&ring)
			}
			err := test.asked.Opens(ring)
			if (err != nil) != (test.want != "") || (err != nil && !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}
