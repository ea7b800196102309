package main

import (
	"bytes"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// maxLines is how many lines the head of a request may have. net/http bounds its bytes alone, and makes 60 of each header of three.
// Browsers and proxies together send some 40.
const maxLines = 200

// seats is a listener whose connections know their place in a quiet, bound the heads of requests, and have those turned away that are too many.
type seats struct {
	net.Listener
	turnAway func(sent []byte) (answer []byte, rest int) // as api.API has it; nil: nobody is
}

// Accept is net.Listener's.
func (l seats) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &seat{Conn: conn, turnAway: l.turnAway, born: time.Now()}, nil
}

// seat is a connection.
type seat struct {
	net.Conn
	quiet    *quiet
	turnAway func(sent []byte) (answer []byte, rest int)
	reader   reader
	size     int           // of the buffer that net/http reads into
	born     time.Time     // zero once a request has been served
	late     time.Duration // by how much deadlines are later than net/http reckons, which counts them from when it began to wait

	head    head         // of who reads
	bounded atomic.Bool  // reads have a deadline
	turn    atomic.Int32 // whose it is to do something: ours, theirs or nobodys

	// What follows is quiet's to guard.
	host          *host // that it counts for; nil: for none, it is gone
	in            *line
	since         uint64 // of those that wait, who has waited longest has the least
	longer, newer *seat  // its neighbours in line
}

// Whose turn it is on a connection. Only one where it is theirs can make way, and that one ends before another byte of it is heard,
// so that no request is cut off that we work on.
const (
	ours   int32 = iota
	theirs       // they owe us bytes, and we wait for them
	nobodys
)

// Read is net.Conn's. A head of too many lines is heard as one whose last line does not end, which net/http refuses with 431.
func (s *seat) Read(p []byte) (int, error) {
	if !s.bounded.Load() { // net/http looks whether a client hangs up that is being answered, and owes nothing
		return s.Conn.Read(p)
	}
	if s.head.tooLong() {
		return without(p, 0), nil
	}
	n, err := s.hearAsked(p)
	return without(p[:n], s.head.take(p[:n])), err
}

// hear is a read during which it is their turn.
func (s *seat) hear(p []byte) (int, error) {
	if !s.turn.CompareAndSwap(ours, theirs) {
		return 0, errMadeWay
	}
	n, err := s.Conn.Read(p)
	if !s.turn.CompareAndSwap(theirs, ours) {
		return 0, errMadeWay
	}
	return n, err
}

// without has the bytes behind the first so many be those of a line that does not end, and returns how many there are in all.
func without(p []byte, kept int) int {
	for i := kept; i < len(p); i++ {
		p[i] = '-'
	}
	return len(p)
}

// errMadeWay is one of those of which net/http says nothing.
var errMadeWay = &net.OpError{Op: "read", Net: "tcp", Err: net.ErrClosed}

// SetReadDeadline is net.Conn's.
func (s *seat) SetReadDeadline(t time.Time) error {
	s.bounded.Store(!t.IsZero())
	switch s.reader {
	case done: // for how long it waits
		s.reader = between
	case between: // it has waited
		s.reader = within
	case before, within:
	}
	if !t.IsZero() {
		t = t.Add(s.late)
	}
	return s.Conn.SetReadDeadline(t)
}

// makeWay tells whether it was their turn, which then is nobody's any more.
func (s *seat) makeWay() bool { return s.turn.CompareAndSwap(theirs, nobodys) }

// changed is told of each state by the goroutine that reads the head.
func (s *seat) changed(state http.ConnState) {
	switch state {
	case http.StateNew:
		s.head = head{coming: true, empty: true}
	case http.StateIdle:
		s.head = head{coming: true, empty: true}
		s.reader = done
		s.born, s.late = time.Time{}, 0 // from here on it begins to count when a request begins to come
	case http.StateActive: // the head is there
		s.head.coming = false
	case http.StateHijacked, http.StateClosed:
	}
}

// head counts the lines of a request's head. What came together with the end of the request before may go uncounted: 4 KiB at most.
type head struct {
	coming bool
	lines  int
	empty  bool // nothing stands on the line so far, but perhaps its \r
}

func (h *head) tooLong() bool { return h.coming && h.lines > maxLines }

// take returns how many of the bytes that came are within the bound. Of those behind an empty line, which may be of a body, all are.
func (h *head) take(p []byte) int {
	for at := 0; h.coming; {
		end := bytes.IndexByte(p[at:], '\n')
		if end < 0 {
			h.empty = h.empty && isEmpty(p[at:])
			break
		}
		blank := h.empty && isEmpty(p[at:at+end])
		h.empty = true
		if blank && h.lines > 0 { // in front of the first line, net/http skips some
			break
		}
		if !blank {
			h.lines++
		}
		if h.tooLong() {
			return at
		}
		at += end + 1
	}
	return len(p)
}

func isEmpty(line []byte) bool { return len(line) == 0 || len(line) == 1 && line[0] == '\r' }
