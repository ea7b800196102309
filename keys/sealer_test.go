package keys_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

func TestASealedKeyOpensOnlyWithItsOwnKeyEncryptionKey(t *testing.T) {
	t.Parallel()
	renamed, err := keys.NewSealer(keys.KEK{ID: "first", Key: sha256.Sum256([]byte("another"))})
	if err != nil {
		t.Fatal(err)
	}
	both, err := keys.NewSealer(
		keys.KEK{ID: "second", Key: sha256.Sum256([]byte("second"))},
		keys.KEK{ID: "first", Key: sha256.Sum256([]byte("first"))})
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		sealer *keys.Sealer
		want   string // in the error; "": it opens
	}{
		"the same key opens":                  {keystest.Sealer(t, "first"), ""},
		"a list that holds it opens":          {both, ""},
		"a list without it names its id":      {keystest.Sealer(t, "second"), `"first", which is not among those set`},
		"another key of that id names the id": {renamed, `"first" does not open it`},
		"no key at all names the id":          {nil, `"first", and none is set`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &clock{start}
			store := keystore.NewMemory(c.now)
			if _, err := keys.Rotate(t.Context(), store, keystest.Sealer(t, "first"), policy); err != nil {
				t.Fatal(err)
			}
			before := keystest.Load(t, store)
			ring := newRing(t, keys.RingConfig{Store: store, Sealer: test.sealer, Now: c.now, Auto: true})
			err := ring.Sync(t.Context())
			if test.want == "" && err != nil {
				t.Errorf("got error %v, want none", err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
			if diff := keystest.Diff(before, keystest.Load(t, store)); diff != "" {
				t.Errorf("the stored ring changed (-before +after):\n%s", diff)
			}
		})
	}
}

func TestAPrivateKeyThatWasNotSealedOrIsAnothersIsNotUsed(t *testing.T) {
	t.Parallel()
	sealer := keystest.Sealer(t, "suite")
	sealed := keystest.Rows(t, 3)
	plainStore := keystore.NewMemory((&clock{start}).now)
	if _, err := keys.Rotate(t.Context(), plainStore, nil, policy); err != nil {
		t.Fatal(err)
	}
	swapped := append([]keys.Key(nil), sealed...)
	swapped[0].Private = sealed[1].Private
	altered := append([]keys.Key(nil), sealed...)
	altered[0].Private = altered[0].Private[:len(altered[0].Private)-8] + "AAAAAAAA"
	tests := map[string]struct {
		rows []keys.Key
		want string
	}{
		"in the clear although a key is set": {keystest.Load(t, plainStore).Keys, "not sealed"},
		"swapped with another row's":         {swapped, "belongs to another key"},
		"altered":                            {altered, "does not open it"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &clock{start}
			store := keystore.NewMemory(c.now)
			keystest.Change(t, store, func(keys.State) keys.Change { return keys.Change{Found: true, Insert: test.rows} })
			err := newRing(t, keys.RingConfig{Store: store, Sealer: sealer, Now: c.now, Auto: true}).Sync(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want one with %q", err, test.want)
			}
		})
	}
}

func TestASealerWantsEachIDOnce(t *testing.T) {
	t.Parallel()
	for name, keks := range map[string][]keys.KEK{
		"none at all":       nil,
		"an empty id":       {{ID: ""}},
		"the same id twice": {{ID: "a"}, {ID: "a", Key: [32]byte{1}}},
	} {
		if _, err := keys.NewSealer(keks...); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestSecretsDoNotShowInPrint(t *testing.T) {
	t.Parallel()
	kek := keys.KEK{ID: "first", Key: [32]byte{0xAB, 0xCD}}
	row := keys.Key{KID: "kid", Private: "secret"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d", "%q"} {
		if text := fmt.Sprintf(verb, kek); strings.Contains(text, "171") || strings.Contains(strings.ToLower(text), "ab") {
			t.Errorf("%s prints a key-encryption key", verb)
		}
		text := fmt.Sprintf(verb, row)
		if strings.Contains(text, "secret") || strings.Contains(text, "736563726574") {
			t.Errorf("%s prints a private key", verb)
		}
	}
}
