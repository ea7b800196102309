package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// tiny are as many of a head as tiny as they can be.
func tiny(n int) string { return strings.Repeat("a:\r\n", n) }

// TestAHeadOfManyLinesIsRefused however it arrives; what else there is on a connection is not counted. Each part is read at once.
func TestAHeadOfManyLinesIsRefused(t *testing.T) {
	t.Parallel()
	const (
		get  = "GET / HTTP/1.1\r\nHost: issuer\r\n" // two lines
		post = "POST / HTTP/1.1\r\nHost: issuer\r\nContent-Length: "
		most = maxLines - 2
	)
	form := func(body string) string { return post + strconv.Itoa(len(body)) + "\r\n\r\n" + body }
	for name, c := range map[string]struct {
		parts []string
		want  []int // statuses
	}{
		"as many as may be":                 {[]string{get + tiny(most) + "\r\n"}, []int{200}},
		"one more":                          {[]string{get + tiny(most+1) + "\r\n"}, []int{431}},
		"very many":                         {[]string{get + tiny(7000) + "\r\n"}, []int{431}},
		"very many that do not end":         {[]string{get + tiny(1000)}, []int{431}},
		"without \\r":                       {[]string{"GET / HTTP/1.1\nHost: issuer\n" + strings.Repeat("a:\n", most+1) + "\n"}, []int{431}},
		"one in each part":                  {append(append([]string{get}, strings.SplitAfter(tiny(most+1), "\n")...), "\r\n"), []int{431}},
		"as many in parts, cut at the end":  {[]string{get + tiny(most) + "\r", "\n"}, []int{200}},
		"as many, cut in front of the end":  {[]string{get + tiny(most), "\r\n"}, []int{200}},
		"one more, cut in the last line":    {[]string{get + tiny(most) + "a", ":\r\n\r\n"}, []int{431}},
		"behind a line that looks like one": {[]string{get + "a:", "\r\n" + tiny(most) + "\r\n"}, []int{431}},
		"empty lines in front":              {[]string{form("a"), "\r\n\r\n" + get + tiny(most+1) + "\r\n"}, []int{200, 431}},
		"again and again":                   {[]string{get + tiny(most) + "\r\n", get + tiny(most) + "\r\n"}, []int{200, 200}},
		"the second time":                   {[]string{get + "\r\n", get + tiny(most+1) + "\r\n"}, []int{200, 431}},
		"in a body":                         {[]string{form(strings.Repeat("\n", 60000))}, []int{200}},
		"in a body in parts":                {append([]string{form(strings.Repeat("\n", 60000))[:100]}, form(strings.Repeat("\n", 60000))[100:]), []int{200}},
		"in a body, and then a request":     {[]string{form(strings.Repeat("\n", 60000)), get + "\r\n"}, []int{200, 200}},
		"in a body with half a request":     {[]string{form(strings.Repeat("\n", 3000)) + "GET / HTTP/1.1\r", "\nHost: issuer\r\n\r\n"}, []int{200, 200}},
		"two requests at once":              {[]string{get + tiny(most/2) + "\r\n" + get + tiny(most/2) + "\r\n"}, []int{200, 200}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWaitingRoom(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
				defer w.server.Close()
				conn, _ := w.connect("192.0.2.1")
				answers := make(chan int, len(c.want))
				go func() {
					heard := bufio.NewReader(conn)
					for {
						response, err := http.ReadResponse(heard, nil)
						if err != nil {
							close(answers)
							return
						}
						_ = response.Body.Close()
						answers <- response.StatusCode
					}
				}()
				go func() {
					for _, part := range c.parts {
						_, _ = io.WriteString(conn, part)
						synctest.Wait()
					}
				}()
				for i, want := range c.want {
					if got := <-answers; got != want {
						t.Errorf("answer %d: status %d, want %d", i, got, want)
					}
				}
				_ = conn.Close()
				time.Sleep(time.Second) // net/http lingers for half of one
			})
		})
	}
}

func TestWhoHasMadeWayIsNotHeard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server, client := net.Pipe()
		defer client.Close()
		s := &seat{Conn: server}
		if err := s.SetReadDeadline(time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if s.makeWay() {
			t.Fatal("it made way in our turn")
		}
		heard := make(chan error)
		go func() {
			_, err := s.Read(make([]byte, 1))
			heard <- err
		}()
		synctest.Wait()
		if !s.makeWay() {
			t.Fatal("it made no way in theirs")
		}
		if _, err := client.Write([]byte("G")); err != nil {
			t.Fatal(err)
		}
		if err := <-heard; !errors.Is(err, net.ErrClosed) {
			t.Errorf("a byte that came then was heard: %v", err)
		}
		if _, err := s.Read(make([]byte, 1)); !errors.Is(err, net.ErrClosed) {
			t.Errorf("the next one would be: %v", err)
		}
	})
}
