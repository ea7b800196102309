package keys

import "time"

// Info is a key as operators see it. Times are UTC in whole seconds, in JSON as
// RFC 3339, null where the ring does not know one (yet).
type Info struct {
	Generation  int64      `json:"generation"`
	KID         string     `json:"kid"`
	Alg         Alg        `json:"alg"`
	State       Phase      `json:"state"`
	PublishedAt *time.Time `json:"published_at"`
	SignsFrom   *time.Time `json:"signs_from"`
	RetiresAt   *time.Time `json:"retires_at"`
	DroppedAt   *time.Time `json:"dropped_at"`
	RevokedAt   *time.Time `json:"revoked_at"`
	Reason      *string    `json:"reason"`
}

// List returns every key of a state by generation, and what each one is at now,
// a reading of the store's clock (State.Now, or later).
func List(s State, now time.Time) []Info {
	tl := timelineOf(s.Keys)
	list := make([]Info, len(tl))
	for i, phase := range tl.phases(now) {
		k := tl[i]
		if phase == Revoked { // it was dropped by that, and may have retired before
			k.drops = time.Time{}
			if !k.retires.Before(k.RevokedAt) {
				k.retires = time.Time{}
			}
		}
		list[i] = Info{
			Generation:  k.Generation,
			KID:         k.KID,
			Alg:         k.Alg,
			State:       phase,
			PublishedAt: moment(k.PublishedAt),
			SignsFrom:   moment(k.SignsFrom),
			RetiresAt:   moment(k.retires),
			DroppedAt:   moment(k.drops),
			RevokedAt:   moment(k.RevokedAt),
		}
		if k.Reason != "" {
			list[i].Reason = &k.Reason
		}
	}
	return list
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}
