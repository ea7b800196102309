package rolecache

import (
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// sighting is a revision that the store was seen at. Immutable.
type sighting struct {
	revision rolestore.Revision
	first    time.Time  // when the look ended that showed it first
	last     time.Time  // when the newest look that showed it began: so it was what the store held then, or a moment later
	earlier  []sighting // revisions before it, the newest first, each without those before
}

// maxEarlier is how many revisions back it is known when they were last true: after a few changes and an outage, answers
// that nobody has asked for since are still good for as long as others.
const maxEarlier = 16

// known is the newest sighting.
type known struct{ newest atomic.Pointer[sighting] }

// load returns the newest sighting; nil before the first.
func (k *known) load() *sighting { return k.newest.Load() }

// observe notes what a look that took from began to ended has shown. Looks overlap, and their answers come in any order:
// of two that do, the higher revision is the later one. A lower one counts where the look began after the other was over:
// a backup was restored.
func (k *known) observe(revision rolestore.Revision, began, ended time.Time) {
	for {
		before := k.newest.Load()
		next := &sighting{revision: revision, first: ended, last: began}
		switch {
		case before == nil:
		case revision == before.revision:
			if !began.After(before.last) {
				return
			}
			next.first, next.earlier = before.first, before.earlier
		case revision.Number <= before.revision.Number && !began.After(before.first):
			return
		default:
			next.earlier = before.chain()
		}
		if k.newest.CompareAndSwap(before, next) {
			return
		}
	}
}

// chain returns this revision and those before it.
func (s *sighting) chain() []sighting {
	chain := append([]sighting{{revision: s.revision, first: s.first, last: s.last}}, s.earlier...)
	return chain[:min(len(chain), maxEarlier)]
}

// holds tells whether this is still the store's revision, as far as is known.
func (s *sighting) holds(revision rolestore.Revision) bool { return s != nil && s.revision == revision }

// confirmed returns when an answer was last known to be what the store held.
func (s *sighting) confirmed(e entry) time.Time {
	if s == nil {
		return e.asked
	}
	last := e.asked
	if s.revision == e.revision && s.last.After(last) {
		last = s.last
	}
	for _, before := range s.earlier {
		if before.revision == e.revision && before.last.After(last) {
			last = before.last
		}
	}
	return last
}

// name returns bytes that tell revisions apart.
func (s *sighting) name() []byte {
	if s == nil {
		return nil
	}
	name := make([]byte, 0, 8+len(s.revision.Mark))
	return append(binary.BigEndian.AppendUint64(name, uint64(s.revision.Number)), s.revision.Mark...) //nolint:gosec // G115: its bits
}
