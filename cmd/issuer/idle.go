package main

import (
	"net"
	"net/http"
	"sync"
)

// maxQuiet is how many connections may be held before one that nobody uses is closed for each that comes. What lies above it
// is for who has something to ask: strangers who ask once and then stay would otherwise keep everybody else out.
const maxQuiet = maxConnections * 3 / 4

// quiet knows the connections of a server that wait for their next request. Those that can make way come by a seats. It is
// safe for concurrent use.
type quiet struct {
	room int // connections, above which the one that has waited longest makes way

	mu              sync.Mutex
	open            int
	longest, newest *seat // the ends of the queue of those that wait
}

// seats is a listener whose connections can stand in the queue of a quiet. Two of their states change with each request, so
// each knows its own place there.
type seats struct{ net.Listener }

// Accept is net.Listener's.
func (l seats) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &seat{Conn: conn}, nil
}

// seat is a connection. What it knows of the queue is quiet's to guard.
type seat struct {
	net.Conn
	waits         bool
	longer, newer *seat // its neighbours, while it waits
}

// changed is http.Server.ConnState's.
func (q *quiet) changed(conn net.Conn, state http.ConnState) {
	if out := q.note(conn, state); out != nil {
		_ = out.Close()
	}
}

// note keeps account of a connection and returns the one that has to make way, if one has.
func (q *quiet) note(conn net.Conn, state http.ConnState) (out *seat) {
	s, _ := conn.(*seat)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.leave(s)
	switch state {
	case http.StateNew:
		q.open++
	case http.StateClosed, http.StateHijacked:
		q.open--
	case http.StateActive:
	case http.StateIdle:
		q.join(s)
	}
	if q.open <= q.room {
		return nil
	}
	out = q.longest
	q.leave(out)
	return out
}

// join puts a connection at the end of the queue. mu is held.
func (q *quiet) join(s *seat) {
	if s == nil {
		return
	}
	s.waits, s.longer = true, q.newest
	if q.newest == nil {
		q.longest = s
	} else {
		q.newest.newer = s
	}
	q.newest = s
}

// leave takes a connection out of the queue, if it is in there. mu is held.
func (q *quiet) leave(s *seat) {
	if s == nil || !s.waits {
		return
	}
	if s.longer == nil {
		q.longest = s.newer
	} else {
		s.longer.newer = s.newer
	}
	if s.newer == nil {
		q.newest = s.longer
	} else {
		s.newer.longer = s.longer
	}
	s.waits, s.longer, s.newer = false, nil, nil
}
