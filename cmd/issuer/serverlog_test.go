package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/rs/zerolog"
)

// heard hands over each line of a log.
type heard chan string

func (h heard) Write(line []byte) (int, error) {
	h <- string(line)
	return len(line), nil
}

// burst panics with what it is called with.
//
//go:noinline
func burst(key [32]byte) { panic("burst with " + string(key[:])) }

// TestWhatTheServerSaysOfAPanicIsTheFunctionsPlacesAlone, and whoever looks for errors finds it. What else the server has to say
// is for whoever looks closely.
func TestWhatTheServerSaysOfAPanicIsTheFunctionsPlacesAlone(t *testing.T) {
	t.Parallel()
	lines := make(heard, 2)
	server := newServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		burst([32]byte([]byte("sixteen letters, and 16 of them.")))
	}), zerolog.New(lines))
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	conn := dial(t, "http://"+listener.Addr().String())
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: issuer\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	line := <-lines
	if !strings.Contains(line, `"level":"error"`) || !strings.Contains(line, "serverlog_test.go:") {
		t.Errorf("it is no error, or does not say where: %s", line)
	}
	for _, secret := range []string{"sixteen", "0x73", "burst with", "("} { // as it is, and as a byte of a call
		if strings.Contains(line, secret) {
			t.Errorf("the log shows %q: %s", secret, line)
		}
	}
	server.ErrorLog.Print("http: a client has gone")
	if line := <-lines; line != `{"level":"debug","detail":"http: a client has gone","message":"http server"}`+"\n" {
		t.Errorf("logged: %s", line)
	}
}
