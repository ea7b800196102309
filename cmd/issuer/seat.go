package main

import (
	"net"
	"sync/atomic"
	"time"
)

// seats is a listener whose connections know their place in a quiet.
type seats struct{ net.Listener }

// Accept is net.Listener's.
func (l seats) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &seat{Conn: conn}, nil
}

// seat is a connection.
type seat struct {
	net.Conn
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

// Read is net.Conn's.
func (s *seat) Read(p []byte) (int, error) {
	if !s.bounded.Load() { // net/http looks whether a client hangs up that is being answered, and owes nothing
		return s.Conn.Read(p)
	}
	if !s.turn.CompareAndSwap(ours, theirs) {
		return 0, errMadeWay
	}
	n, err := s.Conn.Read(p)
	if !s.turn.CompareAndSwap(theirs, ours) {
		return 0, errMadeWay
	}
	return n, err
}

// errMadeWay is one of those of which net/http says nothing.
var errMadeWay = &net.OpError{Op: "read", Net: "tcp", Err: net.ErrClosed}

// SetReadDeadline is net.Conn's.
func (s *seat) SetReadDeadline(t time.Time) error {
	s.bounded.Store(!t.IsZero())
	return s.Conn.SetReadDeadline(t)
}

// makeWay tells whether it was their turn, which then is nobody's any more.
func (s *seat) makeWay() bool { return s.turn.CompareAndSwap(theirs, nobodys) }
