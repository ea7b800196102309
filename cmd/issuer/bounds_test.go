package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
)

// dial opens a connection to a listener of the service, public or for operators.
func dial(t testing.TB, base string) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// TestWhoIsSlowIsCutOff: on both listeners, by the server's own bounds, whatever the client goes on sending. The pace of a
// client is told by what it sends, not by a clock: it sends until it is cut off, as it has to be.
func TestWhoIsSlowIsCutOff(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	s := serve(t, onFiles(t, server.URL, "ISSUER_ADMIN_TOKEN_SHA256="+hashOf(operatorToken)))
	const post = " HTTP/1.1\r\nHost: issuer\r\nContent-Length: 60000\r\nAuthorization: Bearer " + operatorToken + "\r\nContent-Type: "
	for name, client := range map[string]struct{ base, head, drip string }{
		"headers without end":            {s.base, "GET /livez HTTP/1.1\r\nHost: issuer\r\n", "X: y\r\n"},
		"headers without end, operators": {s.admin, "GET /metrics HTTP/1.1\r\nHost: issuer\r\n", "X: y\r\n"},
		"a slow body":                    {s.base, "POST /oauth2/token" + post + "application/x-www-form-urlencoded\r\n\r\n", "a"},
		"a slow body, operators":         {s.admin, "POST /admin/v1/explain" + post + "application/json\r\n\r\n", " "},
		"nothing at all":                 {s.base, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, client.base)
			if _, err := io.WriteString(conn, client.head); err != nil {
				t.Fatal(err)
			}
			go func() {
				tick := time.NewTicker(100 * time.Millisecond)
				defer tick.Stop()
				for range tick.C {
					if _, err := io.WriteString(conn, client.drip); err != nil && client.drip != "" {
						return
					}
				}
			}()
			answer, err := io.ReadAll(conn) // ends when the server closes, and with the test where it never does
			if strings.Contains(string(answer), "HTTP/1.1 200") || err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("answered with %.40q, %v", answer, err)
			}
		})
	}
}

// TestTheBoundsInTimeAreThoseOfTheServer: the same in a bubble, where a minute passes at once and the moments are exact.
func TestTheBoundsInTimeAreThoseOfTheServer(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		sent string
		cut  time.Duration
	}{
		"headers that never end": {"GET / HTTP/1.1\r\nHost: issuer\r\n", 5 * time.Second},
		"a body that never ends": {"POST / HTTP/1.1\r\nHost: issuer\r\nContent-Length: 9\r\n\r\na", 10 * time.Second},
		"an idle connection":     {"GET / HTTP/1.1\r\nHost: issuer\r\n\r\n", 75 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				listener := &pipes{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
				server := newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }), zerolog.Nop())
				go func() { _ = server.Serve(listener) }()
				ours, theirs := net.Pipe()
				listener.conns <- theirs
				began := time.Now()
				if _, err := io.WriteString(ours, tc.sent); err != nil {
					t.Fatal(err)
				}
				_, _ = io.ReadAll(ours)
				if took := time.Since(began); took < tc.cut || took > tc.cut+time.Second { // net/http lingers for half a second
					t.Errorf("cut off after %v, want %v", took, tc.cut)
				}
				_ = server.Close()
			})
		})
	}
}

// pipes is a listener on connections in memory.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error { close(p.closed); return nil }

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

// TestWhatIsTooLargeIsRefusedOnBothListeners: a header, and a body, announced and not.
func TestWhatIsTooLargeIsRefusedOnBothListeners(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	s := serve(t, onFiles(t, server.URL, "ISSUER_ADMIN_TOKEN_SHA256="+hashOf(operatorToken)))
	const close, authorization = "Connection: close\r\n", "Authorization: Bearer " + operatorToken + "\r\n"
	huge := strings.Repeat("x", 9<<20)
	for name, tc := range map[string]struct {
		base, request string
		want          int
	}{
		"a header":                       {s.base, "GET /livez HTTP/1.1\r\nHost: issuer\r\nX: " + huge[:64<<10] + "\r\n\r\n", 431},
		"a header, operators":            {s.admin, "GET /metrics HTTP/1.1\r\nHost: issuer\r\nX: " + huge[:64<<10] + "\r\n\r\n", 431},
		"many headers, operators":        {s.admin, "GET /metrics HTTP/1.1\r\nHost: issuer\r\n" + strings.Repeat("X: y\r\n", 10<<10) + "\r\n", 431},
		"a body":                         {s.base, "POST /oauth2/token HTTP/1.1\r\nHost: issuer\r\n" + close + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 9437184\r\n\r\n" + huge, 413},
		"a body in chunks":               {s.base, "POST /oauth2/token HTTP/1.1\r\nHost: issuer\r\n" + close + "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n900000\r\n" + huge, 413},
		"a body, operators":              {s.admin, "POST /admin/v1/explain HTTP/1.1\r\nHost: issuer\r\n" + close + authorization + "Content-Type: application/json\r\nContent-Length: 9437184\r\n\r\n" + huge, 413},
		"a body of whoever, operators":   {s.admin, "POST /admin/v1/explain HTTP/1.1\r\nHost: issuer\r\n" + close + "Content-Type: application/json\r\nContent-Length: 9437184\r\n\r\n" + huge, 401},
		"a query, as far as headers may": {s.admin, "GET /admin/v1/keys?" + huge[:20<<10] + " HTTP/1.1\r\nHost: issuer\r\n" + close + authorization + "\r\n", 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, tc.base)
			go func() { _, _ = io.WriteString(conn, tc.request) }() // it is answered before it is read to the end
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != tc.want {
				t.Errorf("%s, want %d", response.Status, tc.want)
			}
		})
	}
}

// TestNoMoreConnectionsAreHeldThanThereIsRoomFor: who comes when all are taken is answered once one is free, and not before.
func TestNoMoreConnectionsAreHeldThanThereIsRoomFor(t *testing.T) {
	t.Parallel()
	const most, all = 3, 30
	listener, err := listenAtMost(t.Context(), most, "ISSUER_LISTEN", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var here, peak atomic.Int32
	arrived := make(chan string, all)
	server := newServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		defer here.Add(-1)
		if n := here.Add(1); n > most {
			peak.Store(n)
		}
		arrived <- r.URL.Path
		<-r.Context().Done()
	}), zerolog.Nop())
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	conns := map[string]net.Conn{}
	for i := range all { // the kernel takes them all
		path := fmt.Sprintf("/%d", i)
		conns[path] = dial(t, "http://"+listener.Addr().String())
		if _, err := io.WriteString(conns[path], "GET "+path+" HTTP/1.1\r\nHost: issuer\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	for range all {
		_ = conns[<-arrived].Close()
	}
	if n := peak.Load(); n != 0 {
		t.Errorf("%d connections were held at once, want %d at most", n, most)
	}
}
