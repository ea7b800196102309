package nodetest_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/clients/nodetest"
)

func TestAScriptFindsThePackagesOfTheLockFile(t *testing.T) {
	t.Parallel()
	folder := nodetest.Install(t, "../josecheck", "verify.mjs")
	out, err := exec.CommandContext(t.Context(), "node", filepath.Join(folder, "verify.mjs")).CombinedOutput()
	if err == nil || !strings.HasPrefix(string(out), "usage: ") { // which it says once it has imported them
		t.Errorf("%v: %s", err, out)
	}
}

// set writes a set of no packages into a new folder and changes it.
func set(t *testing.T, change map[string]string) string {
	t.Helper()
	files := map[string]string{
		".npmrc": "audit=false\n", "package.json": `{"name": "set", "private": true}`, "run.mjs": "// does nothing\n",
		"package-lock.json": `{"name": "set", "lockfileVersion": 3, "packages": {"": {"name": "set"}}}`,
	}
	maps.Copy(files, change)
	folder := filepath.Join(t.TempDir(), "set")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// cached has the user's cache be empty and returns how to see what is in it.
func cached(t *testing.T) func() []string {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", "")
	return func() []string {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		found, err := filepath.Glob(filepath.Join(cache, "hasura-issuer", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
}

func TestASetIsInstalledOnceAndAnewWhenAFileOfItChanges(t *testing.T) {
	inCache := cached(t)
	source := set(t, nil)
	t.Chdir(source)
	var folders [3]string
	var all sync.WaitGroup
	for i, from := range []string{source, ".", source} {
		all.Go(func() { folders[i] = nodetest.Install(t, from, "run.mjs") })
	}
	all.Wait()
	if folders[0] != folders[1] || folders[0] != folders[2] || !strings.HasPrefix(filepath.Base(folders[0]), "set-") {
		t.Errorf("one set was installed in %v", folders)
	}
	for _, name := range []string{"package-lock.json", "run.mjs"} {
		one := nodetest.Install(t, set(t, map[string]string{name: "\n" + content(t, filepath.Join(source, name))}), "run.mjs")
		if one == folders[0] || content(t, filepath.Join(one, name)) == content(t, filepath.Join(source, name)) {
			t.Errorf("with another %s it is the same", name)
		}
	}
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "npm"), []byte("#!/bin/sh\nexit 1\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", broken+string(filepath.ListSeparator)+os.Getenv("PATH")) // nothing is to be asked of npm again
	if got := nodetest.Install(t, source, "run.mjs"); got != folders[0] {
		t.Errorf("later it was in %s, not in %s", got, folders[0])
	}
	if got := inCache(); len(got) != 3 {
		t.Errorf("the cache holds %v, want three sets", got)
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWhatCannotBeInstalledFailsTheTestAndLeavesNothing(t *testing.T) {
	inCache := cached(t)
	source := set(t, map[string]string{"package.json": `{"name": "set", "dependencies": {"jose": "1.0.0"}}`}) // which the lock file has not
	for script, want := range map[string]string{"run.mjs": "npm ci: exit status 1", "gone.mjs": "gone.mjs: no such file"} {
		got := fatal(t, func(t testing.TB) { nodetest.Install(t, source, script) })
		if !strings.HasPrefix(got, "install the packages of set: ") || !strings.Contains(got, want) {
			t.Errorf("%s: the test failed with %q, want %q in it", script, got, want)
		}
	}
	if got := inCache(); len(got) != 0 {
		t.Errorf("the cache holds %v", got)
	}
}

func TestAMachineWithoutNodeFailsTheTestWithOneSentence(t *testing.T) {
	t.Setenv("PATH", "")
	got := fatal(t, func(t testing.TB) { nodetest.Install(t, "../josecheck", "verify.mjs") })
	if want := "install Node.js 20 or newer (node and npm) to run this test"; got != want {
		t.Errorf("the test failed with %q, want %q", got, want)
	}
}

// witness is a test that ends at its first fatal sentence, which it keeps.
type witness struct {
	testing.TB
	sentence string
}

func (w *witness) Fatal(args ...any) {
	w.sentence = fmt.Sprint(args...)
	runtime.Goexit()
}

func (w *witness) Fatalf(format string, args ...any) { w.Fatal(fmt.Sprintf(format, args...)) }

func fatal(t *testing.T, ask func(t testing.TB)) string {
	t.Helper()
	w, done := &witness{TB: t}, make(chan struct{})
	go func() {
		defer close(done)
		ask(w)
	}()
	<-done
	return w.sentence
}
