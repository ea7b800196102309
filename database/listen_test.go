package database_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

// far is a time that nothing here takes.
const far = time.Minute

// listening is a listener under test and what it has said.
type listening struct {
	wakes   chan string
	reports chan error
	stop    context.CancelFunc
	done    chan struct{}
}

func listen(t *testing.T, pool *pgxpool.Pool, channels ...string) *listening {
	t.Helper()
	return listenFor(t, far, pool, channels...)
}

// listenImpatiently is listen for tests in which an answer never comes.
func listenImpatiently(t *testing.T, pool *pgxpool.Pool, channels ...string) *listening {
	t.Helper()
	return listenFor(t, 2*time.Second, pool, channels...)
}

func listenFor(t *testing.T, answer time.Duration, pool *pgxpool.Pool, channels ...string) *listening {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &listening{make(chan string, 1000), make(chan error, 1000), cancel, make(chan struct{})}
	go func() {
		defer close(l.done)
		database.ListenFast(ctx, pool, channels, func(channel string) { l.wakes <- channel }, func(err error) { l.reports <- err }, answer)
	}()
	t.Cleanup(func() {
		cancel()
		<-l.done
	})
	return l
}

func next[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(far):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func (l *listening) wantWakes(t *testing.T, channels ...string) {
	t.Helper()
	for _, want := range channels {
		if got := next(t, l.wakes); got != want {
			t.Errorf("woken for %q, want %q", got, want)
		}
	}
}

func notify(t *testing.T, pool *pgxpool.Pool, channel string) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), `SELECT pg_notify($1, 'drop everything')`, channel); err != nil {
		t.Fatal(err)
	}
}

