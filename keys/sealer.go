package keys

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// Sealer turns private keys into what a store may hold, and back. A nil Sealer
// leaves them as they are, for a store that nobody else can read. It may be used
// concurrently.
type Sealer struct {
	keks []*kek // the first one seals
}

// NewSealer returns a sealer that seals with the first key given and opens with
// any of them, so that one can be exchanged for another. It wants at least one
// key, and each id once.
func NewSealer(keks ...KEK) (*Sealer, error) {
	if len(keks) == 0 {
		return nil, errors.New("a sealer needs a key-encryption key")
	}
	seen := make(map[string]bool)
	for _, kek := range keks {
		if kek.ID == "" || seen[kek.ID] {
			return nil, fmt.Errorf("the id %q of a key-encryption key is empty or given twice", kek.ID)
		}
		seen[kek.ID] = true
	}
	s := &Sealer{}
	for _, one := range keks {
		s.keks = append(s.keks, newKEK(one))
	}
	return s, nil
}

// seal encrypts a private JWK as RFC 7517 §7 says: a compact JWE whose cty is
// jwk+json and whose kid names the key-encryption key. Each JWK gets a content
// key of its own (A256GCMKW), so the long-lived key never meets plaintext, and
// its random nonces (96 bits) are one per signing key, not a matter of volume.
// GCM also vouches for the row: who can write to the store alone cannot plant a
// key that opens.
func (s *Sealer) seal(jwk []byte) (PrivateJWK, error) {
	if s == nil {
		return PrivateJWK(jwk), nil
	}
	kek, err := s.keks[0].get()
	if err != nil {
		return "", err
	}
	encrypter, err := jose.NewEncrypter(jose.A256GCM,
		jose.Recipient{Algorithm: jose.A256GCMKW, Key: kek.Key[:], KeyID: kek.ID},
		(&jose.EncrypterOptions{}).WithContentType("jwk+json"))
	if err != nil {
		return "", fmt.Errorf("seal with key-encryption key %q: %w", kek.ID, err)
	}
	jwe, err := encrypter.Encrypt(jwk)
	if err != nil {
		return "", fmt.Errorf("seal with key-encryption key %q: %w", kek.ID, err)
	}
	text, err := jwe.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("seal with key-encryption key %q: %w", kek.ID, err)
	}
	return PrivateJWK(text), nil
}

// open returns the private JWK. A sealer opens nothing that is not sealed, or
// whoever can write to the store could plant a key. The error names the id of
// the key-encryption key that is missing or wrong, or was not fetched.
func (s *Sealer) open(private PrivateJWK) ([]byte, error) {
	switch {
	case private == "":
		return nil, errors.New("the private half was wiped")
	case s == nil && private.Sealed():
		return nil, fmt.Errorf("it is sealed with key-encryption key %q, and none is set", kekID(private))
	case s == nil:
		return []byte(private), nil
	case !private.Sealed():
		return nil, errors.New("it is not sealed, although a key-encryption key is set: unset that again, or begin a new ring in another file")
	}
	jwe, err := parseJWE(private)
	if err != nil {
		return nil, errors.New("the sealed private key is no readable JWE")
	}
	for _, one := range s.keks {
		if one.id != jwe.Header.KeyID {
			continue
		}
		kek, err := one.get()
		if err != nil {
			return nil, err
		}
		jwk, err := jwe.Decrypt(kek.Key[:])
		if err != nil {
			return nil, fmt.Errorf("key-encryption key %q does not open it: the key is a different one, or the row was altered", kek.ID)
		}
		return jwk, nil
	}
	return nil, fmt.Errorf("it is sealed with key-encryption key %q, which is not among those set", jwe.Header.KeyID)
}

// Sealed tells a compact JWE from a JWK in the clear, which begins with a brace.
func (p PrivateJWK) Sealed() bool {
	return strings.Count(string(p), ".") == 4 && !strings.HasPrefix(string(p), "{")
}

func kekID(private PrivateJWK) string {
	jwe, err := parseJWE(private)
	if err != nil {
		return ""
	}
	return jwe.Header.KeyID
}

func parseJWE(private PrivateJWK) (*jose.JSONWebEncryption, error) {
	return jose.ParseEncryptedCompact(string(private), []jose.KeyAlgorithm{jose.A256GCMKW}, []jose.ContentEncryption{jose.A256GCM})
}
