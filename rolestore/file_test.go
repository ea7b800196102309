package rolestore_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolestoretest"
)

func TestTheFileIsARoleStore(t *testing.T) {
	t.Parallel()
	rolestoretest.TestStore(t, func(t *testing.T, doc rolestore.Document) rolestoretest.Store {
		t.Helper()
		return openFile(t, writeRoles(t, doc))
	})
}

func TestTheFileTellsWhoHoldsARole(t *testing.T) {
	t.Parallel()
	rolestoretest.TestHolders(t, func(t *testing.T, doc rolestore.Document) rolestoretest.HolderStore {
		t.Helper()
		return openFile(t, writeRoles(t, doc))
	})
}

// writeRoles writes a document into a new file and returns its path.
func writeRoles(t *testing.T, doc rolestore.Document) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "roles.yaml")
	rewrite(t, path, doc)
	return path
}

func rewrite(t *testing.T, path string, doc rolestore.Document) {
	t.Helper()
	text, err := doc.YAML()
	if err != nil {
		t.Fatal(err)
	}
	writeText(t, path, string(text))
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func openFile(t *testing.T, path string) *rolestore.File {
	t.Helper()
	store, err := rolestore.OpenFile(path, rolestore.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// expectRoles looks alice up in any store.
func expectRoles(t *testing.T, store rolestoretest.Store, want ...string) {
	t.Helper()
	answer, err := store.Grants(t.Context(), aliceQuery())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, rolesOf(answer)); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
}

func oneRole(role string) rolestore.Document {
	return rolestore.Document{Grants: []rolestore.Grant{userGrant(alice, role)}}
}

func TestAFileThatCannotBeUsedIsRefusedAtTheStart(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if _, err := rolestore.OpenFile(filepath.Join(folder, "none.yaml"), rolestore.Rules{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: got error %v", err)
	}
	if _, err := rolestore.OpenFile(folder, rolestore.Rules{}); err == nil {
		t.Error("a folder was opened")
	}
	path := filepath.Join(folder, "roles.yaml")
	writeText(t, path, "grants:\n  - { tenant: a, everyone: true, role: a }\n")
	_, err := rolestore.OpenFile(path, rolestore.Rules{})
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "line 2: grants[0].tenant:") {
		t.Errorf("a faulty file: got error %v, want its path and the line", err)
	}
}

func TestABrokenVersionLeavesTheLastGoodOneInForce(t *testing.T) {
	t.Parallel()
	path := writeRoles(t, oneRole("first"))
	store := openFile(t, path)
	for _, broken := range []func(){
		func() { writeText(t, path, "") },
		func() { writeText(t, path, "grants: [") },
		func() { writeText(t, path, "grants:\n  - { tenant: a }\n") },
		func() { must(t, os.Remove(path)) },
	} {
		broken()
		if err := store.Reload(); err == nil {
			t.Fatal("a broken version was read without an error")
		}
		expectRoles(t, store, "first")
		err := store.Health()
		if err == nil {
			t.Fatal("the store calls itself healthy")
		}
		if strings.ContainsAny(err.Error(), "\n/") {
			t.Errorf("health is more than a short sentence: %q", err)
		}
	}
	for _, role := range []string{"first", "second"} { // the version before, and a new one
		rewrite(t, path, oneRole(role))
		must(t, store.Reload())
		must(t, store.Health())
		expectRoles(t, store, role)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// inBubble runs a store's Run in fake time and hands the test a function that
// lets some of it pass. Versions of the file differ in length, so that they
// differ for os.Stat even if they are written within one tick of its clock.
func inBubble(t *testing.T, test func(t *testing.T, store *rolestore.File, path string, pass func(time.Duration) []error)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		path := writeRoles(t, oneRole("first"))
		store := openFile(t, path)
		ctx, stop := context.WithCancel(t.Context())
		reports := make(chan error, 100)
		done := make(chan struct{})
		go func() {
			defer close(done)
			store.Run(ctx, func(err error) { reports <- err }, func(rolestore.Version) {})
		}()
		test(t, store, path, func(d time.Duration) []error {
			time.Sleep(d)
			synctest.Wait()
			var news []error
			for len(reports) > 0 {
				news = append(news, <-reports)
			}
			return news
		})
		stop()
		<-done
	})
}

func TestAChangeOfTheFileIsFollowed(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, store *rolestore.File, path string, pass func(time.Duration) []error) {
		t.Helper()
		pass(10 * time.Second)
		rewrite(t, path, oneRole("second-in-place"))
		pass(1100 * time.Millisecond)
		expectRoles(t, store, "second-in-place")

		next := path + ".next"
		rewrite(t, next, oneRole("third-by-renaming"))
		must(t, os.Rename(next, path))
		if news := pass(1100 * time.Millisecond); len(news) > 0 {
			t.Errorf("good versions were reported as %v", news)
		}
		expectRoles(t, store, "third-by-renaming")
		must(t, store.Health())
	})
}

