// Package keypair answers one question: what does a signing key look like on
// the wire, and what does a token signed by it look like? It knows JWK and JWS
// (RFC 7515, 7517, 7518, 7638, 8037), and nothing of time, stores or rotation.
package keypair

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// The algorithms a key may have, as RFC 7518 and RFC 8037 spell them. Hasura
// reads all three; "Ed25519" for the last one would be fatal to both engines.
const (
	ES256 = "ES256"
	RS256 = "RS256"
	EdDSA = "EdDSA"
)

// rsaBits is the size of a new RSA key. 3072 bits sign three times slower, and a
// key lives for days.
const rsaBits = 2048

// Pair is a key that can sign. It is immutable; Sign may run concurrently.
type Pair struct {
	public Public
	header string // the encoded JWS header and the dot after it, the same for each token
	sign   func(input []byte) ([]byte, error)
}

// Generate makes a fresh key of one of the three algorithms and returns its
// private JWK (RFC 7517), which is what Open reads. It takes tens of
// microseconds, for RS256 a good part of a second.
func Generate(alg string) ([]byte, error) {
	key, err := generate(alg)
	if err != nil {
		return nil, fmt.Errorf("generate a key: %w", err)
	}
	public, err := describe(alg, key.Public())
	if err != nil {
		return nil, err
	}
	jwk := jose.JSONWebKey{Key: key, KeyID: public.KID, Algorithm: alg, Use: "sig"}
	text, err := jwk.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("write the private key: %w", err)
	}
	return text, nil
}

func generate(alg string) (crypto.Signer, error) {
	switch alg {
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case RS256:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	case EdDSA:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	default:
		return nil, fmt.Errorf("%q is no algorithm of ours", alg)
	}
}

// Open reads a private JWK. The errors name what is wrong with it and hold
// nothing of it.
func Open(privateJWK []byte) (*Pair, error) {
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(privateJWK); err != nil {
		return nil, errors.New("the private key is no readable JWK") // the cause may quote it
	}
	key, ok := jwk.Key.(crypto.Signer)
	if !ok {
		return nil, errors.New("the JWK is not a private key")
	}
	public, err := describe(jwk.Algorithm, key.Public())
	if err != nil {
		return nil, err
	}
	if jwk.KeyID != public.KID {
		return nil, errors.New("the private key's kid is not its thumbprint")
	}
	header, err := encodeHeader(public)
	if err != nil {
		return nil, err
	}
	return &Pair{public: public, header: header, sign: signer(key)}, nil
}

// Public returns the half that everybody may see.
func (p *Pair) Public() Public { return p.public }

// Try signs a token and verifies it with the public JWK as engines read it, by
// a library that shares no code with Sign.
func (p *Pair) Try() error {
	token, err := p.Sign([]byte(`{}`))
	if err != nil {
		return err
	}
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(p.public.JWK); err != nil {
		return fmt.Errorf("read back the public key %s: %w", p.public.KID, err)
	}
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(p.public.Alg)})
	if err != nil {
		return fmt.Errorf("read back a token of key %s: %w", p.public.KID, err)
	}
	if _, err := jws.Verify(jwk); err != nil {
		return fmt.Errorf("verify a token of key %s: %w", p.public.KID, err)
	}
	return nil
}
