package recall

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Memory holds answers in this process and drops those not used for the longest time when there are too many, or when
// they are too long together: one caller may be in two groups, or in ten thousand. All methods may be called
// concurrently.
type Memory struct {
	maxBytes int

	mu    sync.Mutex // guards what follows
	used  *simplelru.LRU[Key, Answer]
	bytes int
}

// NewMemory takes how many answers there may be, and about how many bytes of them.
func NewMemory(maxAnswers, maxBytes int) *Memory {
	m := &Memory{maxBytes: maxBytes}
	used, err := simplelru.NewLRU(maxAnswers, func(_ Key, dropped Answer) { m.bytes -= dropped.cost() })
	if err != nil {
		panic(err) // a size that is not positive, which no caller has
	}
	m.used = used
	return m
}

// Get returns the answer to k.
func (m *Memory) Get(k Key) (Answer, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used.Get(k)
}

// Put keeps the newer of a and what is held.
func (m *Memory) Put(k Key, a Answer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if held, found := m.used.Peek(k); found {
		if held.Read.After(a.Read) {
			return
		}
		m.used.Remove(k)
	}
	m.bytes += a.cost()
	m.used.Add(k, a)
	for m.bytes > m.maxBytes {
		m.used.RemoveOldest()
	}
}

// Len returns how many answers are held.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used.Len()
}

// Remove forgets the answer to k.
func (m *Memory) Remove(k Key) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used.Remove(k)
}
