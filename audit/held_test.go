package audit_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/database"
)

// lockTable lets nobody write records, nor find out whether they could.
const lockTable = `LOCK TABLE issuer.audit IN ACCESS EXCLUSIVE MODE`

// hold does something in a transaction that stays open until release is called. It does not need the pool.
func hold(t *testing.T, url, sql string) (release func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	tx, err := conn.Begin(t.Context())
	if err == nil {
		_, err = tx.Exec(t.Context(), sql)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// until asks again and again until it is so.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // ends what hangs
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("not so in the end: %s", what)
		}
	}
}

// watch looks at the database from outside.
type watch struct {
	t    *testing.T
	conn *pgx.Conn
}

func newWatch(t *testing.T, url string) watch {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	return watch{t, conn}
}

// held returns the processes whose statements wait for what is held.
func (w watch) held() (pids []int) {
	w.t.Helper()
	rows, err := w.conn.Query(w.t.Context(), `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
	if err == nil {
		pids, err = pgx.CollectRows(rows, pgx.RowTo[int])
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return pids
}

// untilHeld waits until a statement is held, and returns its process.
func (w watch) untilHeld() (pid int) {
	w.t.Helper()
	until(w.t, "a statement is held", func() bool {
		if pids := w.held(); len(pids) > 0 {
			pid = pids[0]
		}
		return pid != 0
	})
	return pid
}

// sent counts the records that are sent to Postgres, whatever comes of them.
type sent struct{ records atomic.Int64 }

func (s *sent) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if strings.HasPrefix(data.SQL, "INSERT INTO issuer.audit") {
		var rows []jsontext.Value
		if err := json.Unmarshal(data.Args[0].([]byte), &rows); err != nil {
			panic(err)
		}
		s.records.Add(int64(len(rows)))
	}
	return ctx
}

func (*sent) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func openCounted(t *testing.T, url string) (*pgxpool.Pool, *sent) {
	t.Helper()
	count := &sent{}
	pool, err := database.Open(t.Context(), url, count)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool, count
}
