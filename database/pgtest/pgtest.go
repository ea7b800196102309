// Package pgtest answers one question for tests: where is a Postgres of my own?
//
// The first test of a process that asks starts a private server from the
// machine's own binaries, on a unix socket in a temporary folder, without TCP.
// One database in it is migrated, and each test gets a copy of that, which is
// gone when the test ends. With TEST_DATABASE_URL set, the databases are made
// on that server instead. A test that can have neither fails: a skipped test
// looks too much like one that passed.
//
// A package whose tests use it says so in one line:
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/database"
)

// shared is the server of this test process. It is a global because its life is
// that of the process: tests share nothing else that could own it.
var shared struct {
	mu      sync.Mutex
	started bool
	err     error // why it could not be started; kept, so that a start is tried once
	cluster *cluster
	server  *server // nil with TEST_DATABASE_URL
}

// timeout bounds every step here: far above what one takes, so that it only
// ends what hangs.
const timeout = time.Minute

// Main runs the tests of a package and then stops the server, if a test has
// started one. It is called by TestMain, as its only statement.
func Main(m *testing.M) {
	m.Run() // the exit code is kept by m
	if err := stopShared(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
	}
}

// New returns the URL of a database for this test alone, with every migration
// applied. The database is dropped when the test ends, whoever is still
// connected. Parallel tests may call it at the same time.
func New(t testing.TB) string {
	t.Helper()
	c := sharedCluster(t)
	return newDatabase(t, c, c.template)
}

// NewEmpty is New without our schema: for tests of the migrations themselves.
func NewEmpty(t testing.TB) string {
	t.Helper()
	return newDatabase(t, sharedCluster(t), "template0")
}

func newDatabase(t testing.TB, c *cluster, template string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	name, err := c.create(ctx, template)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), timeout)
		defer cancel()
		if err := c.drop(ctx, name); err != nil {
			t.Error(err)
		}
	})
	return c.url(name)
}

// sharedCluster returns the server of this process, started on first use.
func sharedCluster(t testing.TB) *cluster {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if !shared.started {
		shared.started = true
		shared.err = startShared()
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.cluster
}

// startShared finds or starts the server and makes the template. The caller
// holds shared.mu.
func startShared() error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	adminURL := os.Getenv("TEST_DATABASE_URL")
	if adminURL == "" {
		s, err := startServer(ctx)
		if err != nil {
			return err
		}
		shared.server, adminURL = s, s.url
	}
	c, err := newCluster(adminURL)
	if err != nil {
		return err
	}
	shared.cluster = c
	c.template, err = c.create(ctx, "template0")
	if err != nil {
		return err
	}
	if _, err := database.Migrate(ctx, c.url(c.template)); err != nil {
		return fmt.Errorf("migrate the template of the test databases: %w", err)
	}
	return nil
}

// stopShared undoes startShared, as far as it came.
func stopShared() error {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.server != nil {
		return errors.Join(shared.server.stop(), shared.server.remove())
	}
	if shared.cluster == nil || shared.cluster.template == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return shared.cluster.drop(ctx, shared.cluster.template)
}
