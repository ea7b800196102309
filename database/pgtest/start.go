package pgtest

import (
	"context"
	"errors"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/database"
)

// Server is a private server with one migrated database, for a test that stops
// Postgres while the code under test is using it. It never is the shared one,
// and TEST_DATABASE_URL does not apply to it. Its methods are called by the
// goroutine of the test.
type Server struct {
	t       testing.TB
	server  *server
	cluster *cluster
	name    string
}

// Start runs a server that is stopped and removed when the test ends. It takes
// about a second; most tests are better served by New.
func Start(t testing.TB) *Server {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	s, err := startServer(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(s.stop(), s.remove()); err != nil {
			t.Error(err)
		}
	})
	c, err := newCluster(s.url)
	if err != nil {
		t.Fatal(err)
	}
	name, err := c.create(ctx, "template0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := database.Migrate(ctx, c.url(name)); err != nil {
		t.Fatal(err)
	}
	return &Server{t: t, server: s, cluster: c, name: name}
}

// URL returns the URL of the database; it stays the same over restarts.
func (s *Server) URL() string { return s.cluster.url(s.name) }

// Stop ends the server at once, as a crash would: connections break, what was
// committed is there after a restart. Stopping twice is fine.
func (s *Server) Stop() {
	s.t.Helper()
	if err := s.server.stop(); err != nil {
		s.t.Fatal(err)
	}
}

// Restart stops the server, if it runs, and returns when it answers again.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	ctx, cancel := context.WithTimeout(s.t.Context(), timeout)
	defer cancel()
	start := s.server.start
	if s.server.killed {
		start = s.server.startKilled
	}
	if err := start(ctx); err != nil {
		s.t.Fatal(err)
	}
}
