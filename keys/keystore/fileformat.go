package keystore

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
)

// fileVersion is the version of the format. A file of another one is refused.
const fileVersion = 1

type fileDocument struct {
	Version  int       `json:"version"`
	Founded  bool      `json:"founded"`
	Changes  int64     `json:"changes"`
	Adoption int64     `json:"adoption"`
	Keys     []fileKey `json:"keys"`
}

// fileKey is a row, with the names of the columns that a database has.
type fileKey struct {
	Generation     int64           `json:"generation"`
	KID            string          `json:"kid"`
	Alg            keys.Alg        `json:"alg"`
	Public         json.RawMessage `json:"public"`
	Private        keys.PrivateJWK `json:"private,omitempty"`
	PublishedAt    time.Time       `json:"published_at"`
	SignsFrom      time.Time       `json:"signs_from"`
	RevokedAt      time.Time       `json:"revoked_at,omitzero"`
	Reason         string          `json:"reason,omitempty"`
	PromisedTTL    int64           `json:"promised_ttl"` // seconds, as the ones below
	PromisedMaxAge int64           `json:"promised_max_age"`
	PromisedCDNTTL int64           `json:"promised_cdn_ttl"`
	PromisedStale  int64           `json:"promised_stale"`
	MAC            string          `json:"mac,omitempty"`
}

// ReadFile reads the ring of a keys file, also one that another process
// has open; now becomes the state's clock. A file that is not there is a ring
// that is not there, a file that is not whole or readable by others an error.
func ReadFile(path string, now time.Time) (keys.State, error) {
	s := keys.State{Now: keys.StoreTime(now)}
	witnesses, err := readWitnesses(path) // first, or somebody could seem to have seen a key that was inserted meanwhile
	if err != nil {
		return keys.State{}, err
	}
	text, err := readPrivately(path)
	if err != nil {
		return keys.State{}, fmt.Errorf("read the keys file: %w", err)
	}
	if text != nil {
		if s, err = decodeFile(text, s.Now); err != nil {
			return keys.State{}, fmt.Errorf("read the keys file %s: %w", path, err)
		}
	}
	if !s.Founded {
		mark, err := os.ReadFile(lockPath(path))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return keys.State{}, fmt.Errorf("read the mark beside the keys file: %w", err)
		}
		s.Founded = string(mark) == foundedMark
	}
	s.Witnesses = witnesses
	return s, nil
}

// readPrivately returns a file's content, or nil where there is no file. One
// that others may read or write, and what is no plain file, is refused.
func readPrivately(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a plain file", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("%s holds private keys and has mode %04o: it must be 0600", path, mode)
	}
	return os.ReadFile(path) //nolint:gosec // G304: the operator names the file
}

func encodeFile(s keys.State) ([]byte, error) {
	doc := fileDocument{
		Version: fileVersion, Founded: s.Founded, Changes: s.Version, Adoption: s.Adoption,
		Keys: make([]fileKey, len(s.Keys)),
	}
	for i, k := range s.Keys {
		doc.Keys[i] = fileKey{
			Generation: k.Generation, KID: k.KID, Alg: k.Alg, Public: k.Public, Private: k.Private,
			PublishedAt: k.PublishedAt, SignsFrom: k.SignsFrom, RevokedAt: k.RevokedAt, Reason: k.Reason,
			PromisedTTL:    toSeconds(k.Promised.TTL),
			PromisedMaxAge: toSeconds(k.Promised.MaxAge),
			PromisedCDNTTL: toSeconds(k.Promised.CDNTTL),
			PromisedStale:  toSeconds(k.Promised.Stale),
			MAC:            k.MAC,
		}
	}
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the ring as JSON: %w", err)
	}
	return append(text, '\n'), nil
}

// decodeFile is strict: what it does not know, it would lose at the next write.
func decodeFile(text []byte, now time.Time) (keys.State, error) {
	var doc fileDocument
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&doc); err != nil {
		return keys.State{}, fmt.Errorf("it is no keys file, or not all of one: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return keys.State{}, errors.New("something follows the ring")
	}
	if doc.Version != fileVersion {
		return keys.State{}, fmt.Errorf("it has version %d, this program reads %d", doc.Version, fileVersion)
	}
	s := keys.State{Founded: doc.Founded, Version: doc.Changes, Adoption: doc.Adoption, Now: now}
	for _, k := range doc.Keys {
		s.Keys = append(s.Keys, keys.Key{
			Generation: k.Generation, KID: k.KID, Alg: k.Alg, Public: k.Public, Private: k.Private,
			PublishedAt: k.PublishedAt, SignsFrom: k.SignsFrom, RevokedAt: k.RevokedAt, Reason: k.Reason,
			Promised: keys.Promise{
				TTL:    fromSeconds(k.PromisedTTL),
				MaxAge: fromSeconds(k.PromisedMaxAge),
				CDNTTL: fromSeconds(k.PromisedCDNTTL),
				Stale:  fromSeconds(k.PromisedStale),
			},
			MAC: k.MAC,
		})
	}
	return s.Sound()
}

// toSeconds is exact: promises are whole seconds.
func toSeconds(d time.Duration) int64 { return int64(d / time.Second) }

func fromSeconds(n int64) time.Duration { return time.Duration(n) * time.Second }
