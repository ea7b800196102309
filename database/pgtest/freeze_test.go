package pgtest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

// hangs tells whether asking ends by the deadline and by nothing else.
func hangs(t *testing.T, ask func(context.Context) error) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	return errors.Is(ask(ctx), context.DeadlineExceeded)
}

func TestAFrozenServerSaysNothingAndGoesOn(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	ask := func(conn *pgx.Conn) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := conn.Exec(ctx, "SELECT 1")
			return err
		}
	}
	idle, asked := connect(t, server.URL()), connect(t, server.URL())
	server.Freeze()
	if !hangs(t, ask(asked)) {
		t.Error("a connection from before answers")
	}
	if !hangs(t, func(ctx context.Context) error { _, err := pgx.Connect(ctx, server.URL()); return err }) {
		t.Error("a new connection is answered")
	}
	server.Thaw()
	server.Thaw()
	if err := ask(idle)(t.Context()); err != nil {
		t.Errorf("an idle connection from before, after Thaw: %v", err)
	}
	server.Freeze() // as the test ends: that must not hang
}

func TestAKilledServerIsGoneWholeAndComesBackWithItsRows(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	execute(t, server.URL(), insertBlock)
	for range 3 {
		conn := connect(t, server.URL())
		server.Kill()
		if _, err := conn.Exec(t.Context(), "SELECT 1"); err == nil {
			t.Error("a connection from before answers")
		}
		server.Restart()
		if got := count(t, server.URL(), countBlocks); got != 1 {
			t.Errorf("%d rows after Restart, want 1", got)
		}
	}
}
