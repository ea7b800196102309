package keystest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/keys"
)

// TestStore holds a store to keys.Store's contract and to the rules of the
// ring. open returns a new, empty store for each test, on a clock that runs or
// stands.
func TestStore(t *testing.T, open func(t *testing.T) keys.Store) {
	t.Helper()
	cases := map[string]func(*testing.T, keys.Store){
		"an empty store was never founded and has a clock":          emptyStore,
		"what was inserted is loaded, by generation":                insertedIsLoaded,
		"rows are replaced whole":                                   updatedIsLoaded,
		"what was deleted is gone and the rest stays":               deletedIsGone,
		"the mark of a ring stays":                                  markStays,
		"an error of decide comes back and nothing is changed":      decideFails,
		"an ended context changes nothing":                          contextEnded,
		"a state is the caller's own":                               stateIsACopy,
		"updates run one after the other":                           updatesAreSerial,
		"a hundred first boots at once make one ring of three keys": hundredFirstBoots,
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
	t.Run("a change that breaks a rule of the ring is refused whole", func(t *testing.T) {
		t.Parallel()
		refusedChanges(t, open)
	})
}

func emptyStore(t *testing.T, store keys.Store) {
	s := Load(t, store)
	if s.Founded || len(s.Keys) != 0 {
		t.Errorf("got founded %v and %d keys, want neither", s.Founded, len(s.Keys))
	}
	if s.Now.IsZero() || s.Now.Location() != time.UTC || s.Now.Nanosecond()%1000 != 0 {
		t.Errorf("the clock says %v, want UTC in whole microseconds", s.Now)
	}
	if again := Load(t, store); again.Now.Before(s.Now) {
		t.Errorf("the clock went back from %v to %v", s.Now, again.Now)
	}
}

func insertedIsLoaded(t *testing.T, store keys.Store) {
	rows := Rows(t, 3)
	rows[2].RevokedAt, rows[2].Reason = rows[2].PublishedAt.Add(time.Hour), "lost; \"quoted\" – and more"
	rows[1].Private = ""
	want := keys.State{Founded: true, Keys: rows}
	got := Change(t, store, func(keys.State) keys.Change { return keys.Change{Found: true, Insert: rows} })
	if diff := Diff(want, got); diff != "" {
		t.Errorf("after the update (-want +got):\n%s", diff)
	}
	if diff := Diff(want, Load(t, store)); diff != "" {
		t.Errorf("loaded (-want +got):\n%s", diff)
	}
}

func updatedIsLoaded(t *testing.T, store keys.Store) {
	rows := Rows(t, 3)
	Change(t, store, func(keys.State) keys.Change { return keys.Change{Found: true, Insert: rows} })
	rows[0].Private = ""
	rows[1].SignsFrom = rows[1].SignsFrom.Add(-time.Hour)
	rows[1].Promised = keys.Promise{TTL: time.Hour, MaxAge: 5 * time.Minute, CDNTTL: time.Hour, Stale: time.Hour}
	rows[2].RevokedAt, rows[2].Reason = rows[2].SignsFrom.Add(time.Hour), "stolen"
	want := keys.State{Founded: true, Keys: rows}
	got := Change(t, store, func(keys.State) keys.Change { return keys.Change{Update: rows} })
	if diff := Diff(want, got); diff != "" {
		t.Errorf("after the update (-want +got):\n%s", diff)
	}
	if diff := Diff(want, Load(t, store)); diff != "" {
		t.Errorf("loaded (-want +got):\n%s", diff)
	}
}

func deletedIsGone(t *testing.T, store keys.Store) {
	rows := Rows(t, 4)
	Change(t, store, func(keys.State) keys.Change { return keys.Change{Found: true, Insert: rows} })
	Change(t, store, func(keys.State) keys.Change { return keys.Change{Delete: []int64{1, 3}} })
	want := keys.State{Founded: true, Keys: []keys.Key{rows[1], rows[3]}}
	if diff := Diff(want, Load(t, store)); diff != "" {
		t.Errorf("loaded (-want +got):\n%s", diff)
	}
}

func markStays(t *testing.T, store keys.Store) {
	Change(t, store, func(keys.State) keys.Change { return keys.Change{Found: true} })
	Change(t, store, func(keys.State) keys.Change { return keys.Change{Insert: Rows(t, 1)} })
	if s := Load(t, store); !s.Founded || len(s.Keys) != 1 {
		t.Errorf("got founded %v and %d keys, want true and 1", s.Founded, len(s.Keys))
	}
}

func decideFails(t *testing.T, store keys.Store) {
	rows := Rows(t, 2)
	before := Change(t, store, func(keys.State) keys.Change { return keys.Change{Found: true, Insert: rows[:1]} })
	refusal := errors.New("no")
	_, err := store.Update(t.Context(), func(keys.State) (keys.Change, error) {
		return keys.Change{Insert: rows[1:]}, refusal
	})
	if !errors.Is(err, refusal) {
		t.Errorf("got error %v, want decide's", err)
	}
	if diff := Diff(before, Load(t, store)); diff != "" {
		t.Errorf("something was changed (-before +after):\n%s", diff)
	}
}

func contextEnded(t *testing.T, store keys.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.Load(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("load: got error %v, want %v", err, context.Canceled)
	}
	_, err := store.Update(ctx, func(keys.State) (keys.Change, error) {
		return keys.Change{Found: true, Insert: Rows(t, 1)}, nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("update: got error %v, want %v", err, context.Canceled)
	}
	if s := Load(t, store); s.Founded || len(s.Keys) != 0 {
		t.Errorf("something was changed: founded %v, %d keys", s.Founded, len(s.Keys))
	}
}

func stateIsACopy(t *testing.T, store keys.Store) {
	want := Change(t, store, func(keys.State) keys.Change { return keys.Change{Found: true, Insert: Rows(t, 2)} })
	want.Keys = append([]keys.Key(nil), want.Keys...)
	Load(t, store).Keys[0].KID = "mine"
	returned := Change(t, store, func(s keys.State) keys.Change {
		s.Keys[0].KID = "mine too"
		return keys.Change{}
	})
	if len(returned.Keys) > 0 {
		returned.Keys[0].KID = "and mine"
	}
	if diff := Diff(want, Load(t, store)); diff != "" {
		t.Errorf("a caller's changes got into the store (-want +got):\n%s", diff)
	}
}

func updatesAreSerial(t *testing.T, store keys.Store) {
	const writers = 20
	rows := Rows(t, writers)
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			_, err := store.Update(t.Context(), func(s keys.State) (keys.Change, error) {
				return keys.Change{Found: true, Insert: rows[len(s.Keys) : len(s.Keys)+1]}, nil
			})
			if err != nil {
				t.Errorf("update: %v", err)
			}
		})
	}
	group.Wait()
	if diff := Diff(keys.State{Founded: true, Keys: rows}, Load(t, store)); diff != "" {
		t.Errorf("an update was lost or saw half of another (-want +got):\n%s", diff)
	}
}

func hundredFirstBoots(t *testing.T, store keys.Store) {
	const boots = 100
	sealer := Sealer(t, "suite")
	var group sync.WaitGroup
	results := make(chan keys.Result, boots)
	for range boots {
		group.Go(func() {
			result, err := keys.Rotate(t.Context(), store, sealer, Policy())
			if err != nil {
				t.Errorf("rotate: %v", err)
			}
			results <- result
		})
	}
	group.Wait()
	close(results)
	var inserted []string
	for r := range results {
		for _, k := range r.Inserted {
			inserted = append(inserted, k.KID)
		}
	}
	var stored []string
	for i, k := range Load(t, store).Keys {
		stored = append(stored, k.KID)
		if k.Generation != int64(i+1) {
			t.Errorf("the key at place %d has generation %d", i+1, k.Generation)
		}
	}
	if len(stored) != 3 {
		t.Errorf("%d keys are stored, want 3", len(stored))
	}
	if diff := cmp.Diff(stored, inserted); diff != "" {
		t.Errorf("the results do not tell what was done (-stored +told):\n%s", diff)
	}
}
