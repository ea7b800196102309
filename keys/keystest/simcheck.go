package keystest

import (
	"slices"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
)

// checkStore holds the stored ring to what is always true of it, as long as it is not one of the past.
func (w *world) checkStore() {
	s := Load(w, w.store)
	if !s.Founded || w.past != nil {
		return
	}
	if newest := s.Keys[len(s.Keys)-1].Generation; newest < w.newest {
		w.Fatalf("the store went back from generation %d to %d", w.newest, newest)
	}
	w.newest = s.Keys[len(s.Keys)-1].Generation
	w.checkPhases(s)
	if w.waits() { // nobody takes a step, then somebody does in time, and it takes a lead until that key is ready
		w.calm = later(w.calm, w.at.Add(w.longest(period)+maxTick))
	}
	w.checkReady(s)
}

// checkChange holds what a change does to the turns of keys to the lead: whoever is stale when a key is published, and
// whoever keeps a key set from such a replica, has to hear of it before it signs.
func (w *world) checkChange(before keys.State, c keys.Change) {
	if w.past != nil && !w.past.whole {
		return // keys are put back
	}
	was := map[int64]keys.Key{}
	for _, k := range before.Keys {
		was[k.Generation] = k
	}
	for _, k := range c.Insert {
		if k.Generation > 1 { // before that nobody holds anything
			w.checkLead(k, k.Promised)
		}
	}
	for _, k := range c.Update {
		moved := !k.SignsFrom.Equal(was[k.Generation].SignsFrom)
		if moved {
			w.checkLead(k, was[k.Generation].Promised)
		}
		if !k.RevokedAt.IsZero() {
			w.revoked[k.KID] = true
		}
		if moved || !k.RevokedAt.Equal(was[k.Generation].RevokedAt) { // keys are used up out of turn: it takes a lead to have others
			w.calm = later(w.calm, w.at.Add(w.longest(lead)))
		}
	}
}

func (w *world) checkLead(k keys.Key, p keys.Promise) {
	least := w.policies[0].Lead
	if got := k.SignsFrom.Sub(k.PublishedAt); got < p.Stale+p.MaxAge+p.CDNTTL+keys.Skew || got < least {
		w.Fatalf("generation %d signs %v after its publication, having promised %+v", k.Generation, got, p)
	}
}

// checkPhases wants one key to sign, now and later, and no key to go back in its life.
func (w *world) checkPhases(s keys.State) {
	order := []keys.Phase{keys.Pending, keys.Signing, keys.Retiring, keys.Dropped, keys.Revoked}
	for i, at := range []time.Time{s.Now, s.Now.Add(10 * time.Minute), s.Now.Add(10 * time.Hour)} {
		signing := 0
		for _, k := range keys.List(s, at) {
			if k.State == keys.Signing {
				signing++
			}
			if i > 0 {
				continue
			}
			if before := w.phases[k.KID]; before != "" && slices.Index(order, k.State) < slices.Index(order, before) {
				w.Fatalf("generation %d was %s and is %s", k.Generation, before, k.State)
			}
			w.phases[k.KID] = k.State
			if k.State == keys.Revoked {
				w.revoked[k.KID] = true
			}
		}
		if signing != 1 {
			w.Fatalf("%d keys sign at %v", signing, at)
		}
	}
}

// checkReady wants a key that could take over at once, where all have the same settings, no emergency used it up, and
// nobody who rotates was late by more than a period less the lead.
func (w *world) checkReady(s keys.State) {
	if !w.alike() {
		return
	}
	p := w.policies[0]
	if !w.missing.IsZero() && s.Now.Sub(w.missing) > p.Period-p.Lead {
		w.calm = later(w.calm, s.Now.Add(p.Lead+maxTick))
	}
	w.noteMissing(s)
	if !s.Now.Before(w.calm) && !w.ready(s, p.Lead) {
		w.Fatalf("no key is ready to take over, and nobody was late")
	}
}

// noteMissing notes since when a key is missing: since the last turn.
func (w *world) noteMissing(s keys.State) {
	pending, turn := 0, s.Now
	for i, k := range keys.List(s, s.Now) {
		switch k.State {
		case keys.Pending:
			pending++
		case keys.Signing:
			turn = s.Keys[i].SignsFrom
			if k.Generation == 1 { // of the first boot: there is none for a lead
				w.calm = later(w.calm, turn.Add(w.policies[0].Lead))
			}
		case keys.Retiring, keys.Dropped, keys.Revoked:
		}
	}
	switch {
	case pending > 1:
		w.missing = time.Time{}
	case w.missing.IsZero():
		w.missing = turn
	}
}

// ready tells whether the next key was published for a lead.
func (w *world) ready(s keys.State, lead time.Duration) bool {
	for i, k := range keys.List(s, s.Now) {
		if k.State == keys.Pending {
			return s.Now.Sub(s.Keys[i].PublishedAt) >= lead
		}
	}
	return false
}

// checkSigner wants who signs to have a key that was not wiped, since its private half goes when nobody can sign with it
// any more, to have promised with it what its tokens and key sets need, and not to fall back on an older key, but where
// the newer one was revoked.
func (w *world) checkSigner(r *replica, kid string) {
	now, before := w.rows[kid], w.rows[r.signer]
	if p := now.Promised; w.past == nil && (p.TTL < r.policy.TTL || p.MaxAge < r.policy.MaxAge || p.CDNTTL < r.policy.CDNTTL) {
		w.Fatalf("replica %s signs with generation %d, which promises %+v", r.name, now.Generation, p)
	}
	if now.Private == "" && !w.revoked[kid] {
		w.Fatalf("replica %s signs with generation %d, which was wiped", r.name, now.Generation)
	}
	if now.Generation < before.Generation && !w.revoked[r.signer] {
		w.Fatalf("replica %s signed with generation %d, and now does with %d", r.name, before.Generation, now.Generation)
	}
	r.signer = kid
}
