package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// A store that was restored from a backup shows a past: generations are gone, revocations undone. Replicas that run keep
// what they hold and alarm, and nobody takes a step, until somebody says that this store is to be used from now on. That
// takes two calls with a pause between them. BeginAdoption says so; the replicas then put back what the store lost, and
// take its word where both hold another key of one generation. FinishAdoption does what is still missing when no replica
// was left to do that.

// Adoptable returns an error where there is nothing to adopt: nobody disputes the store, and it holds a generation that
// is not below above.
func (s State) Adoptable(above int64) error {
	if s.Dispute() == nil && above <= s.newest().Generation {
		return errors.New("there is nothing to adopt: nobody disputes the key store")
	}
	return nil
}

// BeginAdoption marks the store as taken over. One that is not Adoptable is an error.
func BeginAdoption(ctx context.Context, store Store, above int64) error {
	_, err := store.Update(ctx, func(s State) (Change, error) {
		return Change{Adopt: true}, s.Adoptable(above)
	})
	return err
}

// Mended tells whether the store holds what everybody has seen: then FinishAdoption only takes the step that is due.
func (s State) Mended(above int64) bool {
	return len(s.Keys) > 0 && s.newest().Generation >= max(s.seen(), above)
}

// maxGap is more generations than any backup can be behind. Beyond it nobody but a person is believed: a generation that
// was used up by mistake never comes back.
const maxGap = 10_000

// FinishAdoption sees to it that new keys have generations above all that were ever seen, by the witnesses on record and
// by above, which is for what the record lost too (0: nothing). Where replicas did not mend the store, the newest pending
// key is given up for one with such a generation: it may be another than the one engines know by its number. It fails
// while a replica has yet to put back what it holds: see Unsettled, and Abandon for those that are gone.
func FinishAdoption(ctx context.Context, store Store, sealer *Sealer, policy Policy, above int64) (Result, error) {
	return change(ctx, store, sealer, policy, func(s State) (Change, error) {
		if err := s.unsettled(0); err != nil {
			return Change{}, err
		}
		floor := max(s.seen(), above)
		if floor > max(s.newest().Generation, above)+maxGap {
			return Change{}, fmt.Errorf("somebody was seen with generation %d, far beyond the key store's %d: say --above %d if that is right, or clear the record of witnesses",
				floor, s.newest().Generation, floor)
		}
		if s.Mended(above) {
			return stepAbove(s, policy, floor), nil
		}
		given := giveUpNewest(s)
		after, err := s.Apply(given)
		if err != nil {
			return Change{}, err
		}
		return given.then(stepAbove(after, policy, floor)), nil
	})
}

// Abandon notes that replicas are gone and nobody waits for what they hold. One that does come back puts it back all the
// same, and more keys may then be published than a key set should hold.
func Abandon(ctx context.Context, store Store, s State, gone []Witness) error {
	left := slices.Clone(gone)
	for i := range left {
		left[i].Version, left[i].Alarm, left[i].SeenAt = 0, "", StoreTime(s.Now)
	}
	return store.Witness(ctx, left)
}

// giveUpNewest revokes the newest key if it is pending: that costs nothing, and makes room for another.
func giveUpNewest(s State) Change {
	if len(s.Keys) == 0 {
		return Change{}
	}
	k := s.newest()
	if phases := timelineOf(s.Keys).phases(s.Now); phases[len(phases)-1] != Pending {
		return Change{}
	}
	k.RevokedAt, k.Reason, k.Private = s.Now, "given up when the ring was adopted", ""
	return Change{Update: []Key{k}}
}

// mend works out what a replica puts back into a store that shows a past: rows that are gone, revocations, takeovers,
// promises. All of that only ever grows, so it is the union of both. Where the store holds another key of a generation, it
// keeps that one.
func mend(s State, held []Key) Change {
	var change Change
	for _, k := range held {
		i, found := s.find(k.Generation)
		switch {
		case !found && k.Generation > s.newest().Generation:
			change.Insert = append(change.Insert, k)
		case !found: // pruned, or the ring went on without it
		case s.Keys[i].KID != k.KID:
		default:
			if joined := s.Keys[i].join(k); joined.differs(s.Keys[i]) {
				change.Update = append(change.Update, joined)
			}
		}
	}
	return change
}

// join returns a row as it is once both have been true of it.
func (k Key) join(other Key) Key {
	if k.RevokedAt.IsZero() {
		k.RevokedAt, k.Reason = other.RevokedAt, other.Reason
	}
	if other.SignsFrom.Before(k.SignsFrom) {
		k.SignsFrom = other.SignsFrom
	}
	if other.Private == "" {
		k.Private = ""
	}
	k.Promised = k.Promised.raise(other.Promised)
	return k
}

// differs tells whether a store would have to write the row.
func (k Key) differs(before Key) bool {
	return k.Private != before.Private || k.Promised != before.Promised || k.Reason != before.Reason ||
		!k.SignsFrom.Equal(before.SignsFrom) || !k.RevokedAt.Equal(before.RevokedAt)
}
