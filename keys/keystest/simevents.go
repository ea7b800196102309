package keystest

import (
	"errors"
	"slices"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
)

// event is what may happen to a replica, or to all of the world.
type event struct {
	name string
	do   func(*replica)
}

// happen lets one thing happen, or nothing.
func (w *world) happen() {
	r := w.replicas[w.choose("which", len(w.replicas))]
	events := []event{
		{"nothing", nothing},
		{"nothing", nothing},
		{"nothing", nothing},
		{"nothing", nothing},
		{"a cron rotates", func(*replica) { w.cron(w.policy()) }},
		{"a cron rotates", func(*replica) { w.cron(w.policy()) }},
		{"a cron fails", w.cronFails},
		{"all is well again", func(r *replica) { r.link.heal() }},
		{"all is well again", func(r *replica) { r.link.heal() }},
		{"it is cut off", w.cutOff},
		{"it can only read", w.readOnly},
		{"answers to it are lost", w.loseAnswers},
		{"it is restarted", w.restart},
		{"it is killed", w.die},
		{"the store answers slowly", w.slowly},
		{"somebody comes first", w.raced},
		{"a key is revoked", func(*replica) { w.revoke() }},
		{"two keys are revoked", w.revokeTwice},
		{"a turn is brought forward", func(*replica) { w.handOver() }},
		{"a turn comes", w.turn},
		{"nobody does anything", w.silence},
		{"the store is gone", w.gone},
		{"a backup is made", func(*replica) { w.backUp() }},
		{"a backup is restored", w.restore},
	}
	e := events[w.choose("event", len(events))]
	w.Logf("after %v, replica %s: %s", w.at.Sub(epoch), r.name, e.name)
	e.do(r)
	if w.past != nil && w.choose("somebody looks at the alarm", 8) == 0 {
		w.Logf("after %v the past is mended", w.at.Sub(epoch))
		w.mend()
	}
}

func nothing(*replica) {}

// holds tells whether the world needs this replica as it is: nobody else has what the store lost.
func (w *world) holds(r *replica) bool { return w.past != nil && w.past.holder == r }

func (w *world) cutOff(r *replica) {
	if !w.holds(r) {
		r.link.cut()
	}
}

func (w *world) readOnly(r *replica) {
	if !w.holds(r) {
		r.link.ill = true
		r.link.FailUpdates(errDown)
	}
}

func (w *world) loseAnswers(r *replica) {
	if !w.holds(r) {
		r.link.ill = true
		r.link.LoseAnswers(errDown)
	}
}

// restart replaces a process by another one, with other settings perhaps.
func (w *world) restart(r *replica) {
	if !w.holds(r) {
		w.replicas[slices.Index(w.replicas, r)] = w.boot()
	}
}

// die kills a process somewhere between a question to the store and an answer, and starts another one.
func (w *world) die(r *replica) {
	if w.holds(r) {
		return
	}
	r.link.dying, r.link.lives = true, w.choose("calls before it dies", 6)
	w.sync(r)
	w.restart(r)
}

// slowly makes the next look at the store take its time, both ways.
func (w *world) slowly(r *replica) {
	r.link.slow = []time.Duration{
		time.Duration(w.choose("there", int(trip/time.Second)+1)) * time.Second,
		time.Duration(w.choose("and back", int(trip/time.Second)+1)) * time.Second,
	}
	w.sync(r)
	r.link.slow = nil
}

// raced lets somebody else come first, between a replica's question and what it makes of the answer.
func (w *world) raced(r *replica) {
	acts := []func(){func() { w.cron(w.policy()) }, w.revoke, w.handOver}
	r.link.between = acts[w.choose("who is first", len(acts))]
	w.sync(r)
	r.link.between = nil
}

// cron runs Rotate, which must work on a store that holds what it should, and must not on one that shows a past.
func (w *world) cron(p keys.Policy) {
	waits := w.waits()
	_, err := keys.Rotate(w.Context(), w.store, w.sealer, p)
	switch {
	case w.past == nil && (err != nil) != waits:
		w.Fatalf("rotate: %v", err)
	case w.past != nil && err == nil:
		w.Fatalf("a step is taken on a store that shows a past")
	}
}

