package redistest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/hasura-issuer/hasura-issuer/redisconn/redistest"
)

func dial(t *testing.T, redisURL string) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", strings.TrimPrefix(redisURL, "unix://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// ask sends a command and returns the first line of the reply.
func ask(t *testing.T, redisURL, command string) string {
	t.Helper()
	conn := dial(t, redisURL)
	if _, err := fmt.Fprintf(conn, "%s\r\n", command); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

func TestEachServerIsOnesOwnAndComesBackEmpty(t *testing.T) {
	t.Parallel()
	one, other := redistest.Start(t), redistest.Start(t)
	if got := ask(t, one.URL(), "SET key value"); got != "+OK" {
		t.Errorf("SET = %q", got)
	}
	if got := ask(t, other.URL(), "DBSIZE"); got != ":0" {
		t.Errorf("DBSIZE of the other server = %q", got)
	}
	if got := ask(t, one.URL(), "DBSIZE"); got != ":1" {
		t.Errorf("DBSIZE = %q", got)
	}
	one.Stop()
	one.Stop()
	if _, err := net.Dial("unix", strings.TrimPrefix(one.URL(), "unix://")); err == nil {
		t.Error("it answers after Stop")
	}
	for range 2 { // from stopped, then from running
		one.Restart()
		if got := ask(t, one.URL(), "DBSIZE"); got != ":0" {
			t.Errorf("DBSIZE after Restart = %q", got)
		}
	}
}

func TestAServerTakesMoreArguments(t *testing.T) {
	t.Parallel()
	if got := ask(t, redistest.Start(t, "--requirepass", "x").URL(), "DBSIZE"); !strings.HasPrefix(got, "-NOAUTH") {
		t.Errorf("DBSIZE without the password = %q", got)
	}
}

func TestAMachineWithoutRedisIsToldHowToGetIt(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if program, err := redistest.FindProgram(folder); err == nil && strings.HasPrefix(program, folder) {
		t.Errorf("found %s", program)
	} else if err != nil && !strings.Contains(err.Error(), "make setup") {
		t.Errorf("error %v, want what to do", err)
	}
	program := filepath.Join(folder, "redis-server")
	if err := os.WriteFile(program, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if found, _ := redistest.FindProgram(folder); found == program {
		t.Error("took a file that cannot be run")
	}
	if err := os.Chmod(program, 0o700); err != nil {
		t.Fatal(err)
	}
	if found, err := redistest.FindProgram("." + string(os.PathListSeparator) + folder); found != program || err != nil {
		t.Errorf("found %s, %v", found, err)
	}
}

// The next tests run a copy of their own process, since what they ask is how a
// test process begins and ends.

// inCopy is set in the environment of the copy.
const inCopy = "REDISTEST_IN_COPY"

func copyOf(t *testing.T, environ ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-test.run=^TestInTheCopy$", "-test.count=1")
	cmd.Env = append(os.Environ(), append(environ, inCopy+"=1")...)
	cmd.Stderr = os.Stderr
	return cmd
}

// TestInTheCopy says where its server is and ends when it is told to.
func TestInTheCopy(t *testing.T) {
	t.Parallel()
	if os.Getenv(inCopy) == "" {
		return // it is a tool of the next tests
	}
	fmt.Printf("URL %s\n", redistest.New(t))
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		t.Fatal(err)
	}
}

func TestTheServerEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*exec.Cmd, io.Closer) error{
		"that ended by itself, and leaves no file": func(cmd *exec.Cmd, stdin io.Closer) error {
			return errors.Join(stdin.Close(), cmd.Wait())
		},
		"that was killed": func(cmd *exec.Cmd, _ io.Closer) error { return cmd.Process.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "that was killed" && runtime.GOOS != "linux" {
				return // nothing is promised there
			}
			cmd := copyOf(t, "TEST_REDIS_URL=")
			stdin, redisURL := startCopy(t, cmd)
			conn := dial(t, redisURL)
			if err := end(cmd, stdin); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Read(make([]byte, 1)); err == nil {
				t.Error("the server sent something, want its end")
			}
			folder := filepath.Dir(strings.TrimPrefix(redisURL, "unix://"))
			if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) && name != "that was killed" {
				t.Errorf("Stat of the server's folder = %v, want that it does not exist", err)
			}
			_ = os.RemoveAll(folder)
		})
	}
}

func startCopy(t *testing.T, cmd *exec.Cmd) (stdin io.Closer, redisURL string) {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	redisURL, found := strings.CutPrefix(strings.TrimSpace(line), "URL ")
	if err != nil || !found {
		t.Fatalf("the copy said %q", line)
	}
	return stdin, redisURL
}

func TestAServerFromTheEnvironmentIsUsed(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	cmd := copyOf(t, "TEST_REDIS_URL="+server.URL())
	stdin, redisURL := startCopy(t, cmd)
	if redisURL != server.URL() {
		t.Errorf("the copy used %s", redisURL)
	}
	if err := errors.Join(stdin.Close(), cmd.Wait()); err != nil {
		t.Error(err)
	}
}

func TestAFrozenServerSaysNothingAndGoesOn(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	options, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	options.ContextTimeoutEnabled, options.MaxRetries = true, -1
	client := redis.NewClient(options)
	t.Cleanup(func() { client.Close() })
	if err := client.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	server.Freeze()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := client.Get(ctx, "k").Err(); !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("frozen, it says %v", err)
	}
	server.Thaw()
	if got := client.Get(t.Context(), "k").Val(); got != "v" {
		t.Errorf("thawed, it says %q", got)
	}
	server.Freeze() // as the test ends: that must not hang
}
