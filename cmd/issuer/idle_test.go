package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/net/netutil"
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
		go func() { _ = server.Serve(netutil.LimitListener(listener, maxConnections)) }()
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
