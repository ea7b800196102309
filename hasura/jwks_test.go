package hasura_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hasura-issuer/hasura-issuer/hasura"
)

func TestReadingAKeySet(t *testing.T) {
	t.Parallel()
	m := newMaterial()
	good := func(kind string) map[string]any { return jwk("K1", kind, m.key(t, "K1", kind).Public()) }
	with := func(o map[string]any, name string, v any) map[string]any {
		o = maps.Clone(o)
		o[name] = v
		return o
	}
	x := func(kind string) string { return good(kind)["x"].(string) }
	for name, tt := range map[string]struct {
		body   any
		v2, v3 string // "" reads; else a part of the fault
	}{
		"a good set":                     {[]any{good("P-256"), good("RSA2048"), good("Ed25519")}, "", ""},
		"an empty set":                   {[]any{}, "", ""},
		"no keys at all":                 {nil, `"keys" not found`, "missing field `keys`"},
		"a key that is null":             {[]any{nil}, "$.keys[0]: parsing JWK failed", "expected Object"},
		"a second key that is broken":    {[]any{good("P-256"), with(good("P-256"), "kid", 1)}, "$.keys[1].kid", ".kid"},
		"a key for encryption":           {[]any{with(good("RSA2048"), "use", "enc")}, "", ""},
		"a use that is null":             {[]any{with(good("RSA2048"), "use", nil)}, "", ""},
		"an unknown algorithm":           {[]any{with(good("P-256"), "alg", "ES999")}, ".alg", ".alg"},
		"an algorithm v3 does not know":  {[]any{with(good("P-256"), "alg", "ECDH-ES")}, "", ".alg"},
		"key operations both know":       {[]any{with(good("P-256"), "key_ops", []string{"verify"})}, "", ""},
		"key operations that are text":   {[]any{with(good("P-256"), "key_ops", "verify")}, ".key_ops", ".key_ops"},
		"a thumbprint of the right size": {[]any{with(good("P-256"), "x5t", b64(make([]byte, 20)))}, "", ""},
		"a thumbprint of the wrong size": {[]any{with(good("P-256"), "x5t#S256", b64(make([]byte, 20)))}, "x5t#S256", ""},
		"its own certificate, EC":        {[]any{with(good("P-256"), "x5c", []string{certificate(t, m.key(t, "K1", "P-256"))})}, "", ""},
		"its own certificate, RSA":       {[]any{with(good("RSA2048"), "x5c", []string{certificate(t, m.key(t, "K1", "RSA2048"))})}, "", ""},
		"its own certificate, Ed25519":   {[]any{with(good("Ed25519"), "x5c", []string{certificate(t, m.key(t, "K1", "Ed25519"))})}, "", ""},
		"a certificate not in base64":    {[]any{with(good("P-256"), "x5c", []string{"%"})}, "not valid base64", ""},
		"a certificate that is none":     {[]any{with(good("P-256"), "x5c", []string{"AAAA"})}, "not a certificate", ""},
		"a point off its curve":          {[]any{with(good("P-256"), "y", x("P-256"))}, "not on specified curve", ""},
		"a coordinate not in base64url":  {[]any{with(good("P-256"), "x", "a+b")}, "not valid base64url", ""},
		"a coordinate with a line break": {[]any{with(good("P-256"), "x", x("P-256")[:10]+"\n"+x("P-256")[10:])}, "base64url", ""},
		"a coordinate that is missing":   {[]any{with(good("P-256"), "y", nil)}, "not valid base64url", "missing field `y`"},
		"a curve nobody knows":           {[]any{with(good("P-256"), "crv", "P-1")}, "unknown curve", ".crv"},
		"a curve that is a list":         {[]any{with(good("P-256"), "crv", []string{})}, ".crv", "missing field `crv`"},
		"a curve only v2 knows":          {[]any{with(with(good("Ed25519"), "crv", "X448"), "x", b64(make([]byte, 56)))}, "", ".crv"},
		"an OKP curve nobody knows":      {[]any{with(good("Ed25519"), "crv", "Ed1")}, "unknown curve", ".crv"},
		"an Ed25519 key that is short":   {[]any{with(good("Ed25519"), "x", "AAAA")}, "expected 32 octets, found 3", ""},
		"a modulus that is empty":        {[]any{with(good("RSA2048"), "n", "")}, "not valid base64url", ""},
		"a secret":                       {[]any{map[string]any{"kty": "oct", "k": "AAAA", "use": "sig"}}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := hasura.JWKSAnswer{URL: "u", Status: 200, Body: marshal(t, map[string]any{"keys": tt.body})}
			_, err := hasura.ReadV2JWKS(answer, 0)
			fault(t, "v2", err, tt.v2)
			_, err = hasura.ReadV3JWKS(answer)
			fault(t, "v3", err, tt.v3)
		})
	}
}

