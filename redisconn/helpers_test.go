package redisconn_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/redisconn"
)

// far is a time that nothing here takes.
const far = time.Minute

// secret stands for a password; no part of it may turn up in an error.
const secret = "Tr0ub4dor"

// conn is a client under test and what it has reported.
type conn struct {
	*redisconn.Client
	reports chan error
}

// open returns a client that sends a PING so soon after it has given up a server.
func open(t *testing.T, redisURL string, pause time.Duration) conn {
	t.Helper()
	return openWith(t, redisconn.OpenAtPace, redisURL, pause)
}

// openPatiently is open for those who want an answer and know that there is one.
func openPatiently(t *testing.T, redisURL string, pause time.Duration) conn {
	t.Helper()
	return openWith(t, redisconn.OpenPatientlyAtPace, redisURL, pause)
}

type opener func(redisURL string, report func(error), pause time.Duration) (*redisconn.Client, error)

func openWith(t *testing.T, open opener, redisURL string, pause time.Duration) conn {
	t.Helper()
	reports := make(chan error, 1000)
	client, err := open(redisURL, func(err error) { reports <- err }, pause)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn{client, reports}
}

// soon is a pause for those who wait for the server to be back, and never one
// for those who count what happens meanwhile.
const (
	soon  = time.Millisecond
	never = time.Hour
)

// next returns what is reported next.
func (c conn) next(t *testing.T) error {
	t.Helper()
	select {
	case err := <-c.reports:
		return err
	case <-time.After(far):
		t.Fatal("nothing was reported")
		panic("unreachable")
	}
}

// ask sends one command.
func (c conn) ask(t *testing.T) error {
	t.Helper()
	err := c.Set(t.Context(), "issuer:test", "x", time.Minute).Err()
	if t.Context().Err() != nil {
		t.Fatal("a command took as long as the test may")
	}
	return err
}

// wantGivenUp sends commands until the server is given up, which must be at the
// third, and returns the report.
func (c conn) wantGivenUp(t *testing.T) error {
	t.Helper()
	for i := range 3 {
		if c.Health() != nil || len(c.reports) > 0 {
			t.Errorf("given up after %d failures: %v", i, c.Health())
		}
		if err := c.ask(t); err == nil {
			t.Errorf("command %d succeeded", i)
		}
	}
	if c.Health() == nil {
		t.Fatal("not given up after three failures")
	}
	return c.next(t)
}

// server is one that a test plays: it counts its connections and hands each to a
// function that may answer.
type server struct {
	listener    net.Listener
	connections atomic.Int64
}

func play(t *testing.T, listener net.Listener, serve func(net.Conn)) *server {
	t.Helper()
	s := &server{listener: listener}
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	})
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.connections.Add(1)
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return s
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func (s *server) address() string { return s.listener.Addr().String() }

// silent reads and never answers.
func silent(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// halfDead takes the handshake and answers no command.
func halfDead(conn net.Conn) { reply(conn, "") }

// reply takes the handshake and answers the rest with the same text.
func reply(conn net.Conn, text string) {
	buffer := make([]byte, 4096)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		if strings.Contains(strings.ToLower(string(buffer[:n])), "hello") {
			_, _ = io.WriteString(conn, "-ERR unknown command 'HELLO'\r\n")
		} else {
			_, _ = io.WriteString(conn, text)
		}
	}
}

// mustNotShow looks for the password in the text of an error and of all it wraps.
// It never prints that text.
func mustNotShow(t *testing.T, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		if strings.Contains(strings.ToLower(err.Error()), strings.ToLower(secret)) {
			t.Errorf("an error of type %T shows the password", err)
		}
	}
}