// cronFails kills a cron somewhere on its way, or loses the answer it waits for.
func (w *world) cronFails(*replica) {
	l := w.link()
	if w.flip("its answer is lost") {
		l.LoseAnswers(errDown)
	} else {
		l.dying, l.lives = true, w.choose("calls before it dies", 3)
	}
	_, _ = keys.Rotate(w.Context(), l, w.sealer, w.policy())
}

// silence is a time in which nobody looks at the store.
func (w *world) silence(*replica) {
	w.pass(time.Duration(1+w.choose("ticks of silence", 80))*maxTick, false)
}

// gone is a time in which the store cannot be reached at all.
func (w *world) gone(*replica) {
	for _, r := range w.replicas {
		r.link.cut()
	}
	w.pass(time.Duration(1+w.choose("minutes without a store", 100))*time.Minute, true)
	for _, r := range w.replicas {
		r.link.heal()
	}
	w.remind()
}

// turn lets time go by until the next key takes over, or almost, or just after it, and then does the worst.
func (w *world) turn(r *replica) {
	at := r.ring.Status().HandOver
	if at.IsZero() || at.Sub(w.at) > time.Hour {
		return
	}
	w.cron(w.policy()) // in time
	early := []time.Duration{time.Second, 0, time.Microsecond, -time.Microsecond, -time.Second}[w.choose("how close", 5)]
	w.pass(at.Add(-early).Sub(w.at), w.flip("replicas look at the store"))
	for range 1 + w.choose("how much more", 2) {
		acts := []func(){w.revoke, w.handOver, func() { w.cron(w.policy()) }, func() {}}
		acts[w.choose("what then", len(acts))]()
	}
}

// revoke revokes a key, of those that are alive, where that is no outage.
func (w *world) revoke() {
	s := Load(w, w.store)
	var alive []keys.Info
	for _, k := range keys.List(s, s.Now) {
		switch k.State {
		case keys.Signing:
			alive = append(alive, k, k, k) // the worst one
		case keys.Pending, keys.Retiring:
			alive = append(alive, k)
		case keys.Dropped, keys.Revoked:
		}
	}
	if w.past != nil || len(alive) == 0 {
		return
	}
	w.revokeKey(s, alive[w.choose("to revoke", len(alive))])
}

func (w *world) revokeKey(s keys.State, k keys.Info) {
	p := w.policy()
	_, err := keys.Revoke(w.Context(), w.store, w.sealer, p, keys.Revocation{KID: k.KID, Reason: "leaked"})
	_, early := errors.AsType[*keys.TooEarlyError](err)
	possible := k.State != keys.Signing || (w.alike() && w.ready(s, p.Lead))
	if err != nil && (!early || possible) {
		w.Fatalf("revoke generation %d, which is %s: %v", k.Generation, k.State, err)
	}
}

// revokeTwice revokes the key that signs, and the one that takes over from it.
func (w *world) revokeTwice(*replica) {
	for range 2 {
		s := Load(w, w.store)
		for _, k := range keys.List(s, s.Now) {
			if k.State == keys.Signing && w.past == nil {
				w.revokeKey(s, k)
			}
		}
	}
}

// handOver brings the next turn forward, where that is no outage.
func (w *world) handOver() {
	if w.past != nil || len(Load(w, w.store).Keys) == 0 || w.waits() {
		return
	}
	_, err := keys.HandOver(w.Context(), w.store, w.sealer, w.policy(), false)
	if _, early := errors.AsType[*keys.TooEarlyError](err); err != nil && !early && len(Load(w, w.store).Keys) > 2 {
		w.missingNext(err)
	}
}

// missingNext wants an error of HandOver to be for want of a next key.
func (w *world) missingNext(err error) {
	s := Load(w, w.store)
	for _, k := range keys.List(s, s.Now) {
		if k.State == keys.Pending {
			w.Fatalf("hand over to generation %d: %v", k.Generation, err)
		}
	}
}

func lead(p keys.Policy) time.Duration { return p.Lead }

func period(p keys.Policy) time.Duration { return p.Period }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
