package main

import (
	chain "container/list"
	"net"
	"net/http"
	"sync"
)

// maxQuiet is how many connections may be held before one that nobody uses is closed for each that comes. What lies above it
// is for who has something to ask: strangers who ask once and then stay would otherwise keep everybody else out.
const maxQuiet = maxConnections * 3 / 4

// quiet knows the connections of a server that wait for their next request. It is safe for concurrent use.
type quiet struct {
	room int // connections, above which the one that has waited longest makes way

	mu     sync.Mutex
	open   int
	queue  chain.List                  // of net.Conn, who has waited longest first
	places map[net.Conn]*chain.Element // in queue
}

// changed is http.Server.ConnState's.
func (q *quiet) changed(conn net.Conn, state http.ConnState) {
	if out := q.note(conn, state); out != nil {
		_ = out.Close()
	}
}

// note keeps account of a connection and returns the one that has to make way, if one has.
func (q *quiet) note(conn net.Conn, state http.ConnState) (out net.Conn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if place, waits := q.places[conn]; waits {
		q.queue.Remove(place)
		delete(q.places, conn)
	}
	switch state {
	case http.StateNew:
		q.open++
	case http.StateClosed, http.StateHijacked:
		q.open--
	case http.StateActive:
	case http.StateIdle:
		if q.places == nil {
			q.places = map[net.Conn]*chain.Element{}
		}
		q.places[conn] = q.queue.PushBack(conn)
	}
	longest := q.queue.Front()
	if longest == nil || q.open <= q.room {
		return nil
	}
	out, _ = q.queue.Remove(longest).(net.Conn)
	delete(q.places, out)
	return out
}
