package entrakeys_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp/internal/entrakeys"
)

func TestAKeyIsUsableOnlyInOneShape(t *testing.T) {
	t.Parallel()
	bits := func(n uint) string { // the largest odd number of n bits
		return encoded(new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), n), big.NewInt(1)))
	}
	even := encoded(new(big.Int).Lsh(big.NewInt(1), 2047))
	tests := map[string]struct {
		changes map[string]any
		usable  bool
	}{
		"as Entra writes it":           {nil, true},
		"without use":                  {map[string]any{"use": nil}, true},
		"with our alg":                 {map[string]any{"alg": "RS256"}, true},
		"with things we do not know":   {map[string]any{"x5c": []any{7}, "x5t": false, "key_ops": "?", "oth er": nil}, true},
		"8192 bits":                    {map[string]any{"n": bits(8192)}, true},
		"exponent 3":                   {map[string]any{"e": "Aw"}, true},
		"exponent 2^31-1":              {map[string]any{"e": encoded(big.NewInt(1<<31 - 1))}, true},
		"for encryption":               {map[string]any{"use": "enc"}, false},
		"use in other case":            {map[string]any{"use": "SIG"}, false},
		"use empty":                    {map[string]any{"use": ""}, false},
		"use not text":                 {map[string]any{"use": 7}, false},
		"for another alg":              {map[string]any{"alg": "PS256"}, false},
		"another kty":                  {map[string]any{"kty": "EC"}, false},
		"kty missing":                  {map[string]any{"kty": nil}, false},
		"kid missing":                  {map[string]any{"kid": nil}, false},
		"kid empty":                    {map[string]any{"kid": ""}, false},
		"kid not text":                 {map[string]any{"kid": []string{keyID}}, false},
		"n missing":                    {map[string]any{"n": nil}, false},
		"n with padding":               {map[string]any{"n": bits(2048) + "=="}, false},
		"n with a zero in front":       {map[string]any{"n": "AA" + bits(2064)[2:]}, false},
		"n even":                       {map[string]any{"n": even}, false},
		"2047 bits":                    {map[string]any{"n": bits(2047)}, false},
		"8193 bits":                    {map[string]any{"n": bits(8193)}, false},
		"a modulus without end":        {map[string]any{"n": strings.Repeat("_", 100000)}, false},
		"e missing":                    {map[string]any{"e": nil}, false},
		"exponent 1":                   {map[string]any{"e": "AQ"}, false},
		"exponent 65536":               {map[string]any{"e": "AQAA"}, false},
		"exponent 2^31+1":              {map[string]any{"e": encoded(big.NewInt(1<<31 + 1))}, false},
		"exponent of 300 bits":         {map[string]any{"e": bits(300)}, false},
		"a private exponent":           {map[string]any{"d": "AQAB"}, false},
		"a private prime":              {map[string]any{"p": "AQAB"}, false},
		"a symmetric key":              {map[string]any{"k": ""}, false},
		"issuer not text":              {map[string]any{"issuer": []string{"x"}}, false},
		"cloud not text":               {map[string]any{"cloud_instance_name": 7}, false},
		"deeper than anybody needs":    {map[string]any{"x": json.RawMessage(strings.Repeat("[", 40) + strings.Repeat("]", 40))}, false},
		"a name that only seems known": {map[string]any{"D": "AQAB", "Kty": "EC"}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			beside := entry(t, map[string]any{"kid": "beside"})
			keys, err := entrakeys.ParseSet(set(t, entry(t, test.changes), beside))
			if err != nil {
				t.Fatal(err)
			}
			want := []string{"beside"}
			if test.usable {
				want = []string{keyID, "beside"}
			}
			if diff := cmp.Diff(want, slices.Sorted(maps.Keys(keys))); diff != "" {
				t.Error(diff)
			}
			if !signs(t, keys["beside"]) {
				t.Error("the good key does not verify what it signed")
			}
		})
	}
}

func TestAnIDThatTwoKeysShareIsNobodys(t *testing.T) {
	t.Parallel()
	good, other := entry(t, nil), entry(t, map[string]any{"kid": "other"})
	for _, times := range []int{2, 3} {
		doc := set(t, append(slices.Repeat([]any{good}, times), other)...)
		keys, err := entrakeys.ParseSet(doc)
		if err != nil || keys[keyID] != nil || keys["other"] == nil {
			t.Errorf("%d times the same id: %d keys, %v", times, len(keys), err)
		}
	}
	encryption := entry(t, map[string]any{"use": "enc"})
	if keys, err := entrakeys.ParseSet(set(t, good, encryption)); err != nil || keys[keyID] == nil {
		t.Errorf("a key that is not usable took the id of one that is: %v", err)
	}
}

func TestADocumentWithoutUsableKeysIsAnError(t *testing.T) {
	t.Parallel()
	good := string(set(t, entry(t, nil)))
	for name, doc := range map[string]string{
		"nothing":              "",
		"a page":               "<html></html>",
		"null":                 "null",
		"a list":               "[]",
		"no keys member":       `{"Keys":[]}`,
		"keys null":            `{"keys":null}`,
		"keys an object":       `{"keys":{}}`,
		"no keys":              `{"keys":[]}`,
		"only bad ones":        `{"keys":[null,1,"x",[],{}]}`,
		"cut off":              good[:len(good)-1],
		"something behind":     good + "x",
		"twice":                good + good,
		"keys given twice":     strings.Replace(good, "{", `{"keys":[],`, 1),
		"all with one id":      string(set(t, entry(t, nil), entry(t, nil))),
		"nested without end":   `{"keys":` + strings.Repeat("[", 200000),
		"the only key repeats": strings.Replace(good, `"kid":`, `"kid":"x","kid":`, 1),
		"bad UTF-8 in the key": strings.Replace(good, `"kid":`, "\"x\":\"\xff\",\"kid\":", 1),
	} {
		if keys, err := entrakeys.ParseSet([]byte(doc)); err == nil || keys != nil {
			t.Errorf("%s: %d keys, %v", name, len(keys), err)
		}
	}
}

// FuzzJWKS throws documents at the reader of key sets: whatever it returns can be used without harm.
func FuzzJWKS(f *testing.F) {
	good := set(f, entry(f, nil), entry(f, map[string]any{"kid": "b", "issuer": base + "/{tenantid}/v2.0"}))
	f.Add(good)
	f.Add(set(f, entry(f, map[string]any{"e": "Aw"}), entry(f, map[string]any{"d": "AQAB"}), 7, nil))
	f.Add(bytes.ReplaceAll(good, []byte(`"kid"`), []byte(`"kid":"x","kid"`)))
	f.Add([]byte(`{"keys":[{"kty":"RSA","kid":"\ud800","n":"","e":""}],"keys":[]}`))
	f.Add([]byte("{\"keys\":[\"\xff\"]}"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		keys, err := entrakeys.ParseSet(doc)
		if (err == nil) != (len(keys) > 0) {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
		for kid, key := range keys {
			if kid == "" || !json.Valid(doc) {
				t.Error("a key without id, or from what is no JSON")
			}
			if key.Verify([32]byte{1}, make([]byte, 256)) == nil {
				t.Error("a signature of nothing verifies")
			}
		}
	})
}
