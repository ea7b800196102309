package keys

import (
	"slices"
	"time"
)

// Result is what an operation did; empty lists where nothing was due.
type Result struct {
	Version  int64         `json:"version"` // of the ring after it
	Inserted []InsertedKey `json:"inserted"`
	Moved    []InsertedKey `json:"moved"`    // turns that were brought forward
	Revoked  []KeyRef      `json:"revoked"`  //
	Resealed []KeyRef      `json:"resealed"` // sealed with another key-encryption key
	Wiped    []KeyRef      `json:"wiped"`    // private halves that are gone
	Raised   []KeyRef      `json:"raised"`   // keys that bear larger promises
	Pruned   []KeyRef      `json:"pruned"`   // rows that are gone
}

// KeyRef names a key.
type KeyRef struct {
	Generation int64  `json:"generation"`
	KID        string `json:"kid"`
}

// InsertedKey is a key whose turn was set; whole seconds.
type InsertedKey struct {
	KeyRef
	Alg         Alg       `json:"alg"`
	PublishedAt time.Time `json:"published_at"`
	SignsFrom   time.Time `json:"signs_from"`
}

// Empty tells whether nothing was due.
func (r Result) Empty() bool {
	return len(r.Inserted)+len(r.Moved)+len(r.Revoked)+len(r.Resealed)+len(r.Wiped)+len(r.Raised)+len(r.Pruned) == 0
}

// resultOf says what a change does to a state.
func resultOf(s State, c Change) Result {
	r := Result{
		Version: s.Version, Inserted: []InsertedKey{}, Moved: []InsertedKey{}, Revoked: []KeyRef{},
		Resealed: []KeyRef{}, Wiped: []KeyRef{}, Raised: []KeyRef{}, Pruned: []KeyRef{},
	}
	for _, k := range c.Insert {
		r.Inserted = append(r.Inserted, k.inserted())
	}
	for _, after := range c.Update {
		if i, found := s.find(after.Generation); found {
			r.updated(s.Keys[i], after)
		}
	}
	for _, k := range s.Keys {
		if slices.Contains(c.Delete, k.Generation) {
			r.Pruned = append(r.Pruned, k.ref())
		}
	}
	return r
}

// updated notes what became of one row. A revoked key is wiped too, which goes without saying.
func (r *Result) updated(before, after Key) {
	revoked := before.RevokedAt.IsZero() && !after.RevokedAt.IsZero()
	wiped := before.Private != "" && after.Private == ""
	for list, is := range map[*[]KeyRef]bool{
		&r.Revoked:  revoked,
		&r.Wiped:    wiped && !revoked,
		&r.Resealed: before.Private != after.Private && !wiped || !after.differs(before),
		&r.Raised:   before.Promised != after.Promised,
	} {
		if is {
			*list = append(*list, after.ref())
		}
	}
	if !after.SignsFrom.Equal(before.SignsFrom) {
		r.Moved = append(r.Moved, after.inserted())
	}
}

func (k Key) ref() KeyRef { return KeyRef{Generation: k.Generation, KID: k.KID} }

func (k Key) inserted() InsertedKey {
	return InsertedKey{
		KeyRef: k.ref(), Alg: k.Alg,
		PublishedAt: k.PublishedAt.Truncate(time.Second), SignsFrom: k.SignsFrom.Truncate(time.Second),
	}
}
