package hasura

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
)

// V3Keys is a key set as a v3 engine reads it for one request.
type V3Keys struct{ keys []map[string]any }

// Len is the number of keys in the set.
func (k V3Keys) Len() int { return len(k.keys) }

func internalError(format string, args ...any) error {
	return refuse(http.StatusInternalServerError, "", "Internal Error - "+format, args...)
}

// ReadV3JWKS reads an answer of the jwkFromUrl as a v3 engine does, for every request anew: one key it cannot read
// spoils the set. The error is the engine's sentence; the request is then answered with 500.
func ReadV3JWKS(answer JWKSAnswer) (V3Keys, error) {
	if answer.failed() {
		return V3Keys{}, internalError("Received unsuccessful response %d status while fetching JWK", answer.Status)
	}
	v, err := parseJSON(answer.Body)
	if err != nil {
		return V3Keys{}, internalError("Internal request error: error decoding response body: %s", err)
	}
	r := &reader{}
	list, ok := r.object(v, "JwkSet")["keys"].([]any)
	if !ok {
		r.fail("", "missing field `keys`")
	}
	var set V3Keys
	for _, v := range list {
		key := r.object(v, "Jwk")
		r.v3Key(key)
		set.keys = append(set.keys, key)
	}
	if r.err != nil {
		return V3Keys{}, internalError("Internal request error: error decoding response body: %s", r.err)
	}
	return set, nil
}

// v3Key holds a key to the shape jsonwebtoken 9 knows. Its list of algorithms is closed, ES512 and Ed25519 not in it.
func (r *reader) v3Key(o map[string]any) {
	for _, name := range []string{"use", "kid", "x5u", "x5t", "x5t#S256"} {
		r.text(o, name)
	}
	r.texts(o, "key_ops")
	r.texts(o, "x5c")
	r.oneOf(o, "alg", strings.Fields("HS256 HS384 HS512 ES256 ES384 RS256 RS384 RS512 PS256 PS384 PS512 EdDSA "+
		"RSA1_5 RSA-OAEP RSA-OAEP-256")...)
	members := map[string]string{"EC": "crv x y", "RSA": "n e", "oct": "k", "OKP": "crv x"}[r.text(o, "kty")]
	if members == "" {
		r.fail("", "data did not match any variant of untagged enum AlgorithmParameters")
	}
	for name := range strings.FieldsSeq(members) {
		if _, ok := o[name].(string); !ok {
			r.fail("", "missing field `%s`", name)
		}
	}
	if strings.HasPrefix(members, "crv") {
		r.oneOf(o, "crv", "P-256", "P-384", "P-521", "Ed25519")
	}
}

// find returns the first key with the kid.
func (k V3Keys) find(kid string) (map[string]any, bool) {
	i := slices.IndexFunc(k.keys, func(o map[string]any) bool { return o["kid"] == kid })
	if i < 0 {
		return nil, false
	}
	return k.keys[i], true
}

// v3PublicKey decodes a key's material. The library beneath (ring) judges it only when it verifies: there, an RSA number
// with a leading zero or a modulus outside 2048 to 8192 bits makes every signature invalid.
func v3PublicKey(o map[string]any) (publicKey, error) {
	raw := map[string][]byte{}
	for _, name := range []string{"n", "e", "x", "y", "k"} {
		s, _ := o[name].(string)
		b, ok := canonical64(s)
		if !ok {
			return publicKey{}, internalError("Error while constructing the JWT decoding key: Base64 error")
		}
		raw[name] = b
	}
	family, _ := o["kty"].(string)
	k := publicKey{family: family}
	switch family {
	case "RSA":
		n, e := raw["n"], raw["e"]
		leadingZero := bytes.HasPrefix(n, []byte{0}) || bytes.HasPrefix(e, []byte{0})
		if key := rsaKey(n, e); key != nil && !leadingZero && key.N.BitLen() >= 2048 && key.N.BitLen() <= 8192 {
			k.rsa = key
		}
	case "EC":
		k.octets = uncompressed(raw["x"], raw["y"])
	case "OKP":
		k.octets = raw["x"]
	case "oct":
		k.octets = raw["k"]
	}
	return k, nil
}

// v3Accepts lists the algorithms v3 takes from a family of keys; the JWK's own "alg" is not asked.
func v3Accepts(family string) []string {
	return map[string][]string{
		"RSA": {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"},
		"EC":  {"ES256", "ES384"},
		"OKP": {"EdDSA"},
		"oct": {"HS256", "HS384", "HS512"},
	}[family]
}
