// Package redistest answers one question for tests: where is a Redis of my own?
//
// A test that asks gets a private server from the machine's own binaries, on a
// unix socket in a temporary folder, without TCP; it is up in 20 ms and gone
// when the test ends. With TEST_REDIS_URL set, New names that server instead. A
// test that can have neither fails: a skipped test looks too much like one that
// passed.
package redistest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// errNoRedis is all a test says on a machine without a server.
var errNoRedis = errors.New("this test needs Redis: run `make setup`, or install it " +
	"(Debian, Ubuntu: apt-get install redis-server; macOS: brew install redis), " +
	"or set TEST_REDIS_URL to a server that tests may write to")

// timeout bounds every step here: far above what one takes, so that it only
// ends what hangs.
const timeout = time.Minute

// New returns the URL of a Redis for this test, or of one that it shares with
// others if TEST_REDIS_URL is set: so its keys should be its own, and it must
// not flush. Parallel tests may call it at the same time.
func New(t testing.TB) string {
	t.Helper()
	if url := os.Getenv("TEST_REDIS_URL"); url != "" {
		return url
	}
	return Start(t).URL()
}

// Server is a private server, for a test that stops Redis while the code under
// test is using it, or looks at all it keeps. It never is the shared one, and
// TEST_REDIS_URL does not apply to it. Its methods are called by the goroutine
// of the test.
type Server struct {
	t       testing.TB
	program string
	args    []string
	dir     string        // holds the socket and the log
	exited  chan struct{} // closed when the process of the last start is gone
	process *os.Process
}

// Start runs a server that is stopped and removed when the test ends, with more
// arguments of redis-server if any are given.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	s := prepare(t)
	s.args = append([]string{
		"--port", "0", // no TCP: nothing to collide with or to reach
		"--unixsocket", s.socket(), "--unixsocketperm", "700",
		"--save", "", "--appendonly", "no",
	}, args...)
	s.Restart()
	return s
}

// prepare makes the folder of a server. It lies in /tmp, not in t.TempDir(): the
// path of a unix socket may have 107 bytes on Linux and 103 on macOS.
func prepare(t testing.TB) *Server {
	t.Helper()
	program, err := findProgram(os.Getenv("PATH"))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("/tmp", "issuer-redis-") //nolint:usetesting // its path would be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, program: program, dir: dir}
	t.Cleanup(func() {
		s.Stop()
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return s
}

// findProgram returns the path of redis-server: in one of the folders of path, a
// list as in PATH, or where the packages of Homebrew put it.
func findProgram(path string) (string, error) {
	for _, folder := range append(filepath.SplitList(path), "/opt/homebrew/bin", "/usr/local/bin", "/home/linuxbrew/.linuxbrew/bin") {
		program := filepath.Join(folder, "redis-server")
		info, err := os.Stat(program)
		if err == nil && filepath.IsAbs(folder) && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return program, nil
		}
	}
	return "", errNoRedis
}

// URL returns the URL of the server; it stays the same over restarts.
func (s *Server) URL() string { return "unix://" + s.socket() }

// Stop ends the server at once, as a crash would: connections break, and what
// was kept is gone, since it is in no file. Stopping twice is fine.
func (s *Server) Stop() {
	s.t.Helper()
	if s.exited == nil {
		return
	}
	if err := s.process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Fatalf("stop the test server: %v", err)
	}
	<-s.exited
}

// Restart stops the server, if it runs, and returns when it answers again.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	if err := s.start(); err != nil {
		s.t.Fatal(err)
	}
	s.waitReady("unix", s.socket())
}

// Freeze stops the server where it stands: connections stay, the kernel takes new
// ones, and nothing answers. Thaw and Restart let it go on, and Stop ends it too.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw lets a frozen server go on, with all it kept.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(signal os.Signal) {
	s.t.Helper()
	if err := s.process.Signal(signal); err != nil {
		s.t.Fatalf("signal the test server: %v", err)
	}
}

func (s *Server) socket() string { return filepath.Join(s.dir, "socket") }
func (s *Server) log() string    { return filepath.Join(s.dir, "log") }

// command prepares the server. It runs in its own folder, without our environment.
func (s *Server) command() *exec.Cmd {
	// Not bound to the context of the test: Stop ends it, after the test's own clean-ups.
	cmd := exec.CommandContext(context.WithoutCancel(s.t.Context()), s.program, s.args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	dieTogether(cmd.SysProcAttr)
	return cmd
}
