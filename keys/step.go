package keys

import (
	"errors"
	"slices"
	"time"
)

const (
	ahead    = 2   // pending keys a step leaves: one may be missed and nothing happens
	keepDead = 100 // rows of dropped and revoked keys kept for audit
)

// errLost is the answer to a store that had a ring and has none: it was wiped,
// or it is not the one we think. A new ring would be an outage for every engine
// that holds the old one, so somebody has to say that they want it.
var errLost = errors.New("the key store once held a ring and is empty now: restore it, or bring one in with `issuer keys import` or `issuer keys adopt`")

// step works out what is due: promises to raise, private halves to wipe, keys
// to insert, old rows to prune. It is the only thing that ever moves the ring on by
// itself; run late or run twice, it does no harm. The rows to insert lack their
// material (see Change.fill). errLost where the store lost its ring; no step is
// taken on a store that somebody disputes.
func step(s State, p Policy) (Change, error) {
	if err := s.Dispute(); err != nil {
		return Change{}, err
	}
	return stepAbove(s, p, 0), nil
}

// stepAbove is step, whatever became of the store, with new keys above a generation.
func stepAbove(s State, p Policy, floor int64) Change {
	tl := timelineOf(s.Keys)
	t := p.beside(tl.promised(s.Now))
	t.floor = floor
	return Change{
		Found:  !s.Founded,
		Update: updates(s, tl, func(k span) Key { return wiped(raised(k, s.Now, t.promise), s.Now) }),
		Insert: inserts(s, p, t),
		Delete: prunable(tl, s.Now),
	}
}

// pledge works out the promises to raise before a replica with this policy may
// use the ring, and nothing else.
func pledge(s State, p Policy) Change {
	tl := timelineOf(s.Keys)
	promise := p.beside(tl.promised(s.Now)).promise
	return Change{Update: updates(s, tl, func(k span) Key { return raised(k, s.Now, promise).Key })}
}

// updates returns the rows that alter makes different.
func updates(s State, tl timeline, alter func(span) Key) []Key {
	var changed []Key
	for i, k := range tl {
		after := alter(k)
		if after.Promised != s.Keys[i].Promised || after.Private != s.Keys[i].Private {
			changed = append(changed, after)
		}
	}
	return changed
}

// raised returns the key with its promise raised, if who promises may still
// sign with it. A key that others succeeded already is left alone: who adopts
// this state never signs with it, and raising it would keep it published
// longer, beyond the two that may retire at once, or revive a dropped one.
func raised(k span, now time.Time, promise Promise) span {
	if phase := k.phase(now); phase == Pending || phase == Signing {
		k.Promised = k.Promised.raise(promise)
	}
	return k
}

// wiped returns the row without its private half once no replica can sign with
// it: one that does not know it was succeeded stops after the staleness it
// promised, by a clock that may be slow. Nobody may sign with a revoked one.
func wiped(k span, now time.Time) Key {
	if !k.RevokedAt.IsZero() || (!k.retires.IsZero() && now.Sub(k.retires) > k.Promised.Stale+Skew) {
		k.Private = ""
	}
	return k.Key
}

// inserts returns the keys that are missing, without their material. Where no
// key is left to sign, first boot above all, the first of them signs at once.
func inserts(s State, p Policy, t terms) []Key {
	var signing bool
	missing := ahead
	for _, phase := range timelineOf(s.Keys).phases(s.Now) {
		switch phase {
		case Pending:
			missing--
		case Signing:
			signing = true
		case Retiring, Dropped, Revoked:
		}
	}
	rows := s.Clone()
	if !signing {
		rows.Keys = append(rows.Keys, successor(rows, t, s.Now))
	}
	for range missing {
		rows.Keys = append(rows.Keys, successor(rows, t, turn(rows, p, t)))
	}
	return rows.Keys[len(s.Keys):]
}

// successor returns the next row, to sign from the moment given.
func successor(rows State, t terms, signsFrom time.Time) Key {
	return Key{
		Generation:  max(rows.newest().Generation, t.floor) + 1,
		PublishedAt: rows.Now,
		SignsFrom:   signsFrom,
		Promised:    t.promise,
	}
}

// turn returns when the next row's turn to sign comes: a period after the last
// turn, a lead after now, and not before the third-last key is dropped, so that
// never more than two retire at once (five published), whatever was promised.
func turn(rows State, p Policy, t terms) time.Time {
	from := rows.Now.Add(t.lead)
	var live []span
	for _, k := range timelineOf(rows.Keys) {
		if k.begins() {
			from = later(from, k.SignsFrom.Add(p.Period))
		}
		if k.RevokedAt.IsZero() {
			live = append(live, k)
		}
	}
	if len(live) >= 3 {
		from = later(from, live[len(live)-3].drops)
	}
	return from
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// prunable returns the generations of rows that are kept no longer: the oldest
// of those that are dead and older than every live one, beyond keepDead. The
// newest row is never among them, and no row that tells when a live key retires.
func prunable(tl timeline, now time.Time) []int64 {
	var dead []int64
	for i, phase := range tl.phases(now) {
		if phase != Dropped && phase != Revoked {
			break
		}
		dead = append(dead, tl[i].Generation)
	}
	if len(dead) <= keepDead {
		return nil
	}
	return dead[:len(dead)-keepDead]
}

// without returns the rows that are not of these generations.
func without(rows []Key, generations []int64) []Key {
	return slices.DeleteFunc(rows, func(k Key) bool { return slices.Contains(generations, k.Generation) })
}
