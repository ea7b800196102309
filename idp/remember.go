package idp

import (
	"github.com/hasura-issuer/hasura-issuer/bounded"
	"github.com/hasura-issuer/hasura-issuer/idp/internal/entrakeys"
)

// bytesPerToken is what a remembered token may take on average: a user in 60 groups does.
const bytesPerToken = 4 << 10

// verified is a token that was accepted: who it stands for, and what that rests on. What else the verdict rests on never
// changes: the token is the same to the last bit, and the policy is fixed for as long as a Verifier lives.
type verified struct {
	subject Subject
	life    lifetime
	source  *entrakeys.Source
	key     *entrakeys.Key
}

// recall returns the subject of a token that was accepted before and would be now. Two things can have changed since: the
// time, and the key with the facts it was judged by. In either case the token is forgotten and judged from the beginning,
// so that the answer is the one that a stranger to it would get.
//
// The time a hit saves tells whoever holds the token that it was shown to us before. Nobody else learns that: an entry is
// found by the SHA-256 of the whole token, so nothing can be felt out byte by byte.
func (v *Verifier) recall(id bounded.Key) (Subject, bool) {
	known, ok := v.seen.Get(id)
	if !ok {
		return Subject{}, false
	}
	if !known.source.Holds(known.key) || known.life.holds(v.now(), v.policy.leeway) != nil {
		v.seen.Drop(id)
		return Subject{}, false
	}
	return known.subject.clone(), true
}

// Memory is how the memory of verified tokens does: how often it knew one and how often it did not, and how many it holds.
type Memory struct {
	Hits, Misses uint64
	Entries      int
}

// Memory tells of the verified tokens that are remembered; zero where none are.
func (v *Verifier) Memory() Memory {
	entries, _ := v.seen.Size()
	return Memory{Hits: v.known.Load(), Misses: v.unknown.Load(), Entries: entries}
}

// size is about how many bytes of memory the entry takes, with what the cache needs around it.
func (f *verified) size() int {
	const entry, text = 768, 16 // this struct, the ids in it and the cache's own; a string without its content
	size := entry
	for _, list := range [][]string{f.subject.AppRoles, f.subject.Groups} {
		for _, item := range list {
			size += text + len(item)
		}
	}
	for name, value := range f.subject.Claims {
		size += 4*text + len(name) + len(value)
	}
	return size
}
