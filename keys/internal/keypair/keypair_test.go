package keypair_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/hasura-issuer/hasura-issuer/keys/internal/keypair"
)

// members returns a fresh private JWK as a map to alter.
func members(t *testing.T, alg string) map[string]any {
	t.Helper()
	text, err := keypair.Generate(alg)
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, text)
}

func decode(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var jwk map[string]any
	if err := json.Unmarshal(text, &jwk); err != nil {
		t.Fatal("the JWK is no JSON object")
	}
	return jwk
}

func encode(t *testing.T, jwk any) []byte {
	t.Helper()
	text, err := json.Marshal(jwk)
	if err != nil {
		t.Fatal("the JWK cannot be written")
	}
	return text
}

func TestAKeyIsReadBackAsItWasMade(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{keypair.ES256, keypair.RS256, keypair.EdDSA} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			text, err := keypair.Generate(alg)
			if err != nil {
				t.Fatal(err)
			}
			pair, err := keypair.Open(text)
			if err != nil {
				t.Fatal(err)
			}
			if err := pair.Try(); err != nil {
				t.Errorf("the key does not work: %v", err)
			}
			spaced, err := json.MarshalIndent(decode(t, pair.Public().JWK), "", "\t") // and sorted by name
			if err != nil {
				t.Fatal(err)
			}
			public, err := keypair.ParsePublic(spaced)
			if err != nil {
				t.Fatal(err)
			}
			if string(public.JWK) != string(pair.Public().JWK) || public.KID != pair.Public().KID || public.Alg != alg {
				t.Errorf("the public half is read as\n%s, was\n%s", public.JWK, pair.Public().JWK)
			}
		})
	}
	if _, err := keypair.Generate("HS256"); err == nil {
		t.Error("a shared secret is made")
	}
}

func TestAKeyThatIsNotWhatItSaysIsRefused(t *testing.T) {
	t.Parallel()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	named := func(jwk jose.JSONWebKey) []byte {
		thumbprint, err := jwk.Thumbprint(crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		jwk.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
		return encode(t, jwk)
	}
	es, rs := members(t, keypair.ES256), members(t, keypair.RS256)
	with := func(jwk map[string]any, name string, value any) []byte {
		jwk = maps.Clone(jwk)
		jwk[name] = value
		return encode(t, jwk)
	}
	for name, text := range map[string][]byte{
		"another kid":                  with(es, "kid", "abc"),
		"no kid":                       with(es, "kid", nil),
		"another algorithm":            with(es, "alg", "ES384"),
		"no algorithm":                 with(es, "alg", nil),
		"an algorithm of another kind": with(rs, "alg", "ES256"),
		"a point off the curve":        with(es, "x", es["y"]),
		"half of a modulus":            with(rs, "n", rs["p"]),
		"a curve engines cannot read":  named(jose.JSONWebKey{Key: p384, Algorithm: "ES256"}),
		"too few bits":                 named(jose.JSONWebKey{Key: small, Algorithm: "RS256"}),
		"a shared secret":              encode(t, jose.JSONWebKey{Key: []byte("secret"), Algorithm: "ES256"}),
		"no JSON":                      []byte("no JSON"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := keypair.Open(text)
			if err == nil {
				t.Fatal("the private half is accepted")
			}
			for _, secret := range []any{es["d"], rs["d"], rs["p"]} {
				if strings.Contains(err.Error(), secret.(string)) {
					t.Error("the error holds a private member")
				}
			}
			public := text
			if json.Valid(text) {
				jwk := decode(t, text)
				for _, private := range []string{"d", "p", "q", "dp", "dq", "qi"} {
					delete(jwk, private)
				}
				public = encode(t, jwk)
			}
			if _, err := keypair.ParsePublic(public); err == nil {
				t.Error("the public half is accepted")
			}
		})
	}
}

func TestTheHalvesAreNotTakenForEachOther(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{keypair.ES256, keypair.RS256, keypair.EdDSA} {
		private := members(t, alg)
		if _, err := keypair.ParsePublic(encode(t, private)); err == nil {
			t.Errorf("%s: a private key passes for a public one", alg)
		}
		pair, err := keypair.Open(encode(t, private))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := keypair.Open(pair.Public().JWK); err == nil {
			t.Errorf("%s: a public key passes for a private one", alg)
		}
	}
}
