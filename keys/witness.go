package keys

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// WitnessKind says what kind of holder a Witness is.
type WitnessKind string

// Who holds a ring.
const (
	Replica      WitnessKind = "replica"       // a process that signs with it
	RelyingParty WitnessKind = "relying_party" // an engine that fetches its key set
)

// Witness is what somebody was last seen with.
type Witness struct {
	Kind       WitnessKind
	Name       string    // 1 to 128 bytes; unique for its kind
	Generation int64     // the newest that it holds
	Version    int64     // of the ring it holds, see State; 0 once it has left
	Alarm      string    // why a replica does not follow the store, a sentence; "" while it does
	SeenAt     time.Time // by the store's clock
}

// maxCount is beyond every generation and version that there will be, and leaves room to count on.
const maxCount = 1 << 53

// credible tells whether a witness can be true. Who can write to a store could else stand in everybody's way for ever.
func (w Witness) credible(now time.Time) bool {
	return 0 <= w.Generation && w.Generation < maxCount && 0 <= w.Version && w.Version < maxCount && !w.SeenAt.After(now.Add(Skew))
}

// forgotten is how long a replica that was not seen any more still counts at least: longer than most are stale, and short
// enough that one that was killed does not stand in anybody's way for long.
const forgotten = time.Hour

// remembers returns how long a replica that is not seen any more counts: as long as it may go on without the store.
func (s State) remembers() time.Duration {
	return max(forgotten, timelineOf(s.Keys).promised(s.Now).Stale+Skew)
}

// Replicas returns the replicas that were seen within the last hour, or within the longest time that one may go on without
// the store, and have not left since, by name.
func (s State) Replicas() []Witness {
	var live []Witness
	for _, w := range s.Witnesses {
		if w.Kind == Replica && w.Version > 0 && s.Now.Sub(w.SeenAt) < s.remembers() {
			live = append(live, w)
		}
	}
	return live
}

// seen returns the highest generation that anybody was ever seen with, the rows themselves included.
func (s State) seen() int64 {
	highest := s.newest().Generation
	for _, w := range s.Witnesses {
		highest = max(highest, w.Generation)
	}
	return highest
}

// disputed returns an error while the store is not what others have seen: generations are gone, or a replica says
// what else is not as it was. Who has no ring of its own to hold against it must not follow it, nor move it on.
func (s State) disputed() error { return s.disputedAfter(0) }

// hearsayError says why a store is not followed by what witnesses say of it. Unlike a dispute of one's own it is not told
// to others: it would outlive its cause.
type hearsayError struct{ error }

func hearsay(format string, args ...any) error { return &hearsayError{fmt.Errorf(format, args...)} }

// disputedAfter is disputed for who holds the ring of a version, and can judge by itself what is older than that.
func (s State) disputedAfter(version int64) error {
	for _, w := range s.Replicas() {
		if w.Alarm != "" && w.Version > version && w.Version >= s.Adoption {
			return hearsay("replica %s does not follow the key store: %s; mend the store or run `issuer keys adopt`", w.Name, w.Alarm)
		}
	}
	if newest, seen := s.newest().Generation, s.seen(); seen > newest && (newest > 0 || !s.Founded) { // what is left is errLost
		return hearsay("the key store holds generation %d and somebody has seen %d: restore the newest backup, or run `issuer keys adopt`",
			newest, seen)
	}
	return nil
}

// Dispute returns why nobody takes a step on the store: it lost its ring, it is not what others have seen, or it was
// adopted and is not whole yet; nil where all is well.
func (s State) Dispute() error {
	if len(s.Keys) == 0 && (s.Founded || s.seen() > 0) {
		return errLost
	}
	return cmp.Or(s.disputed(), s.unsettled(0))
}

// unsettled returns an error while a replica has yet to put back what an adopted store lost, and holds more than the
// version given. By rows that are not whole, keys seem to be gone that are published: who serves those would not have
// them, and a step would make more of them than a key set holds.
func (s State) unsettled(version int64) error {
	if behind := s.Unsettled(version); len(behind) > 0 {
		return hearsay("replica %s has yet to put back what the key store lost before it was adopted: wait for it, until %s at most; if it is gone, run `issuer keys adopt --force`",
			behind[0].Name, behind[0].SeenAt.Add(s.remembers()).UTC().Format(time.RFC3339))
	}
	return nil
}

// Unsettled returns the replicas, seen as lately as Replicas wants, that did not follow an adopted store when they were last
// seen, hold more than a version of it, and have yet to put that back.
func (s State) Unsettled(version int64) []Witness {
	return slices.DeleteFunc(s.Replicas(), func(w Witness) bool { return w.Alarm == "" || w.Version >= s.Adoption || w.Version <= version })
}

// WitnessLife is how long a replica that was not seen any more is kept on record. Relying parties are kept for ever:
// their names come from settings.
const WitnessLife = 24 * time.Hour

// MergeWitnesses returns old with what was seen now, by kind and name: what Store.Witness says, for stores that have no
// database to say it in.
func MergeWitnesses(old, seen []Witness, now time.Time) []Witness {
	type id struct {
		kind WitnessKind
		name string
	}
	known := make(map[id]Witness)
	for _, w := range slices.Concat(old, seen) {
		if w.SeenAt.After(now) {
			w.SeenAt = now
		}
		before, found := known[id{w.Kind, w.Name}]
		if found && w.SeenAt.Before(before.SeenAt) {
			continue
		}
		known[id{w.Kind, w.Name}] = w
	}
	merged := slices.Collect(maps.Values(known))
	merged = slices.DeleteFunc(merged, func(w Witness) bool { return w.Kind == Replica && now.Sub(w.SeenAt) > WitnessLife })
	slices.SortFunc(merged, func(a, b Witness) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	return merged
}
