package pgtest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

// install puts files that look like the programs of a server into a folder.
func install(t *testing.T, folder string, programs ...string) {
	t.Helper()
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, program := range programs {
		if err := os.WriteFile(filepath.Join(folder, program), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhereTheServerIsLookedFor(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	in := func(path string) string { return filepath.Join(root, path) }
	install(t, in("local"), "initdb", "postgres")
	install(t, in("client"), "psql", "initdb")
	for _, version := range []string{"9", "15", "17"} {
		install(t, in("pg/"+version+"/bin"), "initdb", "postgres")
	}
	install(t, in("pg/18/bin"), "psql") // the client's package makes the folder too
	// A folder is no program, whatever its name.
	install(t, in("odd/postgres"))
	install(t, in("odd/initdb"))

	debian := in("pg/*/bin")
	for name, c := range map[string]struct {
		path     []string
		patterns []string
		want     string
	}{
		"the PATH comes first":                     {[]string{in("local")}, []string{debian}, in("local")},
		"both programs have to be there":           {[]string{in("client"), in("odd"), in("local")}, nil, in("local")},
		"a relative folder on the PATH is skipped": {[]string{".", in("local")}, nil, in("local")},
		"the newest package that is a server wins": {[]string{in("client")}, []string{in("none/*"), debian}, in("pg/17/bin")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := pgtest.FindBinaries(strings.Join(c.path, string(os.PathListSeparator)), c.patterns)
			if err != nil || got != c.want {
				t.Errorf("found %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestAMachineWithoutAServerIsToldWhatToInstall(t *testing.T) {
	t.Parallel()
	_, err := pgtest.FindBinaries(t.TempDir(), []string{t.TempDir() + "/*"})
	if err == nil {
		t.Fatal("found a server where there is none")
	}
	for _, want := range []string{"make setup", "postgresql", "TEST_DATABASE_URL"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error is longer than one line: %v", err)
	}
}
