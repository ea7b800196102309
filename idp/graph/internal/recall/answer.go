// Package recall answers: what did Graph say last, and when? It packs answers, so that a hundred thousand callers fit
// into memory, and writes them for other processes. How old an answer may be is not its business.
package recall

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"github.com/google/uuid"
)

const (
	version   = 1
	idSize    = len(uuid.UUID{})
	header    = 1 + sha256.Size + 8 // version, key, time
	overhead  = 256                 // what an answer costs in memory beside its ids, about
	clockSkew = time.Minute         // between two replicas, at most
)

// Key names a question: a hash of who is asked about, where, and which groups matter.
type Key [sha256.Size]byte

// Answer is one of Graph's: an empty one is as good as any. It is never altered.
type Answer struct {
	Read time.Time // when Graph was asked
	ids  []byte    // idSize bytes each, in order
}

// NewAnswer packs ids, which are in order, each once.
func NewAnswer(read time.Time, ids []uuid.UUID) Answer {
	packed := make([]byte, 0, len(ids)*idSize)
	for _, id := range ids {
		packed = append(packed, id[:]...)
	}
	return Answer{Read: read, ids: packed}
}

// Groups returns the ids in lower case, in order.
func (a Answer) Groups() []string {
	texts := make([]string, 0, len(a.ids)/idSize)
	for id := range slices.Chunk(a.ids, idSize) {
		texts = append(texts, uuid.UUID(id).String())
	}
	return texts
}

func (a Answer) cost() int { return len(a.ids) + overhead }

// Encode writes the answer for other processes. The key is in it, so that it counts for no other question, and so is
// the time it was read, so that its age is right wherever it is used.
func (a Answer) Encode(k Key) []byte {
	doc := make([]byte, 0, header+len(a.ids))
	doc = append(doc, version)
	doc = append(doc, k[:]...)
	doc = binary.BigEndian.AppendUint64(doc, uint64(a.Read.UnixMilli()))
	return append(doc, a.ids...)
}

// Nothing is what Decode reads as a miss: it stands where an answer was that no longer counts.
func Nothing() []byte { return []byte{0} }

// Decode reads what Encode wrote. Anything else is a miss: of another version or question, from the future beyond what
// clocks may differ (it would be fresh for ever), or with ids that are not in order.
func Decode(doc []byte, k Key, now time.Time) (Answer, bool) {
	if len(doc) < header || doc[0] != version || !bytes.Equal(doc[1:1+sha256.Size], k[:]) {
		return Answer{}, false
	}
	read := time.UnixMilli(int64(binary.BigEndian.Uint64(doc[1+sha256.Size:]))) //nolint:gosec // G115: any value is judged below
	ids := doc[header:]
	if read.After(now.Add(clockSkew)) || len(ids)%idSize != 0 {
		return Answer{}, false
	}
	var last []byte
	for id := range slices.Chunk(ids, idSize) {
		if last != nil && bytes.Compare(last, id) >= 0 {
			return Answer{}, false
		}
		last = id
	}
	return Answer{Read: read, ids: bytes.Clone(ids)}, true
}
