package audit_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/audit"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

// impatient has a write be given up soon. How long that takes, nothing here depends on.
func impatient(j *audit.Journal) { j.SetPace(200*time.Millisecond, time.Hour) }

// patient has a write wait for as long as it takes.
func patient(j *audit.Journal) { j.SetPace(time.Hour, time.Hour) }

// keepMany keeps so many records side by side and returns how many were kept. The journal must tell the others so.
func keepMany(t *testing.T, j running, n int) (kept int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // ends what hangs
	defer cancel()
	answers := make(chan error, n)
	for range n {
		go func() {
			_, err := j.Keep(ctx, granted())
			answers <- err
		}()
	}
	for range n {
		err := <-answers
		if err != nil && (!errors.Is(err, audit.ErrNotKept) || ctx.Err() != nil) {
			t.Errorf("got %v, want ErrNotKept while somebody waits for it", err)
		}
		if err == nil {
			kept++
		}
	}
	return kept
}

func TestWherePostgresIsSilentOneWriteIsWaitedFor(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	pool, reached := openCounted(t, url)
	j := runWith(t, pool, true, impatient)
	release := hold(t, url, lockTable)
	if _, err := j.Keep(t.Context(), granted()); !errors.Is(err, audit.ErrNotKept) {
		t.Fatalf("the first: %v, want ErrNotKept", err)
	}
	for range 50 { // while it is held
		if _, err := j.Keep(t.Context(), granted()); !errors.Is(err, audit.ErrNotKept) || !strings.Contains(err.Error(), "not tried") {
			t.Errorf("one of the others: %v, want ErrNotKept without a try", err)
		}
	}
	if n := reached.records.Load(); n != 1 {
		t.Errorf("%d records were sent, want the first alone", n)
	}
	if j.Health() == nil {
		t.Error("healthy all the same")
	}
	release()
	until(t, "it is found without any caller that Postgres answers again", func() bool { return j.Health() == nil })
	ref, err := j.Keep(t.Context(), granted())
	if err != nil {
		t.Fatal(err)
	}
	got := search(t, pool, audit.Query{})
	if last := got[len(got)-1]; last.ID != ref.ID || len(got) > 2 { // the first may be there, too
		t.Errorf("on record: %+v", got)
	}
}

func TestWhoWaitsBehindAWriteIsToldWithItThatItFailed(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	pool, reached := openCounted(t, url)
	j := runWith(t, pool, true, patient)
	hold(t, url, lockTable)
	told := make(chan int, 2)
	go func() { told <- keepMany(t, j, 1) }()
	writer := newWatch(t, url).untilHeld()
	go func() { told <- keepMany(t, j, 20) }()
	until(t, "20 wait behind the first", func() bool { return j.Waiting() == 20 })
	if _, err := j.Keep(t.Context(), refused()); err != nil {
		t.Fatal(err)
	}
	mustExec(t, pool, `SELECT pg_cancel_backend($1)`, writer)
	if kept := <-told + <-told; kept != 0 || reached.records.Load() != 1 {
		t.Errorf("%d were kept and %d sent, want the first sent alone", kept, reached.records.Load())
	}
	if n := j.Waiting(); n != 1 {
		t.Errorf("%d records wait, want the refusal alone", n)
	}
}

func TestOnceATableCanBeWrittenOneCommitIsTriedBeforeAllMayCome(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	pool, reached := openCounted(t, url)
	j := runWith(t, pool, true, patient)
	mustExec(t, pool, `ALTER TABLE issuer.audit RENAME TO hidden`)
	if _, err := j.Keep(t.Context(), granted()); !errors.Is(err, audit.ErrNotKept) {
		t.Fatalf("got %v, want ErrNotKept", err)
	}
	mustExec(t, pool, `CREATE FUNCTION issuer.hang() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NEW; END $$`)
	mustExec(t, pool, `CREATE TRIGGER hang BEFORE INSERT ON issuer.hidden FOR EACH ROW EXECUTE FUNCTION issuer.hang()`)
	release := hold(t, url, `SELECT pg_advisory_xact_lock(7)`)
	mustExec(t, pool, `ALTER TABLE issuer.hidden RENAME TO audit`)
	until(t, "a write of nothing comes through", func() bool { return j.Health() == nil })

	var first sync.WaitGroup
	first.Go(func() {
		if _, err := j.Keep(t.Context(), granted()); err != nil {
			t.Errorf("the one that is tried: %v", err)
		}
	})
	newWatch(t, url).untilHeld()
	if kept := keepMany(t, j, 20); kept != 0 || reached.records.Load() != 2 {
		t.Errorf("%d were kept and %d sent, want none beside the one that is tried", kept, reached.records.Load())
	}
	release()
	first.Wait()
	if kept := keepMany(t, j, 20); kept != 20 {
		t.Errorf("%d of 20 were kept after that", kept)
	}
}

// TestOneRowThatPostgresRefusesKeepsNobodyOut: it says nothing about others.
func TestOneRowThatPostgresRefusesKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	j := runWith(t, open(t, pgtest.New(t)), true, patient)
	odd := granted()
	odd.TenantID = "no id"
	for range 3 {
		if _, err := j.Keep(t.Context(), odd); !errors.Is(err, audit.ErrNotKept) {
			t.Fatalf("got %v, want ErrNotKept", err)
		}
		if kept := keepMany(t, j, 5); kept != 5 {
			t.Errorf("%d of 5 were kept", kept)
		}
	}
}
