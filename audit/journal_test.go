package audit_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/audit"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

// tally counts what becomes of records, and passes on each change and report.
type tally struct {
	kept, lost atomic.Int64
	news       chan struct{}
	reports    chan error
}

func (c *tally) Kept(n int) { c.kept.Add(int64(n)); c.tell() }
func (c *tally) Lost(n int) { c.lost.Add(int64(n)); c.tell() }

func (c *tally) tell() {
	select {
	case c.news <- struct{}{}:
	default:
	}
}

// await waits until that many records were kept and lost.
func (c *tally) await(t *testing.T, kept, lost int64) {
	t.Helper()
	for c.kept.Load() != kept || c.lost.Load() != lost {
		select {
		case <-c.news:
		case <-t.Context().Done():
			t.Fatalf("kept %d and lost %d, want %d and %d", c.kept.Load(), c.lost.Load(), kept, lost)
		}
	}
}

// running is a journal that is being written.
type running struct {
	*audit.Journal
	*tally
	tell  func()          // tells the journal to stop
	ended <-chan struct{} // closed once it has
	stop  func()          // is both: it waits for what there is to write yet
}

// run starts a journal. The test ends it, unless it was ended before.
func run(t *testing.T, pool *pgxpool.Pool, required bool) running {
	t.Helper()
	return runWith(t, pool, required, func(*audit.Journal) {})
}

// runWith is run with something done to the journal before it starts.
func runWith(t *testing.T, pool *pgxpool.Pool, required bool, before func(*audit.Journal)) running {
	t.Helper()
	count := &tally{news: make(chan struct{}, 1), reports: make(chan error, 100)}
	journal := audit.New(pool, audit.Config{Required: required, Replica: "replica-1", Observer: count})
	before(journal)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		journal.Run(ctx, func(err error) { count.reports <- err })
	}()
	stop := func() { cancel(); <-ended }
	t.Cleanup(stop)
	return running{journal, count, cancel, ended, stop}
}

// granted is a record with every member that a decision fills.
func granted() audit.Record {
	expires := time.Date(2026, 11, 29, 12, 5, 0, 0, time.UTC)
	return audit.Record{
		Kind: audit.KindExchange, Door: "token", Outcome: audit.Granted, Reason: "none", TenantID: contoso, ObjectID: alice,
		Caller: "user", ClientID: spa, AskedRoles: []string{"editor"}, AskedRole: "editor", Roles: []string{"editor", "reader"},
		Grants:         []string{"editor by group d1000001-0000-4000-8000-000000000001", "reader by everyone"},
		PolicyDecision: "p-1", KID: "k-1", JTI: "j-1", ExpiresAt: &expires, TokenSHA256: "0123456789abcdef", SubjectTokenID: "u-1",
		Address: "192.0.2.7", RequestID: "r-1", TraceID: "4bf92f3577b34da6a3ce929d0e0e4736",
	}
}

func refused() audit.Record {
	r := granted()
	r.Outcome, r.Reason, r.Roles, r.Grants, r.KID, r.JTI, r.ExpiresAt = audit.Refused, "no_roles", nil, nil, "", "", nil
	return r
}