// listener returns the id of the process that listens.
func listener(t *testing.T, pool *pgxpool.Pool) (pid int) {
	t.Helper()
	err := pool.QueryRow(t.Context(),
		`SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN %'`).Scan(&pid)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

const odd = `an "odd"; name`

func TestANotificationWakesItsChannelAlone(t *testing.T) {
	t.Parallel()
	url := withParameter(pgtest.New(t), "pool_max_conns", "1") // taken by the listener, nothing would go on
	pool := open(t, url)
	l := listen(t, pool, "issuer_keys", odd)
	l.wantWakes(t, "issuer_keys", odd) // on connecting
	pid := listener(t, pool)
	for _, channel := range []string{odd, "issuer_keys", odd} {
		notify(t, pool, "issuer_roles") // somebody else's
		notify(t, pool, channel)
		l.wantWakes(t, channel)
	}
	if now := listener(t, pool); now != pid {
		t.Errorf("listens on process %d and then on %d, though the first was well", pid, now)
	}
	select {
	case err := <-l.reports:
		t.Errorf("reported %v", err)
	default:
	}
}

func TestALostConnectionIsRenewedAndWakesEverybody(t *testing.T) {
	t.Parallel()
	t.Run("when its backend is killed", func(t *testing.T) {
		t.Parallel()
		pool := open(t, pgtest.New(t))
		l := listen(t, pool, "one", "two")
		for range 3 {
			l.wantWakes(t, "one", "two")
			if _, err := pool.Exec(t.Context(), `SELECT pg_terminate_backend($1)`, listener(t, pool)); err != nil {
				t.Fatal(err)
			}
		}
		l.wantWakes(t, "one", "two")
		notify(t, pool, "two")
		l.wantWakes(t, "two")
		if pgErr, ok := errors.AsType[*pgconn.PgError](next(t, l.reports)); !ok || pgErr.Code != "57P01" {
			t.Errorf("reported %v, want that the backend was terminated", pgErr)
		}
	})
	t.Run("when the server comes back", func(t *testing.T) {
		t.Parallel()
		server := pgtest.Start(t)
		pool := open(t, server.URL())
		l := listen(t, pool, "one")
		l.wantWakes(t, "one")
		server.Stop()
		next(t, l.reports)
		server.Restart()
		l.wantWakes(t, "one")
		notify(t, pool, "one")
		l.wantWakes(t, "one")
	})
}

func TestTheLimitOnIdleSessionsIsLiftedForTheListener(t *testing.T) {
	t.Parallel()
	unlimited := pgtest.New(t)
	url, observer := withParameter(unlimited, "idle_session_timeout", "300ms"), open(t, unlimited)
	l := listen(t, open(t, url), "one")
	l.wantWakes(t, "one")
	pid := listener(t, observer)
	other, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.WaitForNotification(t.Context()); err == nil { // younger than the listener, and ended by its limit
		t.Fatal("a notification, want the end of the session")
	}
	if now := listener(t, observer); now != pid {
		t.Errorf("listens on process %d and then on %d", pid, now)
	}
}

// deafness takes notifications out of what a server sends, as a transaction
// pooler does, or a network that has forgotten a connection.
type deafness struct {
	atomic.Bool
	passed    chan struct{} // holds one for each notification that came through; nil: they are not counted
	disguised bool          // give clients a process id of our own making
}

// pool opens the database with every connection behind it.
func (d *deafness) pool(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	return d.wrap(t, open(t, url).Config())
}

func (d *deafness) wrap(t *testing.T, config *pgxpool.Config) *pgxpool.Pool {
	t.Helper()
	config.ConnConfig.AfterNetConnect = func(_ context.Context, _ *pgconn.Config, conn net.Conn) (net.Conn, error) {
		return &deafConn{Conn: conn, in: bufio.NewReader(conn), deafness: d}, nil
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

type deafConn struct {
	net.Conn
	in       *bufio.Reader
	left     int // of the message that is being read
	deafness *deafness
}

func (c *deafConn) Read(p []byte) (int, error) {
	for c.left == 0 {
		head, err := c.in.Peek(5) // a letter and a length without it; a deadline leaves them there
		if err != nil {
			return 0, err
		}
		c.left = 1 + int(binary.BigEndian.Uint32(head[1:]))
		if head[0] == 'K' && c.deafness.disguised { // BackendKeyData, of which a pooler makes up its own
			head, err = c.in.Peek(9)
			if err != nil {
				return 0, err
			}
			binary.BigEndian.PutUint32(head[5:], 1<<32-7)
		}
		if head[0] != 'A' { // NotificationResponse
			continue
		}
		if c.deafness.Load() {
			if _, err := c.in.Discard(c.left); err != nil {
				return 0, err
			}
			c.left = 0
			continue
		}
		select {
		case c.deafness.passed <- struct{}{}:
		default:
		}
	}
	n, err := c.in.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

func TestAConnectionThatGoesSilentIsNoticedAndRenewed(t *testing.T) {
	t.Parallel()
	network := deafness{passed: make(chan struct{}, 1000)}
	pool := network.pool(t, pgtest.New(t))
	l := listenImpatiently(t, pool, "one")
	l.wantWakes(t, "one")
	notify(t, pool, "one")
	l.wantWakes(t, "one") // notifications do come through
	for range 2 {         // that one, and the one of the first trial, by which the listener knows
		next(t, network.passed)
	}
	network.Store(true)
	if err := next(t, l.reports); errors.Is(err, database.ErrNoNotifications) {
		t.Error("reported a pooler, though notifications did come through")
	}
	network.Store(false)
	l.wantWakes(t, "one")
}

func TestAPoolerThatDeliversNothingIsReportedOnceUntilItDoes(t *testing.T) {
	t.Parallel()
	var pooler deafness
	pool := pooler.pool(t, pgtest.New(t))
	pooler.Store(true)
	l := listenImpatiently(t, pool, "one")
	for range 3 { // each attempt wakes, but only the first one reports
		l.wantWakes(t, "one")
	}
	if err := next(t, l.reports); !errors.Is(err, database.ErrNoNotifications) {
		t.Errorf("reported %v, want ErrNoNotifications", err)
	}
	if len(l.reports) > 0 {
		t.Errorf("and then %v", <-l.reports)
	}
}

func TestListenEndsWithItsContextAndLeavesNoSession(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.New(t))
	l := listen(t, pool, "one")
	l.wantWakes(t, "one")
	pid := listener(t, pool)
	l.stop()
	next(t, l.done)
	for deadline := time.Now().Add(far); ; {
		var there bool
		if err := pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1)`, pid).Scan(&there); err != nil {
			t.Fatal(err)
		}
		if !there {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the session is still there")
		}
	}
}

func TestThePauseBetweenAttemptsDoublesUpToAQuarterOfAMinute(t *testing.T) {
	t.Parallel()
	for failures, longest := range map[int]time.Duration{
		1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 4: 8 * time.Second, 5: 15 * time.Second, 1_000_000: 15 * time.Second,
	} {
		seen := map[time.Duration]bool{}
		for range 100 {
			pause := database.UsualPause(failures)
			if pause < longest/2 || pause >= longest {
				t.Errorf("pause %d = %v, want from %v to %v", failures, pause, longest/2, longest)
			}
			seen[pause] = true
		}
		if len(seen) == 1 {
			t.Errorf("pause %d is always the same", failures)
		}
	}
}
