package issuer

import (
	"maps"
	"slices"
	"time"

	"github.com/hasura-issuer/hasura-issuer/bounded"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// bytesPerDecision is what a remembered one may take on average: a token of ten roles and as many variables does.
const bytesPerDecision = 4 << 10

// earlier is what was decided for a subject token, and the token that was minted by it, if any.
//
// Nothing is saved by it but the signature, and a count: who is calling and what they get is decided anew each time, from
// memory where nothing has changed, and an earlier decision is only good for as long as it says the same. So whatever a
// decision rests on counts at once, and nobody has to think of what that is.
type earlier struct {
	token, kid, jti string // empty without one
	allowed         entitlement
	at              time.Time
	records         []onRecord // that were kept of it; none without a journal, or where they were lost
}

// recall returns what was decided before for the subject token with this SHA-256, if r and canUse have a use for it.
func (i *Issuer) recall(r Request, id bounded.Key, canUse func(earlier) bool) (earlier, bool) {
	if !r.Reuse {
		return earlier{}, false
	}
	e, found := i.earlier.Get(id)
	if !found || !canUse(e) {
		return earlier{}, false
	}
	return e, true
}

// knows tells whether these very bytes were a good token when they came last, which nobody guesses.
func (i *Issuer) knows(r Request, id bounded.Key) bool {
	_, known := i.recall(r, id, func(earlier) bool { return true })
	return known
}

// canHandOut tells whether there is a token, and a key that still vouches for it.
func (i *Issuer) canHandOut(e earlier) bool { return e.token != "" && i.signer.Holds(e.kid) }

// reuses tells whether what was decided before still holds, and counts that.
func (i *Issuer) reuses(before earlier, j judgement) bool {
	if !before.holds(j) {
		return false
	}
	i.reused.Add(1)
	return true
}

// Memory is how a memory does: how often it was of use and how often it was not, and how much it holds.
type Memory struct {
	Hits, Misses uint64
	Entries      int
}

// Memory tells of the one of earlier decisions. Wishes for which those do not do are not counted, nor refusals.
func (i *Issuer) Memory() Memory {
	entries, _ := i.earlier.Size()
	return Memory{Hits: i.reused.Load(), Misses: i.anew.Load(), Entries: entries}
}

// remember keeps what was decided, with the token if there is one.
func (i *Issuer) remember(d Decision, j judgement) {
	i.anew.Add(1)
	if i.earlier == nil {
		return
	}
	e := earlier{token: d.Token, kid: d.KID, jti: d.JTI, allowed: j.allowed.apart(), at: j.now}.with(j.record)
	i.earlier.Put(j.id, e, e.size())
}

// forget drops what was decided for a token or a caller that is refused now, so that asking on counts. That something could not be
// judged says nothing about them.
func (i *Issuer) forget(id bounded.Key, err error) {
	if !unjudged(err) {
		i.earlier.Drop(id)
	}
}

// holds tells whether it says what a decision of now does, with more than a third of its life left. It may end before a
// new one would, and never after.
func (e earlier) holds(j judgement) bool {
	return slices.Equal(e.allowed.Roles, j.allowed.Roles) &&
		maps.EqualFunc(e.allowed.Session, j.allowed.Session, rolestore.Value.Equal) &&
		!e.allowed.Expiry.After(j.allowed.Expiry) &&
		3*e.allowed.Expiry.Sub(j.now) > e.allowed.Expiry.Sub(e.at)
}

// handOut completes d with the token.
func (e earlier) handOut(d Decision, now time.Time) Decision {
	d.Token, d.KID, d.JTI, d.Lifetime = e.token, e.kid, e.jti, left(e.allowed.Expiry, now)
	return d
}

// size is about how many bytes of memory the entry takes, with what the cache needs around it.
func (e earlier) size() int {
	const entry, text, ref = 512, 16, 40
	size := entry + len(e.token)
	for _, role := range e.allowed.Roles {
		size += text + len(role)
	}
	for _, record := range e.records {
		size += 2*text + len(record.role) + len(record.address) + ref
	}
	for name, value := range e.allowed.Session {
		size += 8*text + len(name) + len(value.Text())
		for _, item := range value.List() {
			size += text + len(item)
		}
	}
	return size
}
