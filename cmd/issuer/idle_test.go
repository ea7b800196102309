package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
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

// waitingRoom is a server of as many connections as ours, in memory, each from an address. It lives in a bubble.
type waitingRoom struct {
	*pipes
	server *http.Server
}

func newWaitingRoom(t *testing.T, handler http.Handler, trusted ...netip.Prefix) *waitingRoom {
	return openWaitingRoom(t, handler, nil, trusted...)
}

// openWaitingRoom has some turned away.
func openWaitingRoom(t *testing.T, handler http.Handler, turnAway func([]byte) ([]byte, int), trusted ...netip.Prefix) *waitingRoom {
	w := &waitingRoom{
		&pipes{conns: make(chan net.Conn, 2*maxConnections), closed: make(chan struct{})}, newServer(handler, zerolog.Nop(), trusted...),
	}
	go func() {
		_ = serveHTTP(t.Context(), seats{netutil.LimitListener(w, maxConnections), turnAway}, w.server, noDrain)
	}()
	return w
}

// from is a connection that says where it comes from.
type from struct {
	net.Conn
	address string
}

func (f from) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(f.address), Port: 40000} }

func (w *waitingRoom) connect(address string) (net.Conn, *bufio.Reader) {
	ours, theirs := net.Pipe()
	w.conns <- from{theirs, address}
	return ours, bufio.NewReader(ours)
}

// TestWhoAsksOnceAndStaysKeepsNobodyOut: a stranger takes all the connections there are, for nothing. Who comes next is answered at
// once, and so is who was there first and has gone on asking. In a bubble, where nothing takes time but what waits for it.
func TestWhoAsksOnceAndStaysKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWaitingRoom(t, http.NotFoundHandler())
		defer w.server.Close()
		began := time.Now()
		gateway, answers := w.connect("192.0.2.1")
		for i := range maxConnections + 500 {
			stranger, heard := w.connect("192.0.2.66")
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
	})
}

// what strangers begin and never end.
var unfinished = map[string]string{
	"nothing":       "",
	"half a head":   "POST / HTTP/1.1\r\nHost: issuer\r\n",
	"half a body":   "POST / HTTP/1.1\r\nHost: issuer\r\nContent-Length: 9\r\n\r\na",
	"half a chunk":  "POST / HTTP/1.1\r\nHost: issuer\r\nTransfer-Encoding: chunked\r\n\r\n9\r\na",
	"half a second": "GET / HTTP/1.1\r\nHost: issuer\r\n\r\nGET / HTTP/1.1\r\n",
}

// TestNobodyOfOneAddressKeepsOthersOut: a stranger takes all the connections there are and begins what never ends. Who comes from elsewhere
// is answered at once, and so are those who were there before, on the connections that they had.
func TestNobodyOfOneAddressKeepsOthersOut(t *testing.T) {
	t.Parallel()
	for name, sent := range unfinished {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWaitingRoom(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					w.WriteHeader(http.StatusNotFound)
				}))
				defer w.server.Close()
				began := time.Now()
				gateway, answers := w.connect("192.0.2.1")
				ask := func(what string, conn net.Conn, answers *bufio.Reader) {
					t.Helper()
					if status := askOn(conn, answers); status != http.StatusNotFound {
						t.Fatalf("%s: status %d", what, status)
					}
				}
				ask("the gateway", gateway, answers)
				for range maxConnections + 500 {
					stranger, heard := w.connect("2001:db8::66")
					go func() {
						_, _ = io.WriteString(stranger, sent)
						_, _ = io.Copy(io.Discard, heard)
						_ = stranger.Close()
					}()
					synctest.Wait()
				}
				for range 10 {
					other, heard := w.connect("192.0.2.2")
					ask("somebody new", other, heard)
					synctest.Wait()
				}
				ask("the gateway, again", gateway, answers)
				if took := time.Since(began); took > 0 {
					t.Errorf("they waited for %v", took)
				}
			})
		})
	}
}

// TestWhoIsBeingServedIsNotCutOff: neither of the address that holds most, nor of a proxy, whoever comes.
func TestWhoIsBeingServedIsNotCutOff(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]string{
		"by GET":        "GET / HTTP/1.1\r\nHost: issuer\r\n\r\n",
		"by POST":       "POST / HTTP/1.1\r\nHost: issuer\r\nContent-Length: 1\r\n\r\na",
		"by POST, late": "POST /late HTTP/1.1\r\nHost: issuer\r\nContent-Length: 1\r\n\r\na",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				done := make(chan struct{})
				w := newWaitingRoom(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path != "/late" { // which is in a queue, and its body has come but is not read
						_, _ = io.Copy(io.Discard, r.Body)
					}
					<-done
					w.WriteHeader(http.StatusNotFound)
				}))
				defer w.server.Close()
				var crowd []net.Conn
				for i := range maxQuiet + 200 {
					conn, _ := w.connect("192.0.2.1")
					crowd = append(crowd, conn)
					if _, err := io.WriteString(conn, request); err != nil {
						t.Fatalf("connection %d: %v", i, err)
					}
					synctest.Wait()
					other, _ := w.connect("192.0.2.2")
					synctest.Wait()
					_ = other.Close()
				}
				close(done)
				for i, conn := range crowd {
					response, err := http.ReadResponse(bufio.NewReader(conn), nil)
					if err != nil {
						t.Fatalf("connection %d: %v", i, err)
					}
					_ = response.Body.Close()
				}
			})
		})
	}
}

