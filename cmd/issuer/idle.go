package main

import (
	"net"
	"net/http"
	"net/netip"
	"sync"

	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

const (
	// maxQuiet is how many connections may be held before one is closed for each that comes. What lies above it is for who has something
	// to ask: strangers who stay without a word, or in the middle of one, would otherwise keep everybody else out.
	maxQuiet = maxConnections * 3 / 4
	// lastQuiet is how many may be held before that is so even where nobody else is there: who comes next may be somebody else.
	lastQuiet = maxConnections * 15 / 16
)

// quiet knows the connections of a server, which come by a seats, by where they come from. It is safe for concurrent use.
type quiet struct {
	room, last int
	trusted    []netip.Prefix // proxies, whose connections are many people's

	mu    sync.Mutex
	open  int // but for those that had to make way, which are closed a moment later
	clock uint64
	hosts map[origin]*host
}

// origin is an address, as limits by address count it.
type origin struct {
	network string
	trusted bool
}

// host is what an origin holds.
type host struct {
	origin
	count      int
	idle, busy line // those that wait for their next request, and the others: in whose requests we are, or who owe the rest of one
}

// changed is http.Server.ConnState's.
func (q *quiet) changed(conn net.Conn, state http.ConnState) {
	s, is := conn.(*seat)
	if !is {
		return
	}
	s.changed(state)
	var from origin
	if state == http.StateNew {
		s.quiet, from = q, q.originOf(conn)
	}
	if out := q.note(s, state, from); out != nil {
		_ = out.Close()
	}
}

func (q *quiet) originOf(conn net.Conn) origin {
	remote, _ := conn.RemoteAddr().(*net.TCPAddr)
	address := remote.AddrPort().Addr().Unmap()
	o := origin{network: api.Network(address)}
	for _, network := range q.trusted {
		o.trusted = o.trusted || network.Contains(address)
	}
	return o
}

// note keeps account of a connection and returns the one that has to make way for it, if one has. from counts where it is new.
func (q *quiet) note(s *seat, state http.ConnState, from origin) (out *seat) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case state == http.StateNew:
		q.enter(s, from)
		return q.makeRoom()
	case s.host == nil:
	case state == http.StateIdle:
		q.clock++
		s.since = q.clock
		s.join(&s.host.idle)
	case state == http.StateActive:
		s.join(&s.host.busy)
	default:
		q.leave(s)
	}
	return nil
}

func (q *quiet) enter(s *seat, from origin) {
	h := q.hosts[from]
	if h == nil {
		if q.hosts == nil {
			q.hosts = map[origin]*host{}
		}
		h = &host{origin: from}
		q.hosts[from] = h
	}
	h.count++
	q.open++
	s.host = h
	s.join(&h.busy)
}

func (q *quiet) leave(s *seat) {
	s.part()
	if s.host.count--; s.host.count == 0 {
		delete(q.hosts, s.host.origin)
	}
	q.open--
	s.host = nil
}

// makeRoom takes out the connection that has to make way, if there are too many: of the address that holds most, one that owes us
// something, those first that wait for their next request, and of these the one that has for longest. Where that address is a
// proxy, or alone, its requests are no stranger's: then it is whoever has waited longest for the next one.
func (q *quiet) makeRoom() (out *seat) {
	if q.open <= q.room {
		return nil
	}
	most, longest := q.outstanding()
	if !most.trusted && (len(q.hosts) > 1 || q.open > q.last) {
		if out = most.idle.owing(); out == nil {
			out = most.busy.owing()
		}
	}
	if out == nil {
		out = longest
	}
	if out == nil || !out.makeWay() {
		return nil
	}
	q.leave(out)
	return out
}

// outstanding is who holds most, and the connection that has waited longest for its next request; nil: none does.
func (q *quiet) outstanding() (most *host, longest *seat) {
	for _, h := range q.hosts {
		if most == nil || h.count > most.count || h.count == most.count && h.network < most.network {
			most = h
		}
		if s := h.idle.owing(); s != nil && (longest == nil || s.since < longest.since) {
			longest = s
		}
	}
	return most, longest
}

// line are connections, those first that have been there for longest.
type line struct{ first, last *seat }

// owing returns the first whose client's turn it is; nil: none.
func (l *line) owing() *seat {
	for s := l.first; s != nil; s = s.newer {
		if s.turn.Load() == theirs {
			return s
		}
	}
	return nil
}

// join puts a connection at the end of a line, and out of the one it was in.
func (s *seat) join(l *line) {
	s.part()
	s.in, s.longer = l, l.last
	if l.last == nil {
		l.first = s
	} else {
		l.last.newer = s
	}
	l.last = s
}

func (s *seat) part() {
	if s.in == nil {
		return
	}
	if s.longer == nil {
		s.in.first = s.newer
	} else {
		s.longer.newer = s.newer
	}
	if s.newer == nil {
		s.in.last = s.longer
	} else {
		s.newer.longer = s.longer
	}
	s.in, s.longer, s.newer = nil, nil, nil
}
