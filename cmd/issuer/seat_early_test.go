package main

import (
	"bufio"
	"bytes"
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

// bouncer turns away whatever is PUT, by the length that stands on its second line.
func bouncer(sent []byte) (answer []byte, rest int) {
	head, body, _ := bytes.Cut(sent, []byte("\r\n\r\n"))
	number, is := bytes.CutPrefix(head, []byte("PUT / HTTP/1.1\r\nContent-Length: "))
	if !is {
		return nil, 0
	}
	length, _ := strconv.Atoi(string(number))
	return []byte("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 1\r\n\r\nx"), length - len(body)
}

func put(body string) string {
	return "PUT / HTTP/1.1\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

func post(body string) string {
	return "POST / HTTP/1.1\r\nHost: issuer\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

// guest is a connection to a server that turns away what is PUT and says how many bytes of a body it has read of the others.
type guest struct {
	t      *testing.T
	conn   net.Conn
	heard  *bufio.Reader
	server *http.Server
	held   chan struct{} // closed: /hold is answered
}

// bufferSize is that of what net/http reads into.
const bufferSize = 4096

func newGuest(t *testing.T) *guest {
	held := make(chan struct{})
	w := openWaitingRoom(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hold" {
			<-held
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, strconv.Itoa(len(body)))
	}), bouncer)
	conn, heard := w.connect("192.0.2.1")
	return &guest{t, conn, heard, w.server, held}
}

// say returns once all has been read, each part by itself.
func (g *guest) say(parts ...string) {
	g.t.Helper()
	for _, part := range parts {
		if _, err := io.WriteString(g.conn, part); err != nil {
			g.t.Fatalf("the connection is gone: %v", err)
		}
	}
}

func (g *guest) wantAnswer(status int, text string) {
	g.t.Helper()
	answer, err := http.ReadResponse(g.heard, nil)
	if err != nil {
		g.t.Fatalf("no answer: %v", err)
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != status || string(body) != text {
		g.t.Fatalf("answered with %d %q, %v", answer.StatusCode, body, err)
	}
	synctest.Wait() // until net/http has done with it too: until then it looks for who hangs up, and reads a byte of what comes next
}

// TestWhoIsTurnedAwayMayAskAgain on the same connection, whatever comes before and after and however it arrives.
func TestWhoIsTurnedAwayMayAskAgain(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 60000)
	for name, ask := range map[string]func(g *guest){
		"at first": func(g *guest) {
			g.say(put("a"))
			g.wantAnswer(503, "x")
			g.say(post("a"))
			g.wantAnswer(200, "1")
		},
		"after a request": func(g *guest) {
			g.say(post("a"))
			g.wantAnswer(200, "1")
			for range 3 {
				g.say(put("a"))
				g.wantAnswer(503, "x")
			}
			g.say(post("ab"))
			g.wantAnswer(200, "2")
		},
		"a long body": func(g *guest) {
			g.say(put(long))
			g.wantAnswer(503, "x")
			g.say(post(long))
			g.wantAnswer(200, "60000")
		},
		"a body that comes late": func(g *guest) {
			g.say(put("abc")[:len(put("abc"))-2], "b", "c")
			g.wantAnswer(503, "x")
			g.say(put("a"))
			g.wantAnswer(503, "x")
		},
		"in front of a body that comes late, after half a minute": func(g *guest) {
			for range 2 {
				g.say(put("a"))
				g.wantAnswer(503, "x")
				time.Sleep(15 * time.Second)
			}
			g.say(strings.TrimSuffix(post("abc"), "c"))
			time.Sleep(time.Second)
			g.say("c")
			g.wantAnswer(200, "3")
		},
		"where the server had the time that a request has": func(g *guest) {
			for range 4 {
				time.Sleep(idleTimeout - time.Second)
				g.say(put("a"))
				g.wantAnswer(503, "x")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := newGuest(t)
				defer g.server.Close()
				if strings.HasPrefix(name, "where") { // a new connection has less time for its first request
					g.say(post(""))
					g.wantAnswer(200, "0")
				}
				ask(g)
			})
		})
	}
}

