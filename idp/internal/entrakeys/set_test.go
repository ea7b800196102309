package entrakeys_test

import (
	"net/http"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp/internal/entrakeys"
)

func TestAKeyStaysTheSameForAsLongAsItIsPublishedUnchanged(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change map[string]any // of its entry
		same   bool
	}{
		"nothing has changed":     {nil, true},
		"what nobody reads":       {map[string]any{"x5t": "y", "use": nil}, true},
		"it names an issuer":      {map[string]any{"issuer": base + "/{tenantid}/v2.0"}, false},
		"it names a cloud":        {map[string]any{"cloud_instance_name": "x"}, false},
		"it has another exponent": {map[string]any{"e": "Aw"}, false},
		"it has another id":       {map[string]any{"kid": "y"}, false},
		"it is not usable":        {map[string]any{"use": "enc"}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEntra(t)
			source := newSource(t, e)
			fetch := func() {
				t.Helper()
				if err := source.Fetch(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			fetch()
			key := source.Held().Key(keyID)
			if !source.Holds(key) {
				t.Error("a key that was just fetched is not held")
			}
			document := set(t, entry(t, test.change), entry(t, map[string]any{"kid": "beside"}))
			e.answer(func(w http.ResponseWriter, _ *http.Request) { w.Write(document) })
			fetch()
			if same := source.Held().Key(keyID) == key; same != test.same || source.Holds(key) != test.same {
				t.Errorf("it is the same: %v, it is held: %v, want %v", same, source.Holds(key), test.same)
			}
			e.answer(nil)
			fetch()
			if source.Holds(key) != test.same {
				t.Error("a key that had gone came back as if nothing had been")
			}
			e.answer(broken)
			if err := source.Fetch(t.Context()); err == nil || source.Holds(key) != test.same {
				t.Errorf("a fetch that failed changed what is held: %v", err)
			}
		})
	}
}

func TestASourceWithoutKeysHoldsNone(t *testing.T) {
	t.Parallel()
	keys, err := entrakeys.ParseSet(set(t, entry(t, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if newSource(t, newEntra(t)).Holds(keys[keyID]) {
		t.Error("a key nobody fetched is held")
	}
}
