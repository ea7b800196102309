package audit_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/audit"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

// lossy carries connections to Postgres. Once it is armed, the next commit goes there and its answer does not come back; nor
// can it be called off.
type lossy struct {
	armed atomic.Bool
	await bool // the answer is there before it gets lost
}

type lossyConn struct {
	net.Conn
	way  *lossy
	lost atomic.Bool
}

var errLost = errors.New("the connection is lost")

// calledOff is the code of a message that asks for a statement to be called off.
const calledOff = 80877102

func (c *lossyConn) Write(p []byte) (int, error) {
	if len(p) == 16 && binary.BigEndian.Uint32(p[4:]) == calledOff {
		return 0, errLost
	}
	n, err := c.Conn.Write(p)
	if bytes.Contains(p, []byte("commit\x00")) && c.way.armed.CompareAndSwap(true, false) {
		c.lost.Store(true)
	}
	return n, err
}

func (c *lossyConn) Read(p []byte) (int, error) {
	if c.lost.Load() {
		if c.way.await {
			_, _ = c.Conn.Read(p)
		}
		return 0, errLost
	}
	return c.Conn.Read(p)
}

func openLossy(t *testing.T, url string, way *lossy) *pgxpool.Pool {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &lossyConn{Conn: conn, way: way}, nil
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// commitWaits has the commit of a count wait for whoever holds the lock 7, and then come to nothing, if it is to.
func commitWaits(t *testing.T, pool *pgxpool.Pool, fails string) {
	t.Helper()
	mustExec(t, pool, `CREATE FUNCTION issuer.hang() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(7); `+fails+` RETURN NULL; END $$`)
	mustExec(t, pool, `CREATE CONSTRAINT TRIGGER hang AFTER UPDATE ON issuer.audit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION issuer.hang()`)
}

func TestACommitThatIsNotAnsweredCountsOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		held  bool   // it is not over when it is asked about
		fails string // and then comes to nothing
	}{
		"it took effect":            {},
		"it takes effect later":     {held: true},
		"it comes to nothing later": {held: true, fails: `IF NOT EXISTS (SELECT FROM issuer.failed) THEN RAISE 'no'; END IF;`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.New(t)
			way := &lossy{await: !test.held}
			pool := openLossy(t, url, way)
			mustExec(t, pool, `CREATE TABLE issuer.failed ()`)
			var release func()
			if test.held {
				commitWaits(t, pool, test.fails)
				release = hold(t, url, `SELECT pg_advisory_xact_lock(7)`)
			}
			j := runWith(t, pool, true, func(j *audit.Journal) { j.SetPace(time.Minute, 20*time.Millisecond) })
			ref, err := j.Keep(t.Context(), granted())
			if err != nil {
				t.Fatal(err)
			}
			way.armed.Store(true)
			for range 3 {
				j.Again(ref)
			}
			j.Again(audit.Ref{}) // of which there is no record
			if err := <-j.reports; err == nil {
				t.Error("nothing is reported")
			}
			if test.held {
				w := newWatch(t, url)
				writer := w.untilHeld()
				until(t, "it is asked about", func() bool {
					err := j.Health()
					return err != nil && strings.Contains(err.Error(), "still being committed")
				})
				release()
				until(t, "it is over", func() bool { return !slices.Contains(w.held(), writer) })
				mustExec(t, pool, `INSERT INTO issuer.failed DEFAULT VALUES`)
			}
			until(t, "all is well", func() bool { return j.Health() == nil })
			j.Again(ref)
			j.stop()
			if got := search(t, pool, audit.Query{}); len(got) != 1 || got[0].Repeats != 4 {
				t.Errorf("on record: %+v, want 4 repeats", got)
			}
			if lost := j.lost.Load(); lost != 1 {
				t.Errorf("%d answers are lost, want the one without a record", lost)
			}
		})
	}
}
