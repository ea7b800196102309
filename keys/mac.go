package keys

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"time"
)

// The seal vouches for a private half; the public half beside it is what engines
// get to see, and it is published before anybody opens the private one, and
// long after that is wiped. So each row carries a MAC over all of it: who can
// write to the store, but has no key-encryption key, can neither publish a key
// of their own nor keep one alive that is over. What a MAC cannot show is that a
// row was put back to what it once was: see Ring.trust.

// macInfo binds the derived key to this use (RFC 5869 §3.2), and the MAC to this layout of a row.
const macInfo = "hasura-issuer: row of the key ring, version 1"

// macOf returns the MAC of a row under a key-encryption key: its id, a dot, and
// HMAC-SHA256 in base64url.
func macOf(kek KEK, k Key) (string, error) {
	key, err := hkdf.Key(sha256.New, kek.Key[:], nil, macInfo, sha256.Size)
	if err != nil {
		return "", fmt.Errorf("derive a MAC key: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	for _, n := range []int64{
		k.Generation, micros(k.PublishedAt), micros(k.SignsFrom), micros(k.RevokedAt),
		int64(k.Promised.TTL), int64(k.Promised.MaxAge), int64(k.Promised.CDNTTL), int64(k.Promised.Stale),
	} {
		number(mac, n)
	}
	for _, text := range []string{k.KID, string(k.Alg), string(k.Public), string(k.Private), k.Reason} {
		number(mac, int64(len(text))) // so that no two rows spell the same bytes
		mac.Write([]byte(text))
	}
	return kek.ID + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}

func number(h hash.Hash, n int64) {
	h.Write(binary.BigEndian.AppendUint64(nil, uint64(n))) //nolint:gosec // G115: its bits, whatever they mean
}

// micros is what every store keeps of a time, and 0 for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// vouch puts a MAC on every row that a change writes. Without a sealer it leaves them as they are.
func (s *Sealer) vouch(c Change) (Change, error) {
	if s == nil {
		return c, nil
	}
	kek, err := s.keks[0].get()
	if err != nil {
		return Change{}, err
	}
	c.Insert, c.Update = slices.Clone(c.Insert), slices.Clone(c.Update)
	for _, rows := range [][]Key{c.Insert, c.Update} {
		for i := range rows {
			mac, err := macOf(kek, rows[i])
			if err != nil {
				return Change{}, err
			}
			rows[i].MAC = mac
		}
	}
	return c, nil
}

// Verify wants the MAC of every row to be right. Without a sealer there is nothing to hold them against: the store is
// nobody else's then, and holds no row that a sealer wrote. Rows that this sealer, or none, has no business with are a
// *SealingError.
func (s *Sealer) Verify(state State) error {
	if err := s.CheckSealing(state); err != nil || s == nil {
		return err
	}
	for _, k := range state.Keys {
		if err := s.verifyRow(k); err != nil {
			return fmt.Errorf("generation %d of the key store: %w", k.Generation, err)
		}
	}
	return nil
}

// SealingError refuses a store that is sealed where no key-encryption key is set, or in the clear where one is. Whoever
// went on would leave a ring of both kinds, which nobody can read any more. It is the settings that are wrong.
type SealingError struct{ text string }

func (e *SealingError) Error() string { return e.text }

// CheckSealing is the part of Verify that needs no key, and so can be judged before one is fetched.
func (s *Sealer) CheckSealing(state State) error {
	by, sealed, open := "", false, false
	for _, k := range state.Keys {
		switch {
		case k.Private.Sealed():
			by, sealed = kekID(k.Private), true
		case k.MAC != "":
			id, _, _ := strings.Cut(k.MAC, ".")
			by, sealed = id, true
		case k.Private != "":
			open = true
		}
	}
	switch {
	case s == nil && sealed:
		return &SealingError{fmt.Sprintf("the key store is sealed with key-encryption key %q, and none is set: set the ISSUER_KEYS_ENCRYPTION_KEY that holds it", by)}
	case s != nil && open && !sealed:
		return &SealingError{"the key store holds private keys in the clear, although ISSUER_KEYS_ENCRYPTION_KEY is set: " +
			"set ISSUER_KEYS_FILE to a new path and run `issuer keys import` with the old one"}
	default:
		return nil
	}
}

func (s *Sealer) verifyRow(k Key) error {
	id, _, found := strings.Cut(k.MAC, ".")
	if !found {
		return errors.New("nothing vouches for the row: it was not written by an issuer with a key-encryption key")
	}
	i := slices.IndexFunc(s.keks, func(k *kek) bool { return k.id == id })
	if i < 0 {
		return fmt.Errorf("the row was written with key-encryption key %q, which is not among those set", id)
	}
	kek, err := s.keks[i].get()
	if err != nil {
		return err
	}
	mac, err := macOf(kek, k)
	if err != nil {
		return err
	}
	if !hmac.Equal([]byte(mac), []byte(k.MAC)) {
		return fmt.Errorf("the row was altered, or key-encryption key %q is not the one it was written with", id)
	}
	return nil
}
