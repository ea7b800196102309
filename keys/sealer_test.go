package keys_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

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
		"another key of that id names the id": {renamed, `key-encryption key "first" is not the one`},
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

// Whoever can write to the store, but has no key-encryption key, gets nothing published or signed with.
// TestARingIsSealedWholeOrNotAtAll: whoever went on would leave rows of both kinds, which nobody can use any more.
func TestARingIsSealedWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	sealer := keystest.Sealer(t, "kek")
	for name, test := range map[string]struct{ made, now *keys.Sealer }{
		"sealed, and no key is set":    {sealer, nil},
		"in the clear, and one is set": {nil, sealer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &clock{start}
			store := keystore.NewMemory(c.now)
			if _, err := keys.Rotate(t.Context(), store, test.made, policy); err != nil {
				t.Fatal(err)
			}
			c.advance(policy.Period)
			before := keystest.Load(t, store)
			for what, do := range map[string]func() (keys.Result, error){
				"rotate":            func() (keys.Result, error) { return keys.Rotate(t.Context(), store, test.now, policy) },
				"hand over":         func() (keys.Result, error) { return keys.HandOver(t.Context(), store, test.now, policy, true) },
				"finish adoption":   func() (keys.Result, error) { return keys.FinishAdoption(t.Context(), store, test.now, policy, 9) },
				"import":            func() (keys.Result, error) { return keys.Import(t.Context(), store, test.now, before) },
				"revoke what signs": func() (keys.Result, error) { return revokeKID(t, store, test.now, before.Keys[1].KID) },
				"revoke the next":   func() (keys.Result, error) { return revokeKID(t, store, test.now, before.Keys[2].KID) },
				"serve and rotate": func() (keys.Result, error) {
					return keys.Result{}, newRing(t, keys.RingConfig{Store: store, Sealer: test.now, Now: c.now, Auto: true, Name: "a"}).Sync(t.Context())
				},
			} {
				_, err := do()
				if _, ok := errors.AsType[*keys.SealingError](err); !ok {
					t.Errorf("%s: got error %v, want a SealingError", what, err)
				}
			}
			if diff := keystest.Diff(before, keystest.Load(t, store)); diff != "" {
				t.Errorf("the stored ring changed (-before +after):\n%s", diff)
			}
		})
	}
}

func TestARowWithoutItsPrivateHalfIsSealedByItsMAC(t *testing.T) {
	t.Parallel()
	store, nobody := keystore.NewMemory(time.Now), (*keys.Sealer)(nil)
	if _, err := keys.Rotate(t.Context(), store, keystest.Sealer(t, "kek"), policy); err != nil {
		t.Fatal(err)
	}
	s := keystest.Load(t, store)
	for i := range s.Keys {
		s.Keys[i].Private = ""
	}
	if err := nobody.CheckSealing(s); err == nil || !strings.Contains(err.Error(), `"kek", and none is set`) {
		t.Errorf("got error %v", err)
	}
}

func revokeKID(t *testing.T, store keys.Store, sealer *keys.Sealer, kid string) (keys.Result, error) {
	t.Helper()
	return keys.Revoke(t.Context(), store, sealer, policy, keys.Revocation{KID: kid, Reason: "leaked", Force: true})
}

func TestARowThatNobodyVouchesForIsNeitherPublishedNorUsed(t *testing.T) {
	t.Parallel()
	sealer := keystest.Sealer(t, "suite")
	c := &clock{start}
	source, plain := keystore.NewMemory(c.now), keystore.NewMemory(c.now)
	for store, with := range map[keys.Store]*keys.Sealer{source: sealer, plain: nil} {
		if _, err := keys.Rotate(t.Context(), store, with, policy); err != nil {
			t.Fatal(err)
		}
	}
	thiefs := keystest.Load(t, plain).Keys
	tests := map[string]func(k *keys.Key){
		"in the clear":                    func(k *keys.Key) { *k = thiefs[2] },
		"with a public half of a thief's": func(k *keys.Key) { k.KID, k.Public = thiefs[0].KID, thiefs[0].Public },
		"of a thief's, wiped already":     func(k *keys.Key) { k.KID, k.Public, k.Private = thiefs[0].KID, thiefs[0].Public, "" },
		"altered":                         func(k *keys.Key) { k.Private = k.Private[:len(k.Private)-8] + "AAAAAAAA" },
		"with another row's private half": func(k *keys.Key) { k.Private = keystest.Load(t, source).Keys[1].Private },
		"published later":                 func(k *keys.Key) { k.PublishedAt = k.PublishedAt.Add(-time.Hour) },
		"to sign at another time":         func(k *keys.Key) { k.SignsFrom = k.SignsFrom.Add(time.Second) },
		"revoked":                         func(k *keys.Key) { k.RevokedAt = k.PublishedAt },
		"revoked for another reason":      func(k *keys.Key) { k.Reason = "x" },
		"with other promises":             func(k *keys.Key) { k.Promised.Stale += time.Second },
		"of another generation":           func(k *keys.Key) { k.Generation += 100 },
		"without a MAC":                   func(k *keys.Key) { k.MAC = "" },
		"with another row's MAC":          func(k *keys.Key) { k.MAC = keystest.Load(t, source).Keys[1].MAC },
		"with a MAC by another key":       func(k *keys.Key) { k.MAC = "other" + strings.TrimPrefix(k.MAC, "suite") },
		"not altered":                     func(*keys.Key) {},
	}
	for name, alter := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows := keystest.Load(t, source).Keys
			alter(&rows[2])
			store := keystore.NewMemory(c.now)
			keystest.Change(t, store, func(keys.State) keys.Change { return keys.Change{Found: true, Insert: rows} })
			ring := newRing(t, keys.RingConfig{Store: store, Sealer: sealer, Now: c.now, Auto: true})
			err := ring.Sync(t.Context())
			if _, _, setErr := ring.JWKS(""); name == "not altered" {
				if err != nil || setErr != nil {
					t.Errorf("got errors %v and %v, want none", err, setErr)
				}
			} else if err == nil || setErr == nil || !strings.Contains(err.Error(), "of the key store") {
				t.Errorf("got errors %v and %v, want one that names the row, and no key set", err, setErr)
			}
			if _, err := keys.Rotate(t.Context(), store, sealer, policy); (err == nil) != (name == "not altered") {
				t.Errorf("a cron gets error %v", err)
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