// TestAProxysConnectionsAreNoStrangers: who it speaks for may be slow, and it may hold as many as it likes: none makes way but those that
// wait for their next request.
func TestAProxysConnectionsAreNoStrangers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWaitingRoom(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
		}), netip.MustParsePrefix("192.0.2.0/28"))
		defer w.server.Close()
		var slow []net.Conn
		for range maxConnections - 1 {
			conn, _ := w.connect("192.0.2.1")
			slow = append(slow, conn)
			if _, err := io.WriteString(conn, unfinished["half a body"]); err != nil {
				t.Fatal(err)
			}
		}
		w.connect("198.51.100.1")
		synctest.Wait()
		for i, conn := range slow {
			if _, err := io.WriteString(conn, "aaaaaaaa"); err != nil {
				t.Fatalf("connection %d: %v", i, err)
			}
		}
	})
}

// model is what a quiet has to know, searched from its beginning each time.
type model struct {
	all  []*modelled // of which nobody made way yet, those first that are in their state for longest
	room int
	last int
}

type modelled struct {
	*seat
	from  origin
	state http.ConnState
}

// out is who has to make way, as the comment of makeRoom says.
func (m *model) out() *modelled {
	if len(m.all) <= m.room {
		return nil
	}
	counts := map[origin]int{}
	for _, s := range m.all {
		counts[s.from]++
	}
	var most origin
	for from, count := range counts {
		if count > counts[most] || count == counts[most] && from.network < most.network {
			most = from
		}
	}
	first := func(of func(*modelled) bool) *modelled {
		if at := slices.IndexFunc(m.all, func(s *modelled) bool { return s.turn.Load() == theirs && of(s) }); at >= 0 {
			return m.all[at]
		}
		return nil
	}
	if !most.trusted && (len(counts) > 1 || len(m.all) > m.last) {
		if s := first(func(s *modelled) bool { return s.from == most && s.state == http.StateIdle }); s != nil {
			return s
		}
		if s := first(func(s *modelled) bool { return s.from == most && s.state != http.StateIdle }); s != nil {
			return s
		}
	}
	return first(func(s *modelled) bool { return s.state == http.StateIdle })
}

// TestWhoMakesWayIsWhoOwesForLongest holds a quiet against the model, in which one makes way for each that comes, at most.
func TestWhoMakesWayIsWhoOwesForLongest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &model{room: rapid.IntRange(0, 4).Draw(t, "room")}
		m.last = m.room + rapid.IntRange(0, 3).Draw(t, "more")
		q := &quiet{room: m.room, last: m.last}
		var gone []*modelled
		for range 80 {
			state := rapid.SampledFrom([]http.ConnState{http.StateNew, http.StateNew, http.StateActive, http.StateIdle, http.StateClosed}).Draw(t, "state")
			if len(gone) > 0 && state != http.StateNew && rapid.Bool().Draw(t, "late") { // what is heard of one that made way counts for nothing
				if q.note(gone[0].seat, state, origin{}) != nil {
					t.Fatal("somebody makes way for one that is gone")
				}
				continue
			}
			s := &modelled{seat: &seat{}, state: state}
			if state == http.StateNew {
				s.from = rapid.SampledFrom([]origin{{"a", false}, {"b", false}, {"c", true}}).Draw(t, "from")
			} else if len(m.all) == 0 {
				continue
			} else {
				s = rapid.SampledFrom(m.all).Draw(t, "who")
			}
			m.all = slices.DeleteFunc(m.all, func(other *modelled) bool { return other == s })
			if s.state = state; state != http.StateClosed {
				m.all = append(m.all, s)
			}
			s.turn.Store(rapid.SampledFrom([]int32{ours, theirs, theirs}).Draw(t, "turn"))
			var want *seat
			if state == http.StateNew {
				if out := m.out(); out != nil {
					want = out.seat
					m.all = slices.DeleteFunc(m.all, func(other *modelled) bool { return other == out })
					gone = append(gone, out)
				}
			}
			if got := q.note(s.seat, state, s.from); got != want {
				t.Fatalf("after state %v of %p: %p makes way, want %p", state, s.seat, got, want)
			}
			if q.open != len(m.all) {
				t.Fatalf("%d are open, want %d", q.open, len(m.all))
			}
		}
	})
}