// TestAConnectionThatWasTurnedAwayEnds when nothing more comes on it, as any other does.
func TestAConnectionThatWasTurnedAwayEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sent string
		then time.Duration
	}{
		"after its answer":   {put("a"), idleTimeout},
		"in front of a body": {put("abc")[:len(put("abc"))-1], readTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := newGuest(t)
				defer g.server.Close()
				began := time.Now()
				g.say(c.sent)
				if c.then == idleTimeout {
					g.wantAnswer(503, "x")
				}
				if _, err := g.heard.ReadByte(); !errors.Is(err, io.EOF) {
					t.Errorf("there is more: %v", err)
				}
				if took := time.Since(began); took != c.then {
					t.Errorf("it ended after %v, want %v", took, c.then)
				}
			})
		})
	}
}

// TestWhatHasBegunIsNotTurnedAway: where net/http has a byte of a request, or may have, all of that request is net/http's. Otherwise that
// byte would stand in front of somebody else's request, on a connection that a proxy shares among its clients.
func TestWhatHasBegunIsNotTurnedAway(t *testing.T) {
	t.Parallel()
	const get = "GET / HTTP/1.1\r\nHost: issuer\r\nFill: "
	hold := "POST /hold HTTP/1.1\r\nHost: issuer\r\nContent-Length: 0\r\n\r\n"
	inOne := func(next string) string { // read, fills what net/http reads into
		return get + strings.Repeat("f", bufferSize-len(get+"\r\n\r\n"+next)) + "\r\n\r\n" + next
	}
	line, inLine := "POST / HTTP/1.1\r\n", "POST / HTTP/1.1\r\nHost: issuer\r\nA: "
	for name, c := range map[string]struct {
		parts []string
		want  []int
	}{
		"in a body":                              {[]string{strings.TrimSuffix(post(put("a")), put("a")), put("a")}, []int{200}},
		"behind a letter":                        {[]string{"X", put("a")}, []int{400}},
		"behind an empty line":                   {[]string{"\r\n", put("a")}, []int{400}},
		"behind two empty lines":                 {[]string{post("a"), "\r\n\r\n", put("a")}, []int{200, 400}},
		"behind half an empty line":              {[]string{post("a"), "\r", "\n" + put("a")}, []int{200, 400}},
		"behind a letter that came early":        {[]string{hold, "X", put("a")}, []int{200, 400}},
		"behind a line that came with another":   {[]string{inOne(line), put("a")}, []int{200, 400}},
		"in a line that came with another":       {[]string{inOne(inLine), put("a")}, []int{200, 200}},
		"behind a letter that came with another": {[]string{inOne("X"), put("a")}, []int{200, 400}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := newGuest(t)
				defer g.server.Close()
				go func() {
					for _, part := range c.parts {
						_, _ = io.WriteString(g.conn, part) // what is refused may not be read to its end
						synctest.Wait()
						if part == "X" {
							close(g.held)
						}
					}
				}()
				for _, want := range c.want {
					answer, err := http.ReadResponse(g.heard, nil)
					if err != nil {
						t.Fatal(err)
					}
					_, _ = io.Copy(io.Discard, answer.Body)
					_ = answer.Body.Close()
					if answer.StatusCode != want {
						t.Errorf("answered with %d, want %d", answer.StatusCode, want)
					}
				}
			})
		})
	}
}

// TestAHeadAfterAnEarlyAnswerHasTheTimeOfAny: on a connection on which net/http still waits for the first one.
func TestAHeadAfterAnEarlyAnswerHasTheTimeOfAny(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGuest(t)
		defer g.server.Close()
		g.say(put("a"))
		g.wantAnswer(503, "x")
		time.Sleep(time.Minute)
		began := time.Now()
		g.say("GET / HTTP/1.1\r\n")
		_, _ = g.heard.ReadByte()
		if took := time.Since(began); took != readHeaderTimeout {
			t.Errorf("it had %v, want %v", took, readHeaderTimeout)
		}
	})
}

// TestAnEarlyAnswerThatNobodyReadsEnds in the time that answers have.
func TestAnEarlyAnswerThatNobodyReadsEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGuest(t)
		defer g.server.Close()
		g.say(put("a"))
		began := time.Now()
		time.Sleep(writeTimeout)
		synctest.Wait()
		if _, err := io.WriteString(g.conn, "a"); !errors.Is(err, io.ErrClosedPipe) || time.Since(began) != writeTimeout {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}
