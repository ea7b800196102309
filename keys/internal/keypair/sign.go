package keypair

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// encodeHeader writes the JWS header once per key. Three members, no more:
// Hasura v3 wants the kid, and neither engine wants anything else.
func encodeHeader(public Public) (string, error) {
	text, err := json.Marshal(struct {
		Alg string `json:"alg"`
		KID string `json:"kid"`
		Typ string `json:"typ"`
	}{public.Alg, public.KID, "JWT"})
	if err != nil {
		return "", fmt.Errorf("write the token header: %w", err)
	}
	return encode(text) + ".", nil
}

// Sign returns the compact serialisation (RFC 7515 §7.1) of the payload's bytes
// as they are. The serialiser is our own because a library goes through JSON and
// a map for each token, and this is the hot path of every exchange.
func (p *Pair) Sign(payload []byte) (string, error) {
	const signatureRoom = 343 // an RSA signature of 2048 bits, the longest usual one, and its dot
	token := make([]byte, 0, len(p.header)+base64.RawURLEncoding.EncodedLen(len(payload))+signatureRoom)
	token = append(token, p.header...)
	token = base64.RawURLEncoding.AppendEncode(token, payload)
	signature, err := p.sign(token)
	if err != nil {
		return "", fmt.Errorf("sign with key %s: %w", p.public.KID, err)
	}
	token = append(token, '.')
	token = base64.RawURLEncoding.AppendEncode(token, signature)
	return string(token), nil
}

// signer returns how a key signs: RFC 7518 §3.3 and §3.4, RFC 8037 §3.1.
func signer(key crypto.Signer) func(input []byte) ([]byte, error) {
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		return func(input []byte) ([]byte, error) { return signES256(key, input) }
	case *rsa.PrivateKey:
		key.Precompute() // or each signature would do it again
		return func(input []byte) ([]byte, error) {
			digest := sha256.Sum256(input)
			return rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
		}
	default: // describe lets no other kind pass
		return func(input []byte) ([]byte, error) { return key.Sign(nil, input, &ed25519.Options{}) }
	}
}

// signES256 returns r and s in 32 bytes each, leading zeros included; ASN.1, as
// crypto/ecdsa would have it, is no JWS signature.
func signES256(key *ecdsa.PrivateKey, input []byte) ([]byte, error) {
	digest := sha256.Sum256(input)
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		return nil, err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signature, nil
}
