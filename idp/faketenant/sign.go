package faketenant

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
)

// SignOption alters how Sign writes a token.
type SignOption func(*signing)

type signing struct {
	key  Key
	set  map[string]any
	drop []string
}

// SignedBy signs with k instead of KeyFirst, and names it in the header.
func SignedBy(k Key) SignOption { return func(s *signing) { s.key = k } }

// WithHeader sets a member of the token's header. Setting alg signs by that algorithm, see Sign.
func WithHeader(name string, value any) SignOption {
	return func(s *signing) { s.set[name] = value }
}

// WithoutHeader leaves a member out of the token's header.
func WithoutHeader(name string) SignOption {
	return func(s *signing) { s.drop = append(s.drop, name) }
}

// Sign writes claims as a compact JWS with Entra's header: typ, alg RS256, kid, and x5t in v1.0 tokens. The signature
// is a good one for the header's alg: RS256, RS512 and PS256 by the RSA key; HS256 with the key's public half
// (PKIX, PEM) as the secret, the classic confusion; none with an empty one. Any other alg, and one left out, is signed
// as RS256. Claims that JSON cannot write are a fault of the caller, and panic.
func (t *Tenant) Sign(claims map[string]any, opts ...SignOption) string {
	s := signing{key: KeyFirst, set: map[string]any{}}
	for _, opt := range opts {
		opt(&s)
	}
	key := t.key(s.key)
	header := map[string]any{"typ": "JWT", "alg": "RS256", "kid": key.kid}
	if claims["ver"] == "1.0" {
		header["x5t"] = key.kid
	}
	maps.Copy(header, s.set)
	for _, name := range s.drop {
		delete(header, name)
	}
	alg, _ := header["alg"].(string)
	return key.compact(mustJSON(header), mustJSON(claims), alg)
}

// SignRaw writes header and payload as they are, be they JSON or not, with a good RS256 signature by k, whatever the
// header says.
func (t *Tenant) SignRaw(header, payload []byte, k Key) string {
	return t.key(k).compact(header, payload, "RS256")
}

// compact is the compact serialization of RFC 7515 section 7.1.
func (k *signingKey) compact(header, payload []byte, alg string) string {
	encode := base64.RawURLEncoding.EncodeToString
	input := encode(header) + "." + encode(payload)
	signature, err := k.sign([]byte(input), alg)
	if err != nil {
		panic(fmt.Sprintf("faketenant: sign: %v", err))
	}
	return input + "." + encode(signature)
}

func (k *signingKey) sign(input []byte, alg string) ([]byte, error) {
	sum := sha256.Sum256(input)
	switch alg {
	case "none":
		return nil, nil
	case "HS256":
		return k.hmac(input)
	case "PS256":
		opts := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
		return rsa.SignPSS(rand.Reader, k.private, crypto.SHA256, sum[:], opts)
	case "RS512":
		sum := sha512.Sum512(input)
		return rsa.SignPKCS1v15(rand.Reader, k.private, crypto.SHA512, sum[:])
	default:
		return rsa.SignPKCS1v15(rand.Reader, k.private, crypto.SHA256, sum[:])
	}
}

func (k *signingKey) hmac(input []byte) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(k.private.Public())
	if err != nil {
		return nil, fmt.Errorf("write public key: %w", err)
	}
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	mac.Write(input)
	return mac.Sum(nil), nil
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("faketenant: write JSON: %v", err))
	}
	return b
}
