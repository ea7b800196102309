package keys

import (
	"errors"
	"fmt"
	"slices"
)

// Change is what one transaction does to a store. The rows it holds are whole:
// a store writes them as they are. Every store refuses a change that would
// break what replicas rely on, see Apply.
type Change struct {
	Found  bool    // mark that this store has had a ring; the mark stays
	Insert []Key   // new rows, each of a generation above all others
	Update []Key   // rows to replace, by generation
	Delete []int64 // generations to forget
	Adopt  bool    // note that somebody took the ring over as it is
}

// Empty tells whether there is nothing to do.
func (c Change) Empty() bool {
	return !c.Found && !c.Adopt && len(c.Insert) == 0 && len(c.Update) == 0 && len(c.Delete) == 0
}

// Apply returns the state after a change. It is pure, and the one place that
// says which changes a ring allows, for every store alike:
//   - generations only grow, and the newest row stays, so none is used twice;
//   - kid, algorithm, public half and publication never change;
//   - a takeover may come earlier, never later: replicas may be past it;
//   - a revoked key stays revoked, a wiped one stays wiped, promises only grow.
func (s State) Apply(c Change) (State, error) {
	next := s.Clone()
	next.Founded = s.Founded || c.Found
	for _, k := range c.Update {
		i, found := next.find(k.Generation)
		if !found {
			return State{}, fmt.Errorf("update generation %d: there is no such key", k.Generation)
		}
		if err := mayBecome(next.Keys[i], k); err != nil {
			return State{}, fmt.Errorf("update generation %d: %w", k.Generation, err)
		}
		next.Keys[i] = k
	}
	for _, k := range c.Insert {
		if err := mayJoin(next, k); err != nil {
			return State{}, fmt.Errorf("insert generation %d: %w", k.Generation, err)
		}
		next.Keys = append(next.Keys, k)
	}
	for _, generation := range c.Delete {
		i, found := next.find(generation)
		if !found || i == len(next.Keys)-1 {
			return State{}, fmt.Errorf("delete generation %d: it is the newest one, or there is no such key", generation)
		}
		next.Keys = slices.Delete(next.Keys, i, i+1)
	}
	if !c.Empty() {
		next.Version++
	}
	if c.Adopt { // above every version anybody holds, so that what they said before is known to be of before
		for _, w := range s.Witnesses {
			next.Version = max(next.Version, w.Version+1)
		}
		next.Adoption = next.Version
	}
	return next, nil
}

func mayBecome(before, after Key) error {
	return errors.Join(
		check(after.KID == before.KID && after.Alg == before.Alg && string(after.Public) == string(before.Public) &&
			after.PublishedAt.Equal(before.PublishedAt), "kid, algorithm, public half and publication never change"),
		check(!after.SignsFrom.After(before.SignsFrom), "a takeover may not be put off"),
		check(!after.SignsFrom.Before(after.PublishedAt), "a key cannot sign before it is published"),
		check(before.RevokedAt.IsZero() || after.RevokedAt.Equal(before.RevokedAt), "a revoked key stays revoked"),
		check(before.Private != "" || after.Private == "", "a wiped key stays wiped"),
		check(after.Promised.raise(before.Promised) == after.Promised, "a promise cannot be taken back"),
	)
}

func mayJoin(s State, k Key) error {
	return errors.Join(
		check(k.Generation > s.newest().Generation, "generation %d is there already", s.newest().Generation),
		check(k.KID != "" && !slices.ContainsFunc(s.Keys, func(other Key) bool { return other.KID == k.KID }),
			"the kid is missing or in use"),
		check(!k.SignsFrom.Before(k.PublishedAt), "a key cannot sign before it is published"),
	)
}
