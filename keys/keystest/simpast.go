package keystest

import (
	"slices"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
)

// past is the time in which a store shows one: a backup was restored, or it was emptied.
type past struct {
	lost    keys.State // what it held before
	holder  *replica   // who holds all of that; it is cut off from nothing and lives on
	adopted bool
	whole   bool // all that was lost is back
}

// backUp keeps a copy of the store for later.
func (w *world) backUp() {
	if w.past == nil {
		w.backups = append(w.backups, Load(w, w.store))
	}
}

// restore puts the store back to a backup, or empties it. Somebody sees it at once who knows what it was: where nobody is
// left who does, nobody can tell.
func (w *world) restore(r *replica) {
	if w.past != nil || len(w.backups) == 0 || r.wrong() {
		return
	}
	r.link.heal()
	if w.sync(r); !r.good.Equal(w.at) {
		return
	}
	before := Load(w, w.store)
	backup := w.backups[w.choose("backup", len(w.backups))]
	if w.choose("emptied", 4) == 3 {
		backup = keys.State{Founded: true, Version: before.Version, Adoption: before.Adoption}
	}
	if len(before.Keys) == 0 {
		return
	}
	w.put(backup)
	if lost(before, backup) {
		w.past = &past{lost: before, holder: r}
		w.sync(r)
		w.cron(w.policy())
	}
}

// lost tells whether a backup lacks what only grows: generations, revocations, promises, turns brought forward, private
// halves wiped, adoptions.
func lost(s, backup keys.State) bool {
	if len(backup.Keys) < len(s.Keys) || backup.Adoption < s.Adoption {
		return true
	}
	for i, k := range s.Keys {
		b := backup.Keys[i]
		if k.RevokedAt.IsZero() != b.RevokedAt.IsZero() || (k.Private == "") != (b.Private == "") ||
			k.Promised != b.Promised || !k.SignsFrom.Equal(b.SignsFrom) {
			return true
		}
	}
	return false
}

// put makes another store that holds a state take the place of the one there is.
func (w *world) put(s keys.State) {
	store := w.open(w.now)
	Fill(w, store, s)
	w.store.Store = store
}

// mended ends a past where a replica that holds what was lost follows the store: others, who had yet to hear of an adoption
// before, may have put everything back.
func (w *world) mended(r *replica) {
	if lost(w.past.lost, r.held) {
		w.Fatalf("replica %s follows a store that shows a past", r.name)
	}
	w.past = nil
	w.calm = later(w.calm, w.at.Add(w.longest(lead)))
}

// remind lets the one who knows better say so again: after an hour without a word it counts for nothing.
func (w *world) remind() {
	if w.past != nil {
		w.past.holder.link.heal()
		w.sync(w.past.holder)
	}
}

// mend ends a past: the newest backup is found after all, or somebody adopts the store and replicas put back what it lost.
func (w *world) mend() {
	p := w.past
	if w.flip("the newest backup is found") {
		w.put(p.lost)
	} else {
		w.adopt(p)
	}
	w.past = nil
	if w.sync(p.holder); !p.holder.good.Equal(w.at) {
		w.Fatalf("replica %s does not follow a store that is as it was", p.holder.name)
	}
	w.checkMended(p.lost)
	w.cron(w.policy())
	w.calm = later(w.calm, w.at.Add(w.longest(lead)))
}

// adopt does what an operator does, with the pause it takes replicas to put things back.
func (w *world) adopt(p *past) {
	if err := keys.BeginAdoption(w.Context(), w.store, 0); err != nil {
		w.Fatalf("adopt: %v", err)
	}
	p.adopted = true
	for _, r := range w.replicas {
		if w.flip("looks at the store before it is mended") && r != p.holder {
			w.sync(r)
		}
	}
	if _, err := keys.FinishAdoption(w.Context(), w.store, w.sealer, w.policy(), 0); err == nil {
		w.Fatalf("an adoption ends before the store is whole")
	}
	w.serve()
	w.at = w.at.Add(time.Second)
	w.sync(p.holder)
	if !Load(w, w.store).Mended(0) {
		w.Fatalf("replica %s has not put back what the store lost", p.holder.name)
	}
	w.serve()
	w.settle()
	p.whole = true
	if _, err := keys.FinishAdoption(w.Context(), w.store, w.sealer, w.policy(), 0); err != nil {
		w.Fatalf("adopt: %v", err)
	}
}

// settle sees to those who have yet to put back what they hold: to processes that live, and gives the others up.
func (w *world) settle() {
	for _, r := range w.replicas {
		if slices.ContainsFunc(Load(w, w.store).Unsettled(0), func(u keys.Witness) bool { return u.Name == r.name }) {
			r.link.heal()
			w.sync(r)
		}
	}
	s := Load(w, w.store)
	if err := keys.Abandon(w.Context(), w.store, s, s.Unsettled(0)); err != nil {
		w.Fatalf("abandon replicas: %v", err)
	}
}

// waits tells whether the ring waits for a replica that has yet to put back what an adopted store lost, if it ever comes.
func (w *world) waits() bool {
	return w.past == nil && slices.ContainsFunc(Load(w, w.store).Replicas(), func(r keys.Witness) bool { return r.Alarm != "" })
}

// checkMended wants all that was lost to be there again.
func (w *world) checkMended(lost keys.State) {
	now := map[int64]keys.Key{}
	for _, k := range Load(w, w.store).Keys {
		now[k.Generation] = k
	}
	for _, k := range lost.Keys {
		n, found := now[k.Generation]
		if found && (n.KID != k.KID || n.RevokedAt.IsZero() != k.RevokedAt.IsZero() || n.SignsFrom.After(k.SignsFrom)) {
			w.Fatalf("generation %d was not put back as it was", k.Generation)
		}
		if phase := w.phases[k.KID]; !found && phase != keys.Dropped && phase != keys.Revoked {
			w.Fatalf("generation %d was not put back", k.Generation)
		}
	}
}

// Fill makes an empty store hold a state: what somebody does who restores a backup.
func Fill(tb TB, store keys.Store, s keys.State) {
	tb.Helper()
	first := keys.Change{Found: true, Insert: s.Keys, Adopt: s.Adoption == 1}
	for version := int64(1); version <= s.Version; version++ {
		change := keys.Change{Found: true, Adopt: version == s.Adoption}
		if version == 1 {
			change = first
		}
		if got := Change(tb, store, func(keys.State) keys.Change { return change }); got.Version != version {
			tb.Fatalf("the store has version %d, want %d", got.Version, version)
		}
	}
	if err := store.Witness(tb.Context(), s.Witnesses); err != nil {
		tb.Fatalf("restore who has the ring: %v", err)
	}
}
