package entrakeys

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// maxUnknown bounds how many unknown key ids are remembered. Strangers can fill the memory with ids of their own: who is
// forgotten then is told to ask again, and gets the same answer later.
const maxUnknown = 1024

// ErrKeyUnseen means that keys are held, a token names none of them, and nobody could look for that one yet. It is
// ErrUnavailable, since the key may be new; but any stranger can bring it about, and nothing of ours has failed.
var ErrKeyUnseen = fmt.Errorf("the key has not been seen yet: %w", ErrUnavailable)

// tooSoonError means that nobody could look for a key id yet: the keys were fetched last before anybody asked for it, and
// may not be fetched again so soon. It is ErrKeyUnseen.
type tooSoonError struct{ wait time.Duration }

func (e *tooSoonError) Error() string {
	return "the key id is unknown, and the keys were fetched too short a time ago to be fetched again"
}

// Unwrap makes it ErrKeyUnseen.
func (e *tooSoonError) Unwrap() error { return ErrKeyUnseen }

// RetryAfter is when keys may be fetched again.
func (e *tooSoonError) RetryAfter() time.Duration { return e.wait }

// laterError is ErrUnavailable with a time to come again.
type laterError struct {
	error
	wait time.Duration
}

func (e *laterError) Unwrap() error { return e.error }

// RetryAfter is when keys may be fetched again.
func (e *laterError) RetryAfter() time.Duration { return e.wait }

// unknown remembers of key ids that are in no set how many fetches had begun when each was first asked for. A set that was
// fetched later shows whether the key exists; one that was fetched earlier cannot, since a key may be published and
// sign at any moment.
type unknown struct {
	first *simplelru.LRU[[sha256.Size]byte, uint64]
}

func newUnknown() unknown {
	first, err := simplelru.NewLRU[[sha256.Size]byte, uint64](maxUnknown, nil)
	if err != nil {
		panic(err) // a size that is not positive
	}
	return unknown{first}
}

// since returns after how many fetches kid was first asked for, which is now, after begun of them, if it is not remembered.
func (u unknown) since(kid string, begun uint64) uint64 {
	id := sha256.Sum256([]byte(kid)) // an id may be as long as a token
	if first, known := u.first.Get(id); known {
		return first
	}
	u.first.Add(id, begun)
	return begun
}

// withdraw notes the keys of before that after lacks: that fetch, and every later one, has looked for them.
func (u unknown) withdraw(before, after *Set) {
	if before == nil {
		return
	}
	for kid := range before.keys {
		if after.keys[kid] == nil {
			u.first.Add(sha256.Sum256([]byte(kid)), 0)
		}
	}
}
