package weather

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

// patience is how long anything may take here: far above what it does take, so that it only ends what hangs.
const patience = 2 * time.Minute

// output keeps what a program prints; it may be read while the program runs.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// replica is one `issuer serve` in a process of its own.
type replica struct {
	cmd    *exec.Cmd
	stdout output
	stderr output
	exited chan struct{}
	code   int // written before exited is closed

	base, admin string // where it answers: http://127.0.0.1:port
}

// start runs the program as a process with the settings and nothing else of our environment.
func start(t testing.TB, settings []string, args ...string) *replica {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	r := &replica{cmd: exec.Command(path, args...), exited: make(chan struct{})}
	r.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, settings...)
	r.cmd.Stdout, r.cmd.Stderr, r.cmd.SysProcAttr = &r.stdout, &r.stderr, attributes()
	started := make(chan error)
	go func() { // it keeps its thread, whose end would be the program's
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(r.exited)
		err := r.cmd.Start()
		started <- err
		if err == nil {
			_ = r.cmd.Wait()
			r.code = r.cmd.ProcessState.ExitCode()
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = r.cmd.Process.Kill() // it may have ended
		<-r.exited
	})
	return r
}

// serve starts `issuer serve` and returns once it listens.
func serve(t testing.TB, settings []string) *replica {
	t.Helper()
	r := start(t, settings, "serve")
	await(t, "the program listens", func() bool {
		select {
		case <-r.exited:
			t.Fatalf("it ended with %d:\n%s", r.code, &r.stderr)
		default:
		}
		return r.findAddresses()
	})
	return r
}

func (r *replica) findAddresses() bool {
	for line := range strings.Lines(r.stderr.String()) {
		var entry struct {
			Message string `json:"message"`
			Address string `json:"address"`
			Admin   string `json:"admin_address"`
		}
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Message == "listening" {
			r.base, r.admin = "http://"+entry.Address, "http://"+entry.Admin
			return true
		}
	}
	return false
}

// run runs the program to its end, which has to be a good one, and returns what it printed.
func run(t testing.TB, settings []string, args ...string) string {
	t.Helper()
	r := start(t, settings, args...)
	<-r.exited
	if r.code != 0 {
		t.Fatalf("issuer %v: %d %s", args, r.code, &r.stderr)
	}
	return r.stdout.String()
}

// await polls until it is so, or the test has failed anyway.
func await(t testing.TB, what string, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
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
