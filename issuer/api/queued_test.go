package api_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

// oneConn is a listener on one connection in memory.
type oneConn chan net.Conn

func (l oneConn) Accept() (net.Conn, error) {
	if conn, ok := <-l; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (l oneConn) Close() error { close(l); return nil }

func (l oneConn) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

// TestWhoIsOverTheirLimitTakesNobodysPlace: they hear so at once, wherever the queue ends, and are in nobody's way.
func TestWhoIsOverTheirLimitTakesNobodysPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		in := f.crowd("in-", places()+api.MostWaiting-1)
		for range 3 {
			v := f.exchange(shut)
			if !v.done.Load() || v.read.Load() || v.Code != http.StatusTooManyRequests || v.Header().Get("Retry-After") != "60" {
				t.Errorf("ended %v with %d, Retry-After %q, read %v: %s", v.done.Load(), v.Code, v.Header().Get("Retry-After"), v.read.Load(), v.Body)
			}
		}
		in = append(in, f.exchange("the last place"))
		if lines := f.log.String(); strings.Count(lines, `"reason":"rate_limited"`) != 3 || strings.Count(lines, "\n") != 3 {
			t.Errorf("the log says %s", lines)
		}
		close(f.turn)
		synctest.Wait()
		wantServed(t, "who waited", in...)
	})
}

// TestNoMoreOfOneOriginWaitThanItsLimitHasRoomFor: a flood that comes at once takes no more places than one that comes in turn.
func TestNoMoreOfOneOriginWaitThanItsLimitHasRoomFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		f.room = 3
		in := f.crowd("in-", f.room)
		wantTooMany := func(what string) {
			t.Helper()
			if v := f.exchange("out"); !v.done.Load() || v.Code != http.StatusTooManyRequests {
				t.Errorf("%s: ended %v with %d", what, v.done.Load(), v.Code)
			}
		}
		wantTooMany("one more")
		in[0].leave() // and is served all the same: it has a place
		f.begin(2)
		wantServed(t, "who began", in[:2]...)
		in = append(in, f.crowd("next-", 2)...)
		wantTooMany("one more, after two have begun")
		f.begin(len(in) - 2)
		wantServed(t, "who waited", in...)
	})
}

// TestTheTimeInTheQueueIsPartOfTheRequests: who waited there nearly as long as a request may take has that much less time left for
// the body, and gets an answer. In a bubble, where the moments are exact.
func TestTheTimeInTheQueueIsPartOfTheRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		holds := f.crowd("holds-", places())
		listener := make(oneConn, 1)
		server := &http.Server{Handler: f.handler, ReadTimeout: 10 * time.Second, WriteTimeout: 15 * time.Second}
		go func() { _ = server.Serve(listener) }()
		defer server.Close()
		ours, theirs := net.Pipe()
		defer ours.Close()
		listener <- theirs
		began := time.Now()
		const request = "POST /oauth2/token HTTP/1.1\r\nHost: issuer\r\nContent-Type: " + formType + "\r\nContent-Length: 9\r\n\r\na"
		if _, err := io.WriteString(ours, request); err != nil {
			t.Fatal(err)
		}
		time.Sleep(7 * time.Second)
		close(f.turn)
		answer, err := http.ReadResponse(bufio.NewReader(ours), nil)
		if err != nil {
			t.Fatalf("no answer after %v: %v", time.Since(began), err)
		}
		_ = answer.Body.Close()
		if took := time.Since(began); answer.StatusCode != http.StatusBadRequest || took != 8*time.Second {
			t.Errorf("%s after %v", answer.Status, took)
		}
		wantServed(t, "who was before", holds...)
	})
}
