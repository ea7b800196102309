package keystest

import (
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
)

// refusedChanges tries what would break the word a replica gave. Each change
// has a good part too, which must not be done either.
func refusedChanges(t *testing.T, open func(t *testing.T) keys.Store) {
	t.Helper()
	rows := Rows(t, 5)
	rows[0].Private = ""
	rows[1].RevokedAt, rows[1].Reason = rows[1].PublishedAt.Add(time.Hour), "stolen"
	held, fresh := rows[:3], rows[3:]

	with := func(k keys.Key, alter func(*keys.Key)) keys.Key {
		alter(&k)
		return k
	}
	updates := map[string]keys.Key{
		"a wiped key is whole again":          with(held[0], func(k *keys.Key) { k.Private = held[2].Private }),
		"a revoked key is revoked no more":    with(held[1], func(k *keys.Key) { k.RevokedAt = time.Time{} }),
		"a revocation moves":                  with(held[1], func(k *keys.Key) { k.RevokedAt = k.RevokedAt.Add(time.Hour) }),
		"a promise is taken back":             with(held[2], func(k *keys.Key) { k.Promised.Stale -= time.Second }),
		"a takeover is put off":               with(held[2], func(k *keys.Key) { k.SignsFrom = k.SignsFrom.Add(time.Second) }),
		"a takeover comes before publication": with(held[2], func(k *keys.Key) { k.SignsFrom = k.PublishedAt.Add(-time.Second) }),
		"a key gets another kid":              with(held[2], func(k *keys.Key) { k.KID = fresh[1].KID }),
		"a key gets another public half":      with(held[2], func(k *keys.Key) { k.Public = fresh[1].Public }),
		"a publication moves":                 with(held[2], func(k *keys.Key) { k.PublishedAt = k.PublishedAt.Add(-time.Hour) }),
		"an unknown generation is updated":    with(fresh[1], func(k *keys.Key) { k.Generation = 9 }),
	}
	inserts := map[string]keys.Key{
		"a generation is used twice":             with(fresh[1], func(k *keys.Key) { k.Generation = fresh[0].Generation }),
		"a generation goes backwards":            with(fresh[1], func(k *keys.Key) { k.Generation = 1 }),
		"a kid is used twice":                    with(fresh[1], func(k *keys.Key) { k.KID = held[0].KID }),
		"a key has no kid":                       with(fresh[1], func(k *keys.Key) { k.KID = "" }),
		"a new key signs before it is published": with(fresh[1], func(k *keys.Key) { k.SignsFrom = k.PublishedAt.Add(-time.Second) }),
	}
	changes := map[string]keys.Change{
		"the newest row is forgotten":        {Delete: []int64{1, 3}},
		"an unknown generation is forgotten": {Delete: []int64{1, 7}},
	}
	for name, k := range updates {
		changes[name] = keys.Change{Update: []keys.Key{k}, Insert: fresh[:1]}
	}
	for name, k := range inserts {
		changes[name] = keys.Change{Insert: []keys.Key{fresh[0], k}}
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			before := Change(t, store, func(keys.State) keys.Change { return keys.Change{Found: true, Insert: held} })
			_, err := store.Update(t.Context(), func(keys.State) (keys.Change, error) { return change, nil })
			if err == nil {
				t.Error("the change was accepted")
			}
			if diff := Diff(before, Load(t, store)); diff != "" {
				t.Errorf("something was changed (-before +after):\n%s", diff)
			}
		})
	}
}
