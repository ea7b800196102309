package keys

import (
	"slices"
	"time"
)

// Result is what Rotate did; empty lists where nothing was due.
type Result struct {
	Inserted []InsertedKey `json:"inserted"`
	Wiped    []KeyRef      `json:"wiped"`  // private halves that are gone
	Raised   []KeyRef      `json:"raised"` // keys that bear larger promises
	Pruned   []KeyRef      `json:"pruned"` // rows that are gone
}

// KeyRef names a key.
type KeyRef struct {
	Generation int64  `json:"generation"`
	KID        string `json:"kid"`
}

// InsertedKey is a new key of the ring; whole seconds.
type InsertedKey struct {
	KeyRef
	Alg         Alg       `json:"alg"`
	PublishedAt time.Time `json:"published_at"`
	SignsFrom   time.Time `json:"signs_from"`
}

// Empty tells whether nothing was due.
func (r Result) Empty() bool {
	return len(r.Inserted) == 0 && len(r.Wiped) == 0 && len(r.Raised) == 0 && len(r.Pruned) == 0
}

// resultOf says what a change did to a state.
func resultOf(s State, c Change) Result {
	r := Result{Inserted: []InsertedKey{}, Wiped: []KeyRef{}, Raised: []KeyRef{}, Pruned: []KeyRef{}}
	for _, k := range c.Insert {
		r.Inserted = append(r.Inserted, InsertedKey{
			KeyRef:      k.ref(),
			Alg:         k.Alg,
			PublishedAt: k.PublishedAt.Truncate(time.Second),
			SignsFrom:   k.SignsFrom.Truncate(time.Second),
		})
	}
	for _, after := range c.Update {
		i, found := s.find(after.Generation)
		if found && s.Keys[i].Private != "" && after.Private == "" {
			r.Wiped = append(r.Wiped, after.ref())
		}
		if found && s.Keys[i].Promised != after.Promised {
			r.Raised = append(r.Raised, after.ref())
		}
	}
	for _, k := range s.Keys {
		if slices.Contains(c.Delete, k.Generation) {
			r.Pruned = append(r.Pruned, k.ref())
		}
	}
	return r
}

func (k Key) ref() KeyRef { return KeyRef{Generation: k.Generation, KID: k.KID} }