func TestAFileIsNotReadWhileItIsBeingWritten(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, store *rolestore.File, path string, pass func(time.Duration) []error) {
		t.Helper()
		text := "grants: []\n# "
		for range 20 { // grows between any two looks
			text += "."
			writeText(t, path, text)
			pass(400 * time.Millisecond)
			expectRoles(t, store, "first")
		}
		pass(1100 * time.Millisecond)
		expectRoles(t, store)
	})
}

func TestEachBrokenVersionIsReportedOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, store *rolestore.File, path string, pass func(time.Duration) []error) {
		t.Helper()
		expect := func(what string, news []error, want string) {
			t.Helper()
			if len(news) != 1 || !strings.Contains(news[0].Error(), want) {
				t.Errorf("%s: reported %v, want one error with %q", what, news, want)
			}
			if store.Health() == nil {
				t.Errorf("%s: the store calls itself healthy", what)
			}
			expectRoles(t, store, "first")
		}
		writeText(t, path, "grants: [")
		expect("broken", pass(time.Minute), "line 1")
		must(t, os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)))
		if news := pass(time.Minute); len(news) > 0 {
			t.Errorf("touched only: reported %v", news)
		}
		writeText(t, path, "grants: []\nblocks: [")
		expect("broken in another way", pass(time.Minute), "line 2")
		must(t, os.Remove(path))
		expect("gone", pass(time.Minute), "no such file")
		must(t, os.Mkdir(path, 0o700))
		expect("a folder", pass(time.Minute), "is a directory")
		must(t, os.Remove(path))
		rewrite(t, path, oneRole("first"))
		if news := pass(time.Minute); len(news) > 0 || store.Health() != nil {
			t.Errorf("mended: reported %v, health %v", news, store.Health())
		}
	})
}

func TestEachVersionThatComesIntoForceIsToldOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := writeRoles(t, oneRole("first"))
		store := openFile(t, path)
		ctx, stop := context.WithCancel(t.Context())
		var told []rolestore.Version
		done := make(chan struct{})
		go func() {
			defer close(done)
			store.Run(ctx, func(error) {}, func(v rolestore.Version) { told = append(told, v) })
		}()
		step := func(change func()) {
			change()
			time.Sleep(10 * time.Second)
			synctest.Wait()
		}
		step(func() {}) // the first version was there before anybody listened
		step(func() { rewrite(t, path, oneRole("second")) })
		step(func() { must(t, os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour))) })
		step(func() { writeText(t, path, "grants: [") })
		step(func() { must(t, os.Remove(path)) })
		step(func() { rewrite(t, path, rolestore.Document{}) })
		stop()
		<-done
		want := []rolestore.Version{{Grants: 1}, {Mended: true}}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestAFileThatBecomesReadableAgainIsReadWithoutAnyOtherChange(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, store *rolestore.File, path string, pass func(time.Duration) []error) {
		t.Helper()
		rewriteUnreadable(t, path, oneRole("second"))
		news := pass(time.Minute)
		if os.Geteuid() != 0 { // root reads every file: to it this is an ordinary change
			expectRoles(t, store, "first")
			if len(news) != 1 || store.Health() == nil {
				t.Errorf("unreadable: reported %v, health %v", news, store.Health())
			}
		}
		must(t, os.Chmod(path, 0o600))
		if news := pass(time.Minute); len(news) > 0 || store.Health() != nil {
			t.Errorf("readable: reported %v, health %v", news, store.Health())
		}
		expectRoles(t, store, "second")
	})
}

// rewriteUnreadable replaces the file by one that its owner cannot read.
func rewriteUnreadable(t *testing.T, path string, doc rolestore.Document) {
	t.Helper()
	next := path + ".next"
	rewrite(t, next, doc)
	must(t, os.Chmod(next, 0))
	must(t, os.Rename(next, path))
}
