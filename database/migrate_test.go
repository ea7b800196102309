package database_test

import (
	"errors"
	"io/fs"
	neturl "net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

// files lists the migrations of this release as they lie in the folder.
func files(t *testing.T) []string {
	t.Helper()
	names, err := fs.Glob(os.DirFS("migrations"), "*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("no migrations found: %v", err)
	}
	return names
}

func open(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := database.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// execute runs statements on a connection that is closed when it returns.
func execute(t *testing.T, url, statements string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	_, execErr := conn.Exec(t.Context(), statements)
	if err := errors.Join(execErr, conn.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
}

func TestMigrateAppliesEverythingOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.NewEmpty(t)
	for run, want := range [][]string{files(t), nil} {
		applied, err := database.Migrate(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, applied); diff != "" {
			t.Errorf("run %d applied (-want +got):\n%s", run+1, diff)
		}
	}
}

func TestTwoThatMigrateAtOnceShareTheWork(t *testing.T) {
	t.Parallel()
	url := pgtest.NewEmpty(t)
	var (
		group   sync.WaitGroup
		mu      sync.Mutex
		applied []string
	)
	for range 4 {
		group.Go(func() {
			names, err := database.Migrate(t.Context(), url)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			applied = append(applied, names...)
		})
	}
	group.Wait()
	if diff := cmp.Diff(files(t), applied); diff != "" {
		t.Errorf("applied by all together (-want +got):\n%s", diff)
	}
}

func TestMigrateWorksForAnOwnerOfTheSchemaWhoMayNotMakeOne(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	execute(t, server.URL(), `
		DROP SCHEMA issuer CASCADE;
		CREATE ROLE owner LOGIN PASSWORD 'of-the-schema';
		CREATE SCHEMA issuer AUTHORIZATION owner`)
	if _, err := database.Migrate(t.Context(), as(server.URL(), "owner", "of-the-schema")); err != nil {
		t.Fatal(err)
	}
}

func TestMigrateSaysWhichRightItLacks(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	execute(t, server.URL(), `DROP SCHEMA issuer CASCADE; CREATE ROLE guest LOGIN PASSWORD 'without-rights'`)
	_, err := database.Migrate(t.Context(), as(server.URL(), "guest", "without-rights"))
	if err == nil || !strings.Contains(err.Error(), "grant CREATE on the database to this user, or make the schema issuer for it first") {
		t.Errorf("Migrate = %v", err)
	}
}

func TestMigrateLeavesTheDatabaseOfANewerReleaseAlone(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	execute(t, url, `INSERT INTO issuer.migrations (version_id, is_applied) VALUES (99999, true)`)
	applied, err := database.Migrate(t.Context(), url)
	if err != nil || applied != nil {
		t.Errorf("Migrate = %v, %v; want nothing applied and no error", applied, err)
	}
	if err := database.Check(t.Context(), open(t, url)); err != nil {
		t.Errorf("Check = %v, want nil", err)
	}
}

func TestAMigrationThatFailsIsNamedAndTheNextRunResumesThere(t *testing.T) {
	t.Parallel()
	url := pgtest.NewEmpty(t)
	execute(t, url, `CREATE SCHEMA issuer; CREATE VIEW issuer.keys AS SELECT 1`)
	all := files(t)

	applied, err := database.Migrate(t.Context(), url)
	if diff := cmp.Diff(all[:1], applied); diff != "" {
		t.Errorf("applied before the failure (-want +got):\n%s", diff)
	}
	if err == nil || !strings.Contains(err.Error(), all[1]) {
		t.Errorf("error = %v, want one that names %s", err, all[1])
	}

	execute(t, url, `DROP VIEW issuer.keys`)
	applied, err = database.Migrate(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(all[1:], applied); diff != "" {
		t.Errorf("applied after the failure (-want +got):\n%s", diff)
	}
}

func TestStatusTellsWhatIsAppliedAndChangesNothing(t *testing.T) {
	t.Parallel()
	url := pgtest.NewEmpty(t)
	pending := status(t, url)
	if len(pending) != len(files(t)) {
		t.Errorf("%d migrations listed, want %d", len(pending), len(files(t)))
	}
	for i, migration := range pending {
		if migration.Name != files(t)[i] || !migration.AppliedAt.IsZero() {
			t.Errorf("migration %d of an empty database = %+v, want %s pending", i+1, migration, files(t)[i])
		}
	}
	if err := database.Check(t.Context(), open(t, url)); !errors.Is(err, database.ErrSchemaTooOld) {
		t.Errorf("after Status, Check = %v, want ErrSchemaTooOld", err)
	}

	if _, err := database.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	execute(t, url, `INSERT INTO issuer.migrations (version_id, is_applied) VALUES (99999, true)`)
	applied := status(t, url)
	if len(applied) != len(pending)+1 {
		t.Fatalf("%d migrations listed, want %d", len(applied), len(pending)+1)
	}
	for _, migration := range applied {
		if migration.AppliedAt.IsZero() {
			t.Errorf("migration %d is pending, want applied", migration.Version)
		}
	}
	if last := applied[len(applied)-1]; last.Version != 99999 || last.Name != "" {
		t.Errorf("last migration = %+v, want the unknown one, without a name", last)
	}
}

func status(t *testing.T, url string) []database.Migration {
	t.Helper()
	list, err := database.Status(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestMigrationsOnlyGoForward(t *testing.T) {
	t.Parallel()
	for _, name := range files(t) {
		text, err := os.ReadFile("migrations/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "+goose Down") {
			t.Errorf("%s has a way down: it would drop grants or keys; a mistake is undone by the next migration", name)
		}
	}
}

func TestMigrateLeavesNoSessionBehind(t *testing.T) {
	t.Parallel()
	for name, breakIt := range map[string]string{
		"when all goes well": ``,
		"when one fails":     `CREATE SCHEMA issuer; CREATE VIEW issuer.keys AS SELECT 1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := pgtest.NewEmpty(t)
			execute(t, url, breakIt)
			if _, err := database.Migrate(t.Context(), url); (err == nil) != (breakIt == "") {
				t.Fatal(err)
			}
			// Postgres waits for sessions that are about to end, then refuses.
			u, err := neturl.Parse(url)
			if err != nil {
				t.Fatal("the URL of the test database cannot be read")
			}
			name := strings.TrimPrefix(u.Path, "/")
			u.Path = "/postgres"
			execute(t, u.String(), `ALTER DATABASE `+name+` RENAME TO `+name+`_renamed`)
			execute(t, u.String(), `DROP DATABASE `+name+`_renamed`)
		})
	}
}
