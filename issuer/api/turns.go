package api

import (
	"context"
	"sync"
)

// turnsEach is how many queries of one caller are read and looked at at once. Each may take 30 MB while that lasts, and a
// caller may send as slowly as they like. An engine's next query waits for microseconds.
const turnsEach = 4

// turns has the requests of one caller wait for each other, and for nobody else's. It is safe for concurrent use.
type turns struct {
	mu    sync.Mutex
	rooms map[string]*room // by the caller; those that nobody is in or waits for are not kept
}

type room struct {
	places chan struct{}
	users  int
}

// take waits for a turn and returns what ends it, or false if ctx ends first.
func (t *turns) take(ctx context.Context, who string) (end func(), ok bool) {
	r := t.enter(who)
	select {
	case r.places <- struct{}{}:
		return func() { <-r.places; t.leave(who, r) }, true
	case <-ctx.Done():
		t.leave(who, r)
		return nil, false
	}
}

func (t *turns) enter(who string) *room {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.rooms[who]
	if r == nil {
		r = &room{places: make(chan struct{}, turnsEach)}
		if t.rooms == nil {
			t.rooms = map[string]*room{}
		}
		t.rooms[who] = r
	}
	r.users++
	return r
}

func (t *turns) leave(who string, r *room) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if r.users--; r.users == 0 {
		delete(t.rooms, who)
	}
}
