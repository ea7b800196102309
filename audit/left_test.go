package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

func openPool(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool, err := database.Open(t.Context(), pgtest.New(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// TestWhatCannotBeWrittenAtTheEndCountsAsLost, and is reported, also where no time was left to try.
func TestWhatCannotBeWrittenAtTheEndCountsAsLost(t *testing.T) {
	t.Parallel()
	lost := &losses{}
	j := New(openPool(t), Config{Observer: lost})
	for range 3 {
		if _, err := j.Keep(t.Context(), wordy()); err != nil {
			t.Fatal(err)
		}
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	var reported []error
	j.finish(over, func(err error) { reported = append(reported, err) })
	if lost.Load() != 3 || j.Waiting() != 0 || len(reported) != 1 {
		t.Errorf("%d are lost, %d wait, reported: %v", lost.Load(), j.Waiting(), reported)
	}
}

// TestWhereAFaultIsLookedForInVainTheRestIsNotTriedOneByOne: each try may wait for as long as a write may. No record is lost, and
// they stay in order.
func TestWhereAFaultIsLookedForInVainTheRestIsNotTriedOneByOne(t *testing.T) {
	t.Parallel()
	pool := openPool(t)
	for _, sql := range []string{
		`CREATE SEQUENCE issuer.tries`,
		`CREATE FUNCTION issuer.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF nextval('issuer.tries') = 1 THEN RAISE integrity_constraint_violation; END IF;
			RAISE 'no more';
		END $$`,
		`CREATE TRIGGER fail BEFORE INSERT ON issuer.audit FOR EACH STATEMENT EXECUTE FUNCTION issuer.fail()`,
	} {
		if _, err := pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	lost := &losses{}
	j := New(pool, Config{Observer: lost})
	for i := range 20 {
		r := wordy()
		r.RequestID = fmt.Sprint(i)
		if _, err := j.Keep(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	err := j.writeWaiting(t.Context())
	if refused, ok := errors.AsType[*pgconn.PgError](err); !ok || refused.Code != "23000" || !strings.Contains(err.Error(), "no more") {
		t.Errorf("got %v, want both errors", err)
	}
	var tries int
	if err := pool.QueryRow(t.Context(), `SELECT last_value FROM issuer.tries`).Scan(&tries); err != nil || tries != 2 {
		t.Errorf("%d tries, %v; want one of all and one of the first", tries, err)
	}
	for i, w := range j.waiting {
		if w.record.RequestID != fmt.Sprint(i) {
			t.Fatalf("record %s is in place %d", w.record.RequestID, i)
		}
	}
	if j.Waiting() != 20 || lost.Load() != 0 {
		t.Errorf("%d wait, %d are lost", j.Waiting(), lost.Load())
	}
}
