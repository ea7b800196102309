package keys

import (
	"cmp"
	"fmt"
	"time"
)

// planned is how many keys a plan makes at most, a month of those of a ring that rotates every hour: beyond that nobody reads on.
const planned = 800

// Forecast is what becomes of a ring that is rotated in time, if nothing else happens.
type Forecast struct {
	Until  time.Time `json:"until"`  // how far it looks; whole seconds
	Cut    bool      `json:"cut"`    // that is short of the horizon, or there would be more keys than anybody reads
	Keys   []Info    `json:"keys"`   // those that are not dead yet and those to come, these without a kid; State is that of now
	Checks []Check   `json:"checks"` // by invariant
}

// Check says whether an invariant of the ring holds.
type Check struct {
	Invariant int    `json:"invariant"` // its number in docs/keys.md
	Holds     bool   `json:"holds"`
	Says      string `json:"says"` // a sentence with the figures
}

// Plan works out what the step will do to a ring with these settings, up to a horizon, and holds it against the
// invariants that can be seen from the rows; rows that the sealer does not vouch for are rotated by nobody, which is one
// of them. It changes nothing. An empty state is a first boot. A policy that is invalid is an error.
func Plan(s State, sealer *Sealer, p Policy, horizon time.Duration) (Forecast, error) {
	if err := p.Validate(); err != nil {
		return Forecast{}, err
	}
	f := forecaster{policy: p, now: s.Now, first: s.newest().Generation, rows: s.Clone()}
	f.rows.Witnesses = nil
	until := s.Now.Add(horizon)
	for at := s.Now; !at.IsZero() && !at.After(until); at = timelineOf(f.rows.Keys).next(at) {
		if err := f.rotate(at); err != nil {
			return Forecast{}, err
		}
		if len(f.rows.Keys) > len(s.Keys)+planned {
			until = at
		}
	}
	return Forecast{
		Until: until.Truncate(time.Second), Cut: until.Before(s.Now.Add(horizon)),
		Keys: f.keys(until), Checks: append(f.checks(), standing(s, sealer, p)...),
	}, nil
}

// forecaster plays the step on rows without material, and keeps what it sees on the way.
type forecaster struct {
	policy  Policy
	now     time.Time
	first   int64 // the newest generation there really is
	rows    State
	largest int  // keys in the set at once
	alone   bool // at some moment not exactly one key signed, or none was pending
}

func (f *forecaster) rotate(at time.Time) error {
	f.rows.Now = at
	change := stepAbove(f.rows, f.policy, 0)
	change.Delete = nil // to be seen to the end
	for i := range change.Insert {
		change.Insert[i].KID = fmt.Sprintf("generation %d", change.Insert[i].Generation)
		change.Insert[i].Alg = f.policy.Alg
	}
	after, err := f.rows.Apply(change)
	if err != nil {
		return err
	}
	f.rows = after
	tl := timelineOf(after.Keys)
	set, signing := tl.published(at)
	f.largest = max(f.largest, len(set))
	f.alone = f.alone || !signing || count(tl.phases(at), Pending) < 1
	return nil
}

// keys lists what is alive now or will be, with a kid only where there is one.
func (f *forecaster) keys(until time.Time) []Info {
	list := []Info{}
	for _, k := range List(f.rows, f.now) {
		if k.State == Dropped || k.State == Revoked || k.PublishedAt.After(until) {
			continue
		}
		if k.Generation > f.first {
			k.KID = ""
		}
		list = append(list, k)
	}
	return list
}

func (f *forecaster) checks() []Check {
	const never = time.Duration(1 << 62)
	lead, hold := never, never
	for _, k := range timelineOf(f.rows.Keys) {
		if k.Generation > f.first && k.SignsFrom.After(k.PublishedAt) { // first boot is the one exception
			lead = min(lead, k.SignsFrom.Sub(k.PublishedAt))
		}
		if !k.retires.IsZero() && k.retires.After(f.now) {
			hold = min(hold, k.drops.Sub(k.retires))
		}
	}
	p := f.policy
	published := fmt.Sprintf("each new key is published %v or more before it signs; the lead is %v", lead.Round(time.Second), p.Lead)
	if lead == never {
		published = fmt.Sprintf("no new key is published in this time; the lead is %v", p.Lead)
	}
	kept := fmt.Sprintf("each key stays published %v or more once another signs; %v is what its tokens need", hold.Round(time.Second), p.Hold())
	if hold == never {
		kept = fmt.Sprintf("no key is succeeded by another in this time; %v is what its tokens need", p.Hold())
	}
	return []Check{
		{1, lead >= p.Lead, published},
		{2, hold >= p.Hold(), kept},
		{3, !f.alone, "one key signs at any time, and another is published that takes over from it"},
		{4, f.largest >= 1 && f.largest <= 5, fmt.Sprintf("the key set never holds more than %d keys, and is never empty", f.largest)},
	}
}

// standing holds the settings against what replicas have promised and seen.
func standing(s State, sealer *Sealer, p Policy) []Check {
	promised := timelineOf(s.Keys).promised(s.Now)
	t := p.beside(promised)
	bound := "nobody has promised more than these settings do"
	if all := t.promise.raise(promised); all != t.promise {
		bound = fmt.Sprintf("promises made before still bind: tokens %v, max-age %v, cache %v, staleness %v; new keys get a lead of %v",
			promised.TTL, promised.MaxAge, promised.CDNTTL, promised.Stale, t.lead)
	}
	disputed := "nobody disputes the key store, and every row of it is vouched for"
	err := cmp.Or(sealer.Verify(s), s.Dispute())
	if err != nil {
		disputed = err.Error()
	}
	return []Check{
		{5, true, bound},
		{6, true, "a replica signs only with a key of the set that it serves (kept at run time)"},
		{7, t.stale > 0, fmt.Sprintf("a replica that does not see the key store stops after %v", t.stale)},
		{8, err == nil, disputed},
		{9, true, fmt.Sprintf("a replica whose clock is off the store's by more than %v neither rotates nor mints (kept at run time)", Skew)},
	}
}