func TestARecordComesBackAsItWasKept(t *testing.T) {
	t.Parallel()
	for name, required := range map[string]bool{"best effort": false, "required": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := open(t, pgtest.New(t))
			j := run(t, pool, required)
			before := time.Now().Add(-time.Second)
			var want []audit.Record
			for _, r := range []audit.Record{granted(), refused()} {
				ref, err := j.Keep(t.Context(), r)
				if err != nil {
					t.Fatal(err)
				}
				r.ID, r.At, r.Replica = ref.ID, ref.At, "replica-1"
				want = append(want, r)
			}
			j.await(t, 2, 0)
			if want[0].At.Before(before) || want[1].At.Before(want[0].At) {
				t.Errorf("kept at %v and %v", want[0].At, want[1].At)
			}
			if diff := cmp.Diff(want, search(t, pool, audit.Query{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestARequiredRecordIsCommittedBeforeKeepReturns(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.New(t))
	j := run(t, pool, true)
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			ref, err := j.Keep(t.Context(), granted())
			if err != nil {
				t.Error(err)
				return
			}
			var there bool
			err = pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM issuer.audit WHERE at = $1 AND id = $2)`, ref.At, ref.ID).Scan(&there)
			if err != nil || !there {
				t.Errorf("there: %v, %v", there, err)
			}
		})
	}
	all.Wait()
}

func TestWithoutItsTableARequiredRecordIsRefusedAndOthersWait(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.New(t))
	j := run(t, pool, true)
	mustExec(t, pool, `ALTER TABLE issuer.audit RENAME TO hidden`)
	if _, err := j.Keep(t.Context(), granted()); !errors.Is(err, audit.ErrNotKept) {
		t.Fatalf("got %v, want ErrNotKept", err)
	}
	if j.Health() == nil {
		t.Error("healthy all the same")
	}
	if _, err := j.Keep(t.Context(), refused()); err != nil {
		t.Errorf("a refusal: %v", err)
	}
	mustExec(t, pool, `ALTER TABLE issuer.hidden RENAME TO audit`)
	j.await(t, 1, 0)
	if got := search(t, pool, audit.Query{}); len(got) != 1 || got[0].Reason != "no_roles" {
		t.Errorf("got %v", got)
	}
	if _, err := j.Keep(t.Context(), granted()); err != nil {
		t.Errorf("once the table is back: %v", err)
	}
	if err := j.Health(); err != nil {
		t.Error(err)
	}
	if first, then := <-j.reports, <-j.reports; first == nil || then != nil {
		t.Errorf("reported %v, then %v", first, then)
	}
}

func TestBestEffortNeverWaitsAndCatchesUp(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.New(t))
	j := run(t, pool, false)
	mustExec(t, pool, `ALTER TABLE issuer.audit RENAME TO hidden`)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 1200 { // more than two batches
		if _, err := j.Keep(ended, granted()); err != nil {
			t.Fatal(err)
		}
	}
	<-j.reports
	mustExec(t, pool, `ALTER TABLE issuer.hidden RENAME TO audit`)
	j.await(t, 1200, 0)
	var n int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM issuer.audit`).Scan(&n); err != nil || n != 1200 {
		t.Errorf("%d records, %v", n, err)
	}
}

func TestWhatThereIsNoRoomForIsCounted(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.New(t))
	count := &tally{news: make(chan struct{}, 1)}
	journal := audit.New(pool, audit.Config{Observer: count}) // nobody writes
	const room = 20_000
	for range room + 5 {
		if _, err := journal.Keep(t.Context(), granted()); err != nil {
			t.Fatal(err)
		}
	}
	if journal.Waiting() != room || count.lost.Load() != 5 {
		t.Errorf("%d wait and %d are lost", journal.Waiting(), count.lost.Load())
	}
}

func TestARowThatPostgresRefusesTakesNoOtherWithIt(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.New(t))
	j := run(t, pool, false)
	odd := granted()
	odd.TenantID = "no id"
	for _, r := range []audit.Record{granted(), odd, refused()} {
		if _, err := j.Keep(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	j.await(t, 2, 1)
	if got := search(t, pool, audit.Query{}); len(got) != 2 {
		t.Errorf("%d records, want 2", len(got))
	}
}

func TestWhatCallersWriteIsMadeFitToKeep(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.New(t))
	j := run(t, pool, true)
	r := granted()
	r.AskedRole, r.RequestID, r.PolicyDecision = "a\x00b\x1b[2J", "line\nforged", "\xff\xfe"
	r.AskedRoles = strings.Split(strings.Repeat("role,", 500), ",")
	r.ClientID = strings.Repeat("é", 1000)
	if _, err := j.Keep(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	got := search(t, pool, audit.Query{})[0]
	if got.AskedRole != "a\ufffdb\ufffd[2J" || got.RequestID != "line\ufffdforged" || got.PolicyDecision == "" {
		t.Errorf("got %q, %q, %q", got.AskedRole, got.RequestID, got.PolicyDecision)
	}
	if len(got.AskedRoles) != 101 || got.AskedRoles[100] != "…" || len(got.ClientID) != 256 {
		t.Errorf("%d roles, %d bytes", len(got.AskedRoles), len(got.ClientID))
	}
}

func TestWhatIsLeftIsWrittenAtTheEnd(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.New(t))
	j := run(t, pool, false)
	ref, err := j.Keep(t.Context(), granted())
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now().Add(-time.Second)
	for range 3 {
		j.Again(ref)
	}
	j.stop()
	got := search(t, pool, audit.Query{})
	if len(got) != 1 || got[0].Repeats != 3 || got[0].RepeatedAt == nil || got[0].RepeatedAt.Before(before) {
		t.Fatalf("got %+v", got)
	}
	if _, err := j.Keep(t.Context(), granted()); err != nil || j.lost.Load() != 1 {
		t.Errorf("after the end: %v, lost %d", err, j.lost.Load())
	}
}

func TestRepeatsAddUpAcrossReplicasAndFailures(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.New(t))
	one, two := run(t, pool, true), run(t, pool, true)
	ref, err := one.Keep(t.Context(), granted())
	if err != nil {
		t.Fatal(err)
	}
	one.Again(ref)
	two.Again(ref)
	mustExec(t, pool, `ALTER TABLE issuer.audit RENAME TO hidden`)
	<-one.reports // the first count could not be written, and is not lost
	one.Again(ref)
	mustExec(t, pool, `ALTER TABLE issuer.hidden RENAME TO audit`)
	one.stop()
	two.stop()
	if got := search(t, pool, audit.Query{}); got[0].Repeats != 3 {
		t.Errorf("%d repeats, want 3", got[0].Repeats)
	}
}

func TestARequiredRecordWaitsNoLongerThanItsCaller(t *testing.T) {
	t.Parallel()
	j := audit.New(open(t, pgtest.New(t)), audit.Config{Required: true}) // nobody writes
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := j.Keep(ctx, granted()); !errors.Is(err, audit.ErrNotKept) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