func fault(t *testing.T, engine string, err error, want string) {
	t.Helper()
	if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
		t.Errorf("%s: got %v, want %q", engine, err, want)
	}
}

func TestHowManyKeysAnEngineHolds(t *testing.T) {
	t.Parallel()
	m := newMaterial()
	body := jwksOf(t, m.describe(t, "K1:P-256"), m.describe(t, "K2:P-256 (no use)"), m.describe(t, "K3:P-256,use=saml"))
	for quirk, want := range map[hasura.Quirks]int{0: 2, hasura.QuirkUseRequired: 1} {
		if v2, err := hasura.ReadV2JWKS(hasura.JWKSAnswer{Body: body}, quirk); err != nil || v2.Len() != want {
			t.Errorf("v2 holds %d keys (%v), want %d", v2.Len(), err, want)
		}
	}
	if v3, err := hasura.ReadV3JWKS(hasura.JWKSAnswer{Body: body}); err != nil || v3.Len() != 3 {
		t.Errorf("v3 holds %d keys (%v), want 3", v3.Len(), err)
	}
}

func TestASharedSecretVerifiesHMACInBothEngines(t *testing.T) {
	t.Parallel()
	e, secret := usual(t), []byte("0123456789abcdef0123456789abcdef")
	jwks := jwksOf(t, map[string]any{"kty": "oct", "k": b64(secret), "kid": "K1", "use": "sig"})
	input := strings.TrimSuffix(sign(t, map[string]any{"alg": "HS256", "kid": "K1"}, claims(), "HS256", nil), ".")
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	token := input + "." + b64(mac.Sum(nil))
	if v := hasura.V2(e.v2, jwks, token, "", now()); !v.Accepted {
		t.Errorf("v2 said %+v", v)
	}
	if v := hasura.V3(e.v3, jwks, token, "", now()); !v.Accepted {
		t.Errorf("v3 said %+v", v)
	}
}

// TestQuirksOnlyRefuseMore is what lets a caller ask the strictest engine alone.
func TestQuirksOnlyRefuseMore(tb *testing.T) {
	tb.Parallel()
	m, e := newMaterial(), usual(tb)
	key := m.key(tb, "K1", "RSA2048")
	n := jwk("K1", "RSA2048", key.Public())["n"].(string)
	token := sign(tb, map[string]any{"alg": "RS256"}, claims(), "RS256", key)
	members := map[string][]any{
		"use": {"sig", "enc", "saml", nil}, "n": {n, n + "==", "AA" + n, strings.ReplaceAll(n, "-", "+")},
		"alg": {"RS256", "ES512", "Ed25519", nil}, "kty": {"RSA", "AKP"},
	}
	rapid.Check(tb, func(t *rapid.T) {
		keys := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) map[string]any {
			o := jwk("K1", "RSA2048", key.Public())
			for name, values := range members {
				o[name] = rapid.SampledFrom(values).Draw(t, name)
			}
			return o
		}), 0, 3).Draw(t, "keys")
		quirks := hasura.Quirks(rapid.Uint8Range(0, uint8(hasura.AllQuirks)).Draw(t, "quirks"))
		accepts := func(q hasura.Quirks) bool {
			c := e.v2
			c.Quirks = q
			return hasura.V2(c, jwksOf(tb, keys...), token, "", now()).Accepted
		}
		if accepts(hasura.AllQuirks) && !accepts(quirks) || accepts(quirks) && !accepts(0) {
			t.Fatalf("quirks %b accept what fewer refuse", quirks)
		}
	})
}

// FuzzJudge looks for input that breaks a model; nothing unsigned may pass one.
func FuzzJudge(f *testing.F) {
	m, e := newMaterial(), usual(f)
	token, jwks := signed(f, m, "ES256", "P-256", claims())
	f.Add(jwks, token)
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQ","e":"AQ","kid":"K1"}]}`), token)
	f.Add([]byte(`{"keys":[null]}`), "..")
	f.Add([]byte(`[]`), "e30.e30.e30")
	f.Fuzz(func(t *testing.T, body []byte, given string) {
		v2, v3 := hasura.V2(e.v2, body, given, "", now()), hasura.V3(e.v3, body, given, "", now())
		if given == token || string(body) != string(jwks) {
			return
		}
		if v3.Accepted || v2.Accepted && given[:strings.LastIndex(given, ".")] != token[:strings.LastIndex(token, ".")] {
			t.Error("a token that was not signed was accepted")
		}
	})
}
