package sharedcache

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

// Each use of a key-encryption key has a key of its own (RFC 5869 §3.2). The
// version is that of the layout below and of the names in Redis.
const (
	sealInfo = "hasura-issuer: entry of the shared cache, version 1"
	nameInfo = "hasura-issuer: name of an entry of the shared cache, version 1"
)

// An entry is a version, the time its value is good until (microseconds of Unix
// time, big endian), a nonce, and the sealed value with its tag.
const (
	version    = 1
	headerSize = 1 + 8
	overhead   = headerSize + chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead
	maxEntry   = MaxValue + overhead
)

// sealer holds the keys derived from one key-encryption key.
//
// An entry is sealed with XChaCha20-Poly1305, which authenticates it as an HMAC
// would, in constant time, and hides it too: group ids are personal data, and
// Redis often has more readers than the database. AES-GCM would do both as well,
// but its random nonces of 96 bits are good for 2^32 entries under one key, which
// all replicas share and which lives for years; 192 bits have no such bound.
//
// Sealed with the value are the version, the purpose, the full key and the time:
// so an entry that is altered, copied to another key or purpose, or kept longer
// than meant does not open. What a seal cannot show is that an entry was put back
// to what it was before, within its time; MaxTTL bounds that.
//
// The keys are inside functions: fmt follows pointers, also those in unexported
// fields, where it asks no method, but it never looks into a function.
type sealer struct {
	aead func() cipher.AEAD
	mac  func() hash.Hash // of names
}

func newSealer(keyEncryptionKey [32]byte) (*sealer, error) {
	sealKey, err := hkdf.Key(sha256.New, keyEncryptionKey[:], nil, sealInfo, chacha20poly1305.KeySize)
	if err != nil {
		return nil, err
	}
	nameKey, err := hkdf.Key(sha256.New, keyEncryptionKey[:], nil, nameInfo, sha256.Size)
	if err != nil {
		return nil, err
	}
	aead, err := chacha20poly1305.NewX(sealKey)
	if err != nil {
		return nil, err
	}
	return &sealer{
		aead: func() cipher.AEAD { return aead },
		mac:  func() hash.Hash { return hmac.New(sha256.New, nameKey) },
	}, nil
}

// nameOf returns the key in Redis: the purpose for operators, and a keyed hash,
// since a key of ours holds ids of people, which a plain hash of them would not
// hide from somebody who can guess.
func (s *sealer) nameOf(purpose, key string) string {
	mac := s.mac()
	mac.Write(spell(nil, purpose, key))
	return "issuer:" + purpose + ":v1:" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (s *sealer) seal(purpose, key string, value []byte, until time.Time) []byte {
	entry := make([]byte, 0, overhead+len(value))
	entry = append(entry, version)
	entry = binary.BigEndian.AppendUint64(entry, uint64(until.UnixMicro()))
	bound := spell(entry, purpose, key)
	nonce := entry[headerSize : headerSize+chacha20poly1305.NonceSizeX]
	_, _ = rand.Read(nonce) // never fails
	return s.aead().Seal(entry[:headerSize+len(nonce)], nonce, value, bound)
}

// open returns the value of an entry, and Hit, if it was sealed for this purpose
// and key and its time is not over.
func (s *sealer) open(purpose, key string, entry []byte, now time.Time) ([]byte, Outcome) {
	if len(entry) < overhead || entry[0] != version {
		return nil, Forged
	}
	header, sealed := entry[:headerSize], entry[headerSize:]
	nonce, sealed := sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:]
	value, err := s.aead().Open(nil, nonce, sealed, spell(header, purpose, key))
	if err != nil {
		return nil, Forged
	}
	until := time.UnixMicro(int64(binary.BigEndian.Uint64(header[1:]))) //nolint:gosec // G115: its bits, as sealed
	if !now.Before(until) {
		return nil, Expired
	}
	return value, Hit
}

// spell returns the header with purpose and key behind it, in a new slice, each
// after its length, so that no two pairs spell the same bytes.
func spell(header []byte, texts ...string) []byte {
	spelled := append([]byte(nil), header...)
	for _, text := range texts {
		spelled = binary.BigEndian.AppendUint64(spelled, uint64(len(text)))
		spelled = append(spelled, text...)
	}
	return spelled
}
