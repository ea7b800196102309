package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

func TestTheServerBoundsWhatAStrangerMayHold(t *testing.T) {
	t.Parallel()
	s := newServer(http.NotFoundHandler(), zerolog.Nop())
	for name, bound := range map[string]struct{ got, atMost time.Duration }{
		"ReadHeaderTimeout": {s.ReadHeaderTimeout, 5 * time.Second},
		"ReadTimeout":       {s.ReadTimeout, 10 * time.Second},
		"WriteTimeout":      {s.WriteTimeout, 15 * time.Second},
		"IdleTimeout":       {s.IdleTimeout, 2 * time.Minute},
	} {
		if bound.got <= 0 || bound.got > bound.atMost {
			t.Errorf("%s is %v, want more than 0 and at most %v", name, bound.got, bound.atMost)
		}
	}
}

// raw sends bytes to a running service and returns the answer's head and body.
func raw(t *testing.T, s served, request string) (*http.Response, string) {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(s.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() { _, _ = io.WriteString(conn, request) }() // it may be answered before it is read to the end
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return response, string(body)
}

func TestOddRequestsAreAnsweredByTheServiceOrNotAtAll(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	s := serve(t, environ(server.URL, "ISSUER_ROLES_FILE="+rolesFile(t), "ISSUER_KEYS_FILE="+filepath.Join(t.TempDir(), "keys.json")))

	response, body := raw(t, s, "OPTIONS * HTTP/1.1\r\nHost: issuer\r\nConnection: close\r\n\r\n")
	if response.StatusCode != http.StatusNotFound || !strings.Contains(body, "not_found") || response.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("OPTIONS *: %s %s", response.Status, body)
	}
	long := "GET /livez HTTP/1.1\r\nHost: issuer\r\nX: "
	for size, want := range map[int]int{31 << 10: http.StatusOK, 33 << 10: http.StatusRequestHeaderFieldsTooLarge} {
		response, _ = raw(t, s, long+strings.Repeat("x", size)+"\r\nConnection: close\r\n\r\n")
		if response.StatusCode != want {
			t.Errorf("a header of %d bytes: %s, want %d", size, response.Status, want)
		}
	}
}

// TestAServiceThatStopsSaysSoBeforeItIsGone: a new connection is still answered after the signal, and told to go elsewhere.
func TestAServiceThatStopsSaysSoBeforeItIsGone(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	s := serve(t, environ(server.URL, "ISSUER_ROLES_FILE="+rolesFile(t), "ISSUER_KEYS_FILE="+filepath.Join(t.TempDir(), "keys.json"), "ISSUER_DRAIN_DELAY=10s"))
	s.stop()
	s.stderr.await(t, "draining", s.ended)
	response, body := raw(t, s, "GET /readyz HTTP/1.1\r\nHost: issuer\r\nConnection: close\r\n\r\n")
	if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, `"ready":false`) {
		t.Errorf("/readyz: %s %s", response.Status, body)
	}
	if code := <-s.ended; code != exitDone {
		t.Errorf("exit code %d", code)
	}
}
