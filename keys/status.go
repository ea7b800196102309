package keys

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Status is a ring as operators watch it, from memory. The zero Status is one that was never loaded.
type Status struct {
	Loaded     bool
	Generation int64         // of the signing key; 0 while none signs
	HandOver   time.Time     // when the next key takes over, by the store's clock; zero: none is known
	Pending    int           // keys that are published and sign later
	Published  int           // keys of the key set
	Version    int64         // of the ring
	Age        time.Duration // since the store was last seen
	Stale      time.Duration // L: the age at which this replica stops
	ClockOff   time.Duration // how far this machine's clock is off the store's
	Overdue    time.Duration // how long a key has been missing; 0 while none is
	Disputed   bool          // the store is not followed
	Parties    []Party       // by name
}

// Party is a relying party as operators watch it.
type Party struct {
	Name       string
	FetchedAt  time.Time // by the store's clock; zero: never, so far as anybody knows
	Generation int64     // the newest it holds
	Late       bool      // it should have fetched, or have done so again
}

// Status returns it as of now.
func (r *Ring) Status() Status {
	now := r.config.Now()
	v := r.view.Load()
	if v == nil {
		return Status{}
	}
	at := v.clock.at(now)
	set, signing := v.tl.published(at)
	status := Status{
		Loaded: true, Published: len(set), Version: v.state.Version,
		Age: v.clock.age(now), Stale: v.limit, ClockOff: v.clock.off(now),
		Overdue: v.tl.overdue(at), Parties: r.partiesAt(v, at),
	}
	if signing {
		status.Generation = set[0].Generation
	}
	phases := v.tl.phases(at)
	status.Pending = count(phases, Pending)
	if i := v.tl.oldest(phases, Pending); i >= 0 {
		status.HandOver = v.tl[i].SignsFrom
	}
	if failed := r.failed.Load(); failed != nil {
		_, disputes := errors.AsType[*disputeError](*failed)
		_, heard := errors.AsType[*hearsayError](*failed)
		status.Disputed = disputes || heard
	}
	return status
}

// overdue returns how long a pending key has been missing: since the hand-over, or the revocation, that took one of two.
func (tl timeline) overdue(t time.Time) time.Duration {
	if len(tl) == 0 || tl.pendingAt(t) >= ahead {
		return 0
	}
	since := tl[0].PublishedAt
	for _, k := range tl {
		for _, taken := range []time.Time{k.SignsFrom, k.RevokedAt} {
			if taken.After(since) && !taken.After(t) && tl.pendingAt(taken.Add(-time.Nanosecond)) >= ahead {
				since = taken
			}
		}
	}
	return max(0, t.Sub(since))
}

// pendingAt counts the keys that were published and yet to sign at a moment of the past.
func (tl timeline) pendingAt(t time.Time) int {
	n := 0
	for _, k := range tl {
		if !k.PublishedAt.After(t) && k.SignsFrom.After(t) && (k.RevokedAt.IsZero() || k.RevokedAt.After(t)) {
			n++
		}
	}
	return n
}

// partiesAt joins what this replica saw with what all of them had noted when the store was last read.
func (r *Ring) partiesAt(v *view, at time.Time) []Party {
	limit := 2*r.config.Policy.MaxAge + r.config.Policy.CDNTTL + time.Minute // a fetch that is due, one more try, and some
	seen := MergeWitnesses(v.state.Witnesses, r.parties.witnesses(), at)
	list := make([]Party, 0, len(r.parties))
	for _, name := range slices.Sorted(maps.Keys(r.parties)) {
		p := Party{Name: name, Late: at.Sub(v.since) > r.config.Policy.Lead} // it never has, so far as is known
		for _, w := range seen {
			if w.Kind == RelyingParty && w.Name == name {
				p.FetchedAt, p.Generation = w.SeenAt, w.Generation
				p.Late = at.Sub(w.SeenAt) > limit
			}
		}
		list = append(list, p)
	}
	return list
}

// Alarm is something that is no outage yet, and will be one if nobody looks.
type Alarm struct{ public, text string }

// Error is for the log: it may name a relying party.
func (a *Alarm) Error() string { return a.text }

// Public is the same for everybody: a constant of the program.
func (a *Alarm) Public() string { return a.public }

const (
	overdueText = "a key rotation is overdue: see to it that `issuer keys rotate` runs"
	waitingText = "rotation waits for a replica that has yet to put back what the key store lost: `issuer keys list` names it"
	lateText    = "a relying party has stopped fetching the key set: the log and the metrics name it"
	neverText   = "a relying party has never fetched the key set: the log and the metrics name it"
)

// errOverdue says that who should rotate does not.
var errOverdue = &Alarm{overdueText, overdueText}

// Alarms returns what there is to worry about, from memory, each a sentence.
func (r *Ring) Alarms() []*Alarm {
	var alarms []*Alarm
	status := r.Status()
	if v := r.view.Load(); v != nil && v.state.unsettled(0) != nil {
		alarms = append(alarms, &Alarm{waitingText, waitingText})
	}
	if status.Overdue > r.config.Policy.Period/2 {
		alarms = append(alarms, errOverdue)
	}
	for _, p := range status.Parties {
		if p.Late {
			alarms = append(alarms, p.alarm(status.Generation))
		}
	}
	return alarms
}

// alarm says what becomes of a party that is late, by what it holds.
func (p Party) alarm(signing int64) *Alarm {
	if p.FetchedAt.IsZero() {
		return &Alarm{neverText, fmt.Sprintf(
			"the relying party %s has never fetched the key set under its name (?rp=%s): see that it does, or take it out of the settings", p.Name, p.Name)}
	}
	refuses := fmt.Sprintf("it holds generation %d, and refuses tokens once a newer one signs", p.Generation)
	if p.Generation < signing {
		refuses = fmt.Sprintf("it holds generation %d, and refuses the tokens of generation %d, which signs", p.Generation, signing)
	}
	return &Alarm{lateText, fmt.Sprintf("the relying party %s has stopped fetching the key set at %s: %s",
		p.Name, p.FetchedAt.Format(time.RFC3339), refuses)}
}

// reportNew reports the alarms that were not there before, and returns those there are.
func reportNew(before, now []*Alarm, report func(error)) []*Alarm {
	for _, alarm := range now {
		if !slices.ContainsFunc(before, func(old *Alarm) bool { return *old == *alarm }) {
			report(alarm)
		}
	}
	return now
}
