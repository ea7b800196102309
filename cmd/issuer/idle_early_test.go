package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// turned is a connection that was turned away once.
func (w *waitingRoom) turned(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, heard := w.connect(address)
	askTurned(t, conn, heard)
	return conn, heard
}

func askTurned(t *testing.T, conn net.Conn, heard *bufio.Reader) {
	t.Helper()
	if _, err := io.WriteString(conn, put("a")); err != nil {
		t.Fatalf("the connection is gone: %v", err)
	}
	answer, err := http.ReadResponse(heard, nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("answered with %d", answer.StatusCode)
	}
	synctest.Wait()
}

// TestWhoWasTurnedAwayKeepsNobodyOut: such a connection waits for its next request, as one that was answered does, from when it was
// turned away on; and in the middle of a request it is not one that waits.
func TestWhoWasTurnedAwayKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	proxy := netip.MustParsePrefix("192.0.2.66/32")
	discard := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	for name, try := range map[string]func(t *testing.T, w *waitingRoom){
		"where all of them are a proxy's": func(t *testing.T, w *waitingRoom) {
			for range maxConnections {
				w.turned(t, "192.0.2.66")
			}
			began := time.Now()
			if status := askOn(w.connect("192.0.2.1")); status != http.StatusOK || time.Since(began) > 0 {
				t.Errorf("somebody else: status %d after %v", status, time.Since(began))
			}
		},
		"and asks on, where others do not": func(t *testing.T, w *waitingRoom) {
			conn, heard := w.connect("192.0.2.66")
			askOn(conn, heard)
			for range maxConnections {
				askOn(w.connect("192.0.2.66"))
				synctest.Wait()
				askTurned(t, conn, heard)
			}
		},
		"in the middle of a request": func(t *testing.T, w *waitingRoom) {
			conn, heard := w.connect("192.0.2.66")
			askOn(conn, heard)
			synctest.Wait()
			if _, err := io.WriteString(conn, strings.TrimSuffix(put("abc"), "c")); err != nil {
				t.Fatal(err)
			}
			for range maxConnections {
				askOn(w.connect("192.0.2.66"))
				synctest.Wait()
			}
			if _, err := io.WriteString(conn, "c"); err != nil {
				t.Fatalf("it was cut: %v", err)
			}
			if answer, err := http.ReadResponse(heard, nil); err != nil || answer.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("no answer: %v", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := openWaitingRoom(t, discard, bouncer, proxy)
				defer w.server.Close()
				try(t, w)
			})
		})
	}
}
