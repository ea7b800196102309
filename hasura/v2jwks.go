package hasura

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// V2Keys is a key set as a v2 engine holds it. The zero value is the empty set an engine has before its first fetch.
type V2Keys struct{ keys []publicKey }

// Len is the number of keys the engine would try.
func (k V2Keys) Len() int { return len(k.keys) }

// ReadV2JWKS reads an answer of the jwk_url as a v2 engine does: one key it cannot read spoils the set. The error is the
// engine's sentence; at start the engine exits with it, later it keeps the keys it has and tries again a second later.
func ReadV2JWKS(answer JWKSAnswer, quirks Quirks) (V2Keys, error) {
	if answer.failed() {
		return V2Keys{}, say("Non-2xx response on fetching JWK from: %s", answer.URL)
	}
	v, err := parseJSON(answer.Body)
	if err != nil {
		return V2Keys{}, say("Error parsing JWK from url: %s: %s", answer.URL, err)
	}
	r := &reader{at: "$"}
	list, ok := r.object(v, "JWKSet")["keys"].([]any)
	if !ok {
		r.fail("", `key "keys" not found`)
	}
	var set V2Keys
	for i, v := range list {
		r.at = fmt.Sprintf("$.keys[%d]", i)
		if key, usable := r.v2Key(r.object(v, "JWK"), quirks); usable {
			set.keys = append(set.keys, key)
		}
	}
	if r.err != nil {
		return V2Keys{}, say("Error parsing JWK from url: %s: %s", answer.URL, r.err)
	}
	return set, nil
}

// v2Key reads one key and says whether the engine will try it. hs-jose parses every member it knows.
func (r *reader) v2Key(o map[string]any, quirks Quirks) (publicKey, bool) {
	usable := true
	switch use := r.text(o, "use"); {
	case !has(o, "use"):
		usable = quirks&QuirkUseRequired == 0
	case use != "sig" && use != "enc" && quirks&QuirkUnknownUse != 0:
		r.fail(".use", "unknown value")
	case use != "sig" && use != "enc":
		return publicKey{}, false
	}
	r.text(o, "kid")
	r.oneOf(o, "alg", strings.Fields(v2Algorithms)...)
	for _, op := range r.texts(o, "key_ops") {
		if !slices.Contains(strings.Fields("sign verify encrypt decrypt wrapKey unwrapKey deriveKey deriveBits"), op) {
			r.fail(".key_ops", "unknown value")
		}
	}
	r.thumbprints(o)
	k := r.v2Material(o, quirks)
	r.checkChain(o, k)
	return k, usable
}

const (
	// v2Signatures are the names hs-jose knows for a token's "alg" (RFC 7518 §3.1). Ed25519 of RFC 9864 is not one.
	v2Signatures = "none HS256 HS384 HS512 RS256 RS384 RS512 ES256 ES384 ES512 ES256K PS256 PS384 PS512 EdDSA"
	// v2Algorithms are those of a JWK's "alg", which may be for encryption (RFC 7518 §4.1).
	v2Algorithms = v2Signatures + " RSA1_5 RSA-OAEP RSA-OAEP-256 A128KW A192KW A256KW dir ECDH-ES ECDH-ES+A128KW " +
		"ECDH-ES+A192KW ECDH-ES+A256KW A128GCMKW A192GCMKW A256GCMKW PBES2-HS256+A128KW PBES2-HS384+A192KW " +
		"PBES2-HS512+A256KW"
)

// thumbprints holds certificate thumbprints, of keys and of token headers alike, to their size.
func (r *reader) thumbprints(o map[string]any) {
	for name, size := range map[string]int{"x5t": 20, "x5t#S256": 32} {
		if b, ok := base64url(r.text(o, name)); has(o, name) && (!ok || len(b) != size) {
			r.fail("."+name, "not a thumbprint of %d octets", size)
		}
	}
}

func (r *reader) v2Material(o map[string]any, quirks Quirks) publicKey {
	k := publicKey{family: r.text(o, "kty"), curve: r.text(o, "crv")}
	switch k.family {
	case "RSA":
		k.rsa = rsaKey(r.bigNumber(o, "n", quirks), r.bigNumber(o, "e", quirks))
	case "oct":
		k.octets = r.sized(o, "k", 0)
	case "EC":
		k.octets = r.v2Point(o, quirks)
	case "OKP":
		size := map[string]int{"Ed25519": 32, "X25519": 32, "Ed448": 57, "X448": 56}[k.curve]
		if size == 0 {
			r.fail(".crv", "unknown curve")
		}
		k.octets = r.sized(o, "x", size)
	default:
		r.fail(".kty", "unknown key type")
	}
	return k
}

func (r *reader) v2Point(o map[string]any, quirks Quirks) []byte {
	crv := r.text(o, "crv")
	curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[crv]
	size := 32
	switch {
	case curve != nil:
		size = (curve.Params().BitSize + 7) / 8
	case crv != "secp256k1" || quirks&QuirkNoSecp256k1 != 0:
		r.fail(".crv", "unknown curve")
	}
	point := uncompressed(r.sized(o, "x", size), r.sized(o, "y", size))
	if curve != nil {
		if _, err := ecdsa.ParseUncompressedPublicKey(curve, point); err != nil {
			r.fail("", "point is not on specified curve")
		}
	}
	return point
}

// sized reads octets in base64url; size 0 is any.
func (r *reader) sized(o map[string]any, name string, size int) []byte {
	b, ok := base64url(r.text(o, name))
	switch {
	case !ok || !has(o, name):
		r.fail("."+name, "not valid base64url")
	case size != 0 && len(b) != size:
		r.fail("."+name, "expected %d octets, found %d", size, len(b))
	}
	return b
}

// bigNumber reads a Base64urlUInt (RFC 7518 §2). The newest releases mend leading zeros and standard base64 first.
func (r *reader) bigNumber(o map[string]any, name string, quirks Quirks) []byte {
	s := r.text(o, name)
	if quirks&QuirkExactNumbers == 0 {
		s = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(s, "="))
	}
	b, ok := base64url(s)
	switch {
	case !ok || len(b) == 0:
		r.fail("."+name, "not valid base64url")
	case b[0] == 0 && quirks&QuirkExactNumbers != 0:
		r.fail("."+name, "leading null byte")
	}
	return bytes.TrimLeft(b, "\x00")
}

// checkChain wants the first certificate of "x5c" (RFC 7517 §4.7) to hold the key.
func (r *reader) checkChain(o map[string]any, k publicKey) {
	for i, s := range r.texts(o, "x5c") {
		der, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			r.fail(".x5c", "not valid base64")
			return
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			r.fail(".x5c", "not a certificate")
			return
		}
		if i == 0 && !k.equals(cert.PublicKey) {
			r.fail("", `X.509 cert in "x5c" param does not match key`)
		}
	}
}

func (k publicKey) equals(public crypto.PublicKey) bool {
	switch public := public.(type) {
	case *rsa.PublicKey:
		return k.rsa != nil && k.rsa.Equal(public)
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		return err == nil && k.family == "EC" && bytes.Equal(point, k.octets)
	case ed25519.PublicKey:
		return k.family == "OKP" && bytes.Equal(public, k.octets)
	}
	return false
}
