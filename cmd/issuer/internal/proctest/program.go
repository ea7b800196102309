// Package proctest runs the real program as processes, for tests and benchmarks that measure or harm it as a machine would.
// It knows nothing of what the program is asked.
package proctest

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// Patience is how long anything may take here: far above what it does take, so that it only ends what hangs.
const Patience = 2 * time.Minute

// Output keeps what a program prints; it may be read while the program runs.
type Output struct {
	mu   sync.Mutex
	text strings.Builder
	full bool
}

// Write is io.Writer's.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.full {
		return len(p), nil
	}
	return o.text.Write(p)
}

// Enough keeps nothing of what comes from now on, for a program that prints without end.
func (o *Output) Enough() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.full = true
}

func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Program is a program in a process of its own. It is killed when its test ends, if it still runs.
type Program struct {
	Cmd    *exec.Cmd
	Stdout Output
	Stderr Output
	Exited chan struct{} // closed once it has ended
	Code   int           // its exit code, once Exited is closed

	Base, Admin string // where `issuer serve` answers: http://127.0.0.1:port
}

// Start runs the program at path with that environment and nothing else of ours but PATH.
func Start(t testing.TB, path string, environ []string, args ...string) *Program {
	t.Helper()
	p := &Program{Cmd: exec.Command(path, args...), Exited: make(chan struct{})}
	p.Cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, environ...)
	p.Cmd.Stdout, p.Cmd.Stderr, p.Cmd.SysProcAttr = &p.Stdout, &p.Stderr, attributes()
	started := make(chan error)
	go func() { // it keeps its thread, whose end would be the program's
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.Exited)
		err := p.Cmd.Start()
		started <- err
		if err == nil {
			_ = p.Cmd.Wait()
			p.Code = p.Cmd.ProcessState.ExitCode()
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Cmd.Process.Kill() // it may have ended
		<-p.Exited
	})
	return p
}

// Serve starts `issuer serve` with those settings and returns once it listens.
func Serve(t testing.TB, settings []string) *Program {
	t.Helper()
	p := Start(t, Issuer(t), settings, "serve")
	p.Listens(t)
	return p
}

// Run runs the issuer to its end, which has to be a good one, and returns what it printed.
func Run(t testing.TB, settings []string, args ...string) string {
	t.Helper()
	p := Start(t, Issuer(t), settings, args...)
	<-p.Exited
	if p.Code != 0 {
		t.Fatalf("issuer %v: %d %s", args, p.Code, &p.Stderr)
	}
	return p.Stdout.String()
}

// Listens returns once the program has logged where it listens, within a few milliseconds, so that a start can be timed.
func (p *Program) Listens(t testing.TB) {
	t.Helper()
	await(t, 2*time.Millisecond, "the program listens", func() bool {
		select {
		case <-p.Exited:
			t.Fatalf("it ended with %d:\n%s", p.Code, &p.Stderr)
		default:
		}
		return p.findAddresses()
	})
}

func (p *Program) findAddresses() bool {
	for line := range strings.Lines(p.Stderr.String()) {
		var entry struct {
			Message string `json:"message"`
			Address string `json:"address"`
			Admin   string `json:"admin_address"`
		}
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Message == "listening" {
			p.Base, p.Admin = "http://"+entry.Address, "http://"+entry.Admin
			return true
		}
	}
	return false
}

// Await polls until it is so, or the test has failed anyway.
func Await(t testing.TB, what string, so func() bool) {
	t.Helper()
	await(t, 50*time.Millisecond, what, so)
}

func await(t testing.TB, every time.Duration, what string, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
			if t.Failed() {
				t.Fatalf("given up, for what failed above: %s", what)
			}
		case <-ctx.Done():
			t.Fatalf("not so in the end: %s", what)
		}
	}
}
