package keypair

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"

	"github.com/go-jose/go-jose/v4"
)

// Public is the half of a key that is published.
type Public struct {
	KID string // RFC 7638 thumbprint (SHA-256) in base64url
	Alg string
	JWK []byte // always the same bytes for the same key
}

// member is a published JWK. It has no field that could hold a private value,
// and only the members both engines read: one odd member makes a whole set
// unreadable to them.
type member struct {
	Kty string `json:"kty"`
	Use string `json:"use"`
	KID string `json:"kid"`
	Alg string `json:"alg"`
	Crv string `json:"crv,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
}

// ParsePublic reads a public JWK, however its members are ordered and spaced.
// One with a private member is refused, and so is one whose kid is not its
// thumbprint or whose alg does not fit its key.
func ParsePublic(jwk []byte) (Public, error) {
	var parsed jose.JSONWebKey
	if err := parsed.UnmarshalJSON(jwk); err != nil {
		return Public{}, errors.New("the public key is no readable JWK")
	}
	public, err := describe(parsed.Algorithm, parsed.Key)
	if err != nil {
		return Public{}, err
	}
	if parsed.KeyID != public.KID {
		return Public{}, errors.New("the public key's kid is not its thumbprint")
	}
	return public, nil
}

// describe writes a public key down as it is published.
func describe(alg string, key crypto.PublicKey) (Public, error) {
	thumbprint, err := (&jose.JSONWebKey{Key: key}).Thumbprint(crypto.SHA256)
	if err != nil {
		return Public{}, fmt.Errorf("take the thumbprint of a key: %w", err)
	}
	m, err := material(key)
	if err != nil {
		return Public{}, err
	}
	if m.Alg != alg {
		return Public{}, fmt.Errorf("a key of %s is marked %q", m.Alg, alg)
	}
	m.Use, m.KID = "sig", encode(thumbprint)
	text, err := json.Marshal(m)
	if err != nil {
		return Public{}, fmt.Errorf("write a public key: %w", err)
	}
	return Public{KID: m.KID, Alg: alg, JWK: text}, nil
}

// material returns the members that are the key itself. The coordinates of a
// curve have fixed width (RFC 7518 §6.2.1.2), leading zeros included.
func material(key crypto.PublicKey) (member, error) {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return member{}, errors.New("an EC key is not on P-256")
		}
		point, err := key.Bytes() // 0x04, X, Y
		if err != nil {
			return member{}, fmt.Errorf("read the point of an EC key: %w", err)
		}
		return member{Kty: "EC", Alg: ES256, Crv: "P-256", X: encode(point[1:33]), Y: encode(point[33:])}, nil
	case *rsa.PublicKey:
		if key.N.BitLen() < 2048 {
			return member{}, fmt.Errorf("an RSA key has %d bits, it needs 2048", key.N.BitLen())
		}
		return member{Kty: "RSA", Alg: RS256, N: encode(key.N.Bytes()), E: encode(big.NewInt(int64(key.E)).Bytes())}, nil
	case ed25519.PublicKey:
		return member{Kty: "OKP", Alg: EdDSA, Crv: "Ed25519", X: encode(key)}, nil
	default: // private keys are types of their own
		return member{}, fmt.Errorf("a %T is no key of ours", key)
	}
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
