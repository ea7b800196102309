package pgtest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

// These tests run a copy of their own process, since what they ask is how a
// test process begins and ends.

// inCopy is set in the environment of the copy.
const inCopy = "PGTEST_IN_COPY"

// copyOf prepares a process that runs one test of this package.
func copyOf(t *testing.T, test string, environ ...string) *exec.Cmd {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-test.run=^"+test+"$", "-test.count=1")
	cmd.Env = append(os.Environ(), append(environ, inCopy+"=1")...)
	cmd.Stderr = os.Stderr
	return cmd
}

// TestInTheCopy says where its database is and ends when it is told to.
func TestInTheCopy(t *testing.T) {
	t.Parallel()
	if os.Getenv(inCopy) == "" {
		return // it is a tool of the next test
	}
	fmt.Printf("URL %s\n", pgtest.New(t))
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		t.Fatal(err)
	}
}

func TestTheServerEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	t.Run("that ended by itself, and leaves no file", func(t *testing.T) {
		t.Parallel()
		process := startCopy(t)
		if err := errors.Join(process.stdin.Close(), process.cmd.Wait()); err != nil {
			t.Fatal(err)
		}
		process.waitServerGone(t)
		if _, err := os.Stat(process.folder); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("Stat of the server's folder = %v, want that it does not exist", err)
		}
	})
	t.Run("that was killed", func(t *testing.T) {
		t.Parallel()
		if runtime.GOOS != "linux" {
			return // nothing is promised there
		}
		process := startCopy(t)
		if err := process.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		process.waitServerGone(t)
	})
}

// copied is a copy of this process that has a server.
type copied struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	folder string    // of the server
	conn   *pgx.Conn // ends when the server does
}

func startCopy(t *testing.T) copied {
	t.Helper()
	cmd := copyOf(t, "TestInTheCopy", "TEST_DATABASE_URL=")
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
	address, found := strings.CutPrefix(strings.TrimSpace(line), "URL ")
	u, parseErr := url.Parse(address)
	if err != nil || parseErr != nil || !found {
		t.Fatalf("the copy said %q", line)
	}
	folder := u.Query().Get("host")
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	return copied{cmd: cmd, stdin: stdin, folder: folder, conn: connect(t, address)}
}

// waitServerGone returns when the connection to the server breaks.
func (c copied) waitServerGone(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := c.conn.WaitForNotification(ctx); err == nil || ctx.Err() != nil {
		t.Errorf("waiting for the end of the server = %v, want a broken connection", err)
	}
}

func TestAServerFromTheEnvironmentIsUsedAndLeftClean(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	const countDatabases = `SELECT count(*) FROM pg_database`
	before := count(t, server.URL(), countDatabases)

	out, err := copyOf(t, "TestEachTestHasADatabaseOfItsOwn", "TEST_DATABASE_URL="+server.URL()).Output()
	if err != nil || !strings.Contains(string(out), "PASS") {
		t.Fatalf("the copy ended with %v", err)
	}
	if after := count(t, server.URL(), countDatabases); after != before {
		t.Errorf("%d databases before and %d after", before, after)
	}
}

func TestAnUnusableAddressInTheEnvironmentFailsTheTestAndStaysSecret(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{
		"no URL":            "host=db password=hunter2",
		"an unreadable URL": "postgres://user:hunter2@db:port/x",
		"nobody there":      "postgres://user:hunter2@/x?host=/nowhere",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := copyOf(t, "TestInTheCopy", "TEST_DATABASE_URL="+address).Output()
			if err == nil || !strings.Contains(string(out), "--- FAIL") {
				t.Error("the test did not fail")
			}
			if strings.Contains(string(out), "hunter2") {
				t.Error("its output shows the password")
			}
		})
	}
}
