// Package policytest has what tests of policies stand on: an OPA server of their own, and what every policy part must do.
package policytest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a server may take to start: far above what one takes, so that it only ends what hangs. The first test on a machine also builds it, which is not counted.
const patience = 2 * time.Minute

// program is OPA itself, of the version in deploy/tools/opa; the go command builds it once and keeps it.
var program = sync.OnceValues(func() (string, error) {
	module, err := run("go", "env", "GOMOD")
	if err != nil {
		return "", err
	}
	return run("go", "tool", "-n", "-modfile="+filepath.Join(filepath.Dir(module), "deploy", "tools", "opa", "go.mod"), "opa")
})

func run(name string, args ...string) (string, error) {
	var stderr bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, &stderr)
	}
	return strings.TrimSpace(string(out)), nil
}

// OPA runs a command of OPA's and returns what it prints, and whether it succeeds.
func OPA(t testing.TB, args ...string) (output string, ok bool) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	return string(out), err == nil
}

// Serve runs an OPA server on the policy in dir, on a socket of its own, and returns what reaches it. It ends with the test.
func Serve(t testing.TB, dir string) http.Handler {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "opa") //nolint:usetesting // t.TempDir's is named for the test, and the path of a socket has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	socket := filepath.Join(folder, "opa.sock")
	var output bytes.Buffer
	cmd := exec.Command(path, "run", "--server", "--addr", "unix://"+socket, "--log-level", "error", "--skip-version-check",
		"--set", "decision_logs.console=true", "--ignore", ".*", "--ignore", "*_test.rego", dir)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = &output, &output, attributes()
	exited := make(chan struct{})
	started := make(chan error)
	go func() { // it keeps its thread, whose end would be the server's
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(exited)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its output
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-exited
	})
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "opa"}) },
		Transport: dialing(t, socket),
	}
	await(t, proxy.Transport, exited, &output)
	return proxy
}

// dialing reaches whatever listens on the socket.
func dialing(t testing.TB, socket string) http.RoundTripper {
	t.Helper()
	transport := &http.Transport{
		MaxIdleConnsPerHost: 64,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// await asks until the server answers.
func await(t testing.TB, transport http.RoundTripper, exited <-chan struct{}, output *bytes.Buffer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://opa/health", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := transport.RoundTrip(request)
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-again.C:
		case <-exited:
			t.Fatalf("OPA ended while starting: %s", output)
		case <-ctx.Done():
			t.Fatalf("wait for OPA: %v", ctx.Err())
		}
	}
}
