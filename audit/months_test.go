package audit_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/audit"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

// monthName is what the table of the month so many months from now is called.
func monthName(t *testing.T, pool *pgxpool.Pool, ahead int) string {
	t.Helper()
	var now time.Time
	if err := pool.QueryRow(t.Context(), `SELECT now()`).Scan(&now); err != nil {
		t.Fatal(err)
	}
	first := time.Date(now.UTC().Year(), now.UTC().Month()+time.Month(ahead), 1, 0, 0, 0, 0, time.UTC)
	return first.Format("audit_2006_01")
}

func tables(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	rows, err := pool.Query(t.Context(), `SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
		WHERE i.inhparent = 'issuer.audit'::regclass ORDER BY c.relname`)
	if err != nil {
		t.Fatal(err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// addMonth makes the table of a month that is over, with one record in it.
func addMonth(t *testing.T, pool *pgxpool.Pool, ahead int) {
	t.Helper()
	mustExec(t, pool, fmt.Sprintf(`CREATE TABLE issuer.%s PARTITION OF issuer.audit
		FOR VALUES FROM (date_trunc('month', now() AT TIME ZONE 'UTC' + interval '%[2]d months') AT TIME ZONE 'UTC')
		TO (date_trunc('month', now() AT TIME ZONE 'UTC' + interval '%[3]d months') AT TIME ZONE 'UTC')`, monthName(t, pool, ahead), ahead, ahead+1))
	insertAt(t, pool, fmt.Sprintf(`date_trunc('month', now() AT TIME ZONE 'UTC' + interval '%d months') AT TIME ZONE 'UTC'`, ahead))
}

func insertAt(t *testing.T, pool *pgxpool.Pool, at string) {
	t.Helper()
	mustExec(t, pool, `INSERT INTO issuer.audit (id, at, kind, actor, details) VALUES (gen_random_uuid(), `+at+`, 'settings', 'test', '{}')`)
}

func TestAMigratedDatabaseHasTheMonthsThatCome(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.New(t))
	want := []string{monthName(t, pool, 0), monthName(t, pool, 1), monthName(t, pool, 2)}
	if _, _, err := audit.Months(t.Context(), pool, 13); err != nil { // the template may be of the month before
		t.Fatal(err)
	}
	if diff := cmp.Diff(append(want, "audit_elsewhen"), tables(t, pool), cmpopts.IgnoreSliceElements(func(name string) bool {
		return name == monthName(t, pool, -1)
	})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMonthsAreDroppedOnceTheyAreOldAndNotBefore(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.New(t))
	addMonth(t, pool, -3)
	addMonth(t, pool, -2)
	for _, step := range []struct {
		keep    int
		dropped []string
	}{{0, []string{}}, {3, []string{}}, {2, []string{monthName(t, pool, -3)}}, {2, []string{}}} {
		_, dropped, err := audit.Months(t.Context(), pool, step.keep)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(step.dropped, dropped); diff != "" {
			t.Errorf("keep %d (-want +got):\n%s", step.keep, diff)
		}
	}
	if got := search(t, pool, audit.Query{}); len(got) != 1 {
		t.Errorf("%d records are left, want 1", len(got))
	}
}

func TestARecordWithoutAMonthIsTakenAndMovesIntoItsOwn(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.New(t))
	next := monthName(t, pool, 1)
	mustExec(t, pool, `DROP TABLE issuer.`+next)
	insertAt(t, pool, `date_trunc('month', now() AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC'`)
	made, _, err := audit.Months(t.Context(), pool, 13)
	if err != nil || !cmp.Equal(made, []string{next}) {
		t.Fatalf("made %v, %v", made, err)
	}
	var there, elsewhere int
	if err := pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM issuer.`+next+`), (SELECT count(*) FROM issuer.audit_elsewhen)`).Scan(&there, &elsewhere); err != nil {
		t.Fatal(err)
	}
	if there != 1 || elsewhere != 0 {
		t.Errorf("%d in its month and %d elsewhere", there, elsewhere)
	}
}

func TestReplicasMakeMonthsSideBySide(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.New(t))
	mustExec(t, pool, `DROP TABLE issuer.`+monthName(t, pool, 1))
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			if _, _, err := audit.Months(t.Context(), pool, 13); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if _, _, err := audit.Months(t.Context(), pool, 13); err != nil {
		t.Error(err)
	}
	if got := tables(t, pool); len(got) < 4 {
		t.Errorf("got %v", got)
	}
}

func TestADatabaseWithoutRecordsSaysWhatToRun(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.NewEmpty(t))
	if _, err := audit.Search(t.Context(), pool, audit.Query{Limit: 1}); !errors.Is(err, audit.ErrNoAudit) {
		t.Errorf("search: %v", err)
	}
	if _, _, err := audit.Months(t.Context(), pool, 1); !errors.Is(err, audit.ErrNoAudit) {
		t.Errorf("months: %v", err)
	}
}
