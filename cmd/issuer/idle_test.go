package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/net/netutil"
	"pgregory.net/rapid"
)

// askOn sends a request on a connection, and returns the status of the answer; 0 for none.
func askOn(conn net.Conn, answers *bufio.Reader) int {
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: issuer\r\n\r\n"); err != nil {
		return 0
	}
	response, err := http.ReadResponse(answers, nil)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// TestWhoAsksOnceAndStaysKeepsNobodyOut: a stranger takes all the connections there are, for nothing. Who comes next is answered at
// once, and so is who was there first and has gone on asking. In a bubble, where nothing takes time but what waits for it.
func TestWhoAsksOnceAndStaysKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		listener := &pipes{conns: make(chan net.Conn, 2*maxConnections), closed: make(chan struct{})}
		server := newServer(http.NotFoundHandler(), zerolog.Nop())
		go func() { _ = serveHTTP(t.Context(), netutil.LimitListener(listener, maxConnections), server, noDrain) }()
		began := time.Now()
		connect := func() (net.Conn, *bufio.Reader) {
			ours, theirs := net.Pipe()
			listener.conns <- theirs
			return ours, bufio.NewReader(ours)
		}
		gateway, answers := connect()
		for i := range maxConnections + 500 {
			stranger, heard := connect()
			if status := askOn(stranger, heard); status != http.StatusNotFound {
				t.Fatalf("connection %d: status %d", i, status)
			}
			if status := askOn(gateway, answers); i%500 == 0 && status != http.StatusNotFound {
				t.Fatalf("the gateway's, after %d others: status %d", i, status)
			}
			synctest.Wait()
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("they waited for %v", took)
		}
		_ = server.Close()
	})
}

// TestWhoHasWaitedLongestMakesWay holds the queue against a list that is searched from its beginning.
func TestWhoHasWaitedLongestMakesWay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := &quiet{room: rapid.IntRange(0, 4).Draw(t, "room")}
		var open, waiting []*seat
		without := func(list []*seat, s *seat) []*seat {
			return slices.DeleteFunc(list, func(other *seat) bool { return other == s })
		}
		for range 60 {
			state := rapid.SampledFrom([]http.ConnState{http.StateNew, http.StateActive, http.StateIdle, http.StateClosed}).Draw(t, "state")
			s := &seat{}
			switch {
			case state == http.StateNew:
				open = append(open, s)
			case len(open) == 0:
				continue
			default:
				s = rapid.SampledFrom(open).Draw(t, "who")
			}
			waiting = without(waiting, s)
			if state == http.StateIdle {
				waiting = append(waiting, s)
			}
			if state == http.StateClosed {
				open = without(open, s)
			}
			var want *seat
			if len(open) > q.room && len(waiting) > 0 {
				want, waiting = waiting[0], waiting[1:]
			}
			if got := q.note(s, state); got != want {
				t.Fatalf("after state %v of %p: %p makes way, want %p", state, s, got, want)
			}
		}
	})
}
