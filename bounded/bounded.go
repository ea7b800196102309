// Package bounded answers: what was found the last time? It remembers values by the SHA-256 of what was asked, within
// bounds of number and memory, and forgets what was not asked for longest. It never keeps the question, which may be a
// token, and knows nothing of what makes a value go bad.
package bounded

import (
	"crypto/sha256"
	"sync"
	"unsafe"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Key is the SHA-256 of what is asked.
type Key = [sha256.Size]byte

// KeyOf returns the SHA-256 of a text, without making a copy of it: one token is hashed for each request.
func KeyOf(text string) Key {
	return sha256.Sum256(unsafe.Slice(unsafe.StringData(text), len(text))) //nolint:gosec // G103: Sum256 only reads
}

const (
	shards       = 16   // so that cores seldom wait for each other
	minToBeSplit = 1024 // entries; fewer are one shard, whose bounds are exact
)

// Cache is the memory. All methods may be called concurrently. A nil Cache can be asked, and remembers nothing.
type Cache[V any] struct{ shards []*shard[V] }

// shard is a part with a lock of its own; the hash says which. It is held for a few pointer moves.
type shard[V any] struct {
	mu       sync.Mutex
	recent   *simplelru.LRU[Key, weighed[V]]
	bytes    int
	maxBytes int
}

type weighed[V any] struct {
	value V
	bytes int
}

// New returns a cache for so many entries that together take so many bytes; nil when there is room for none.
func New[V any](entries, bytes int) *Cache[V] {
	if entries < 1 || bytes < 1 {
		return nil
	}
	parts := shards
	if entries < minToBeSplit {
		parts = 1
	}
	c := &Cache[V]{}
	for range parts {
		s := &shard[V]{maxBytes: bytes / parts}
		s.recent, _ = simplelru.NewLRU(entries/parts, func(_ Key, out weighed[V]) { s.bytes -= out.bytes }) // fails for a size below one
		c.shards = append(c.shards, s)
	}
	return c
}

func (c *Cache[V]) shard(id Key) *shard[V] { return c.shards[int(id[0])%len(c.shards)] }

// Get returns what was remembered, and counts as a use.
func (c *Cache[V]) Get(id Key) (V, bool) {
	if c == nil {
		var none V
		return none, false
	}
	s := c.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.recent.Get(id)
	return found.value, ok
}

// Put remembers value, which takes so many bytes, in place of what was there before; what is over the bounds then goes,
// longest unused first. A value that alone is over them is not remembered.
func (c *Cache[V]) Put(id Key, value V, bytes int) {
	if c == nil {
		return
	}
	s := c.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(id, value, bytes)
}

// Change puts what change makes of a value in its place, with the bytes that it takes then, and counts as a use. Nothing happens
// where none is remembered. No other value comes in between; change must not ask the cache.
func (c *Cache[V]) Change(id Key, change func(V) (V, int)) {
	if c == nil {
		return
	}
	s := c.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	if found, ok := s.recent.Peek(id); ok {
		value, bytes := change(found.value)
		s.put(id, value, bytes)
	}
}

func (s *shard[V]) put(id Key, value V, bytes int) {
	s.recent.Remove(id) // Add alone would replace it without a word
	if bytes > s.maxBytes {
		return
	}
	s.bytes += bytes
	s.recent.Add(id, weighed[V]{value, bytes})
	for s.bytes > s.maxBytes {
		s.recent.RemoveOldest()
	}
}

// Drop forgets.
func (c *Cache[V]) Drop(id Key) {
	if c == nil {
		return
	}
	s := c.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recent.Remove(id)
}

// Size returns how many values are remembered, and how many bytes they take.
func (c *Cache[V]) Size() (entries, bytes int) {
	if c == nil {
		return 0, 0
	}
	for _, s := range c.shards {
		s.mu.Lock()
		entries, bytes = entries+s.recent.Len(), bytes+s.bytes
		s.mu.Unlock()
	}
	return entries, bytes
}
