package keystore_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

func TestAKeysFileSurvivesItsProcess(t *testing.T) {
	t.Parallel()
	for name, sealer := range map[string]*keys.Sealer{"sealed": keystest.Sealer(t, "suite"), "in the clear": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "keys.json")
			first, err := keystore.OpenFile(path, time.Now)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := keys.Rotate(t.Context(), first, sealer, policy); err != nil {
				t.Fatal(err)
			}
			want := keystest.Load(t, first)
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			if diff := keystest.Diff(want, keystest.Load(t, openFile(t, path))); diff != "" {
				t.Errorf("the next process reads something else (-want +got):\n%s", diff)
			}
			info, err := os.Stat(path)
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the file has mode %v, %v; want 0600", info.Mode(), err)
			}
			text, err := os.ReadFile(path)
			if inClear := strings.Contains(string(text), `\"d\"`); err != nil || inClear != (sealer == nil) {
				t.Errorf("the file holds private keys in the clear: %v, %v", inClear, err)
			}
		})
	}
}

func TestAKeysFileHasOneOwnerAndAnyNumberOfReaders(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	store := openFile(t, path)
	rotate(t, store, policy)
	if _, _, err := keystore.ReadUnused(path, time.Now()); !errors.Is(err, keystore.ErrInUse) {
		t.Errorf("whoever wants to move the ring gets error %v, want one that says the file is in use", err)
	}
	if _, err := keystore.OpenFile(path, time.Now); !errors.Is(err, keystore.ErrInUse) || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("a second owner gets error %v, want one that says the file is in use", err)
	}
	read, err := keystore.ReadFile(path, start)
	if err != nil {
		t.Fatal(err)
	}
	if diff := keystest.Diff(keystest.Load(t, store), read); diff != "" || !read.Now.Equal(start) {
		t.Errorf("a reader sees something else at %v (-want +got):\n%s", read.Now, diff)
	}
}

func TestAClosedKeysFileIsNotUsed(t *testing.T) {
	t.Parallel()
	store, err := keystore.OpenFile(filepath.Join(t.TempDir(), "keys.json"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Rotate(t.Context(), store, nil, policy); err == nil {
		t.Error("a closed file is rotated")
	}
}

func TestAKeysFileThatIsNotAsItShouldBeIsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(t *testing.T, path string)
		want  string
	}{
		"cut off":                 {rewrite(func(text string) string { return text[:len(text)/2] }), "not all of one"},
		"emptied":                 {rewrite(func(string) string { return "" }), "not all of one"},
		"with something after it": {rewrite(func(text string) string { return text + "{}" }), "follows the ring"},
		"of a newer version":      {rewrite(func(text string) string { return strings.Replace(text, `"version": 1`, `"version": 2`, 1) }), "version 2"},
		"with a member we lack":   {rewrite(func(text string) string { return strings.Replace(text, `"version"`, `"extra": 1, "version"`, 1) }), "extra"},
		"with rows out of order":  {rewrite(func(text string) string { return strings.Replace(text, `"generation": 3`, `"generation": 1`, 1) }), "out of order"},
		"with another kid":        {rewrite(func(text string) string { return strings.Replace(text, `"kid": "`, `"kid": "A`, 1) }), "belongs to another key"},
		"with a private member":   {rewrite(func(text string) string { return strings.Replace(text, `"crv"`, `"d": "AAAA", "crv"`, 1) }), "no readable JWK"},
		"readable by its group":   {func(t *testing.T, path string) { keystest.Must(t, os.Chmod(path, 0o640)) }, "mode 0640: it must be 0600"},
		"writable by everybody":   {func(t *testing.T, path string) { keystest.Must(t, os.Chmod(path, 0o602)) }, "mode 0602"},
		"a link to somewhere else": {func(t *testing.T, path string) {
			keystest.Must(t, os.Rename(path, path+"2"))
			keystest.Must(t, os.Symlink(path+"2", path))
		}, "not a plain file"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "keys.json")
			store := openFile(t, path)
			rotate(t, store, policy)
			test.spoil(t, path)
			before, err := os.ReadFile(path)
			keystest.Must(t, err)
			if _, err := keys.Rotate(t.Context(), store, nil, policy); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Rotate: got error %v, want one with %q", err, test.want)
			}
			keystest.Must(t, store.Close())
			if _, err := keystore.OpenFile(path, time.Now); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("OpenFileStore: got error %v, want one with %q", err, test.want)
			}
			if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
				t.Errorf("the file was altered, %v", err)
			}
		})
	}
}

func rewrite(alter func(string) string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		t.Helper()
		text, err := os.ReadFile(path)
		keystest.Must(t, err)
		keystest.Must(t, os.WriteFile(path, []byte(alter(string(text))), 0o600))
	}
}

func TestAKeysFileThatWentMissingIsNotReplacedByANewRing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	store, err := keystore.OpenFile(path, time.Now)
	keystest.Must(t, err)
	rotate(t, store, policy)
	keystest.Must(t, store.Close())
	keystest.Must(t, os.Remove(path))
	if _, err := keys.Rotate(t.Context(), openFile(t, path), nil, policy); err == nil || !strings.Contains(err.Error(), "once held a ring") {
		t.Errorf("got error %v, want one that says there was a ring", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a new file was made")
	}
}

func TestWhatACrashLeftBehindIsClearedAway(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	store, err := keystore.OpenFile(path, time.Now)
	keystest.Must(t, err)
	rotate(t, store, policy)
	want := keystest.Load(t, store)
	keystest.Must(t, store.Close())
	keystest.Must(t, os.WriteFile(path+".tmp", []byte(`{"version": 1, "keys": [{"private": "`), 0o600))
	if diff := keystest.Diff(want, keystest.Load(t, openFile(t, path))); diff != "" {
		t.Errorf("the ring is not what it was (-want +got):\n%s", diff)
	}
	if _, err := os.Stat(path + ".tmp"); err == nil {
		t.Error("the unfinished file is still there")
	}
}

// rewriteForEver is the child of the test below. It says each revision it has
// finished, and keeps the number of revisions in the promises of the first key.
func rewriteForEver(path string) error {
	store, err := keystore.OpenFile(path, time.Now)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	for {
		_, err := store.Update(context.Background(), func(s keys.State) (keys.Change, error) {
			for i := range s.Keys {
				s.Keys[i].Promised.CDNTTL += time.Second
			}
			return keys.Change{Update: s.Keys}, nil
		})
		if err != nil {
			return err
		}
		if err := out.WriteByte('.'); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
}

func TestAKilledWriterLeavesAWholeKeysFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	store, err := keystore.OpenFile(path, time.Now)
	keystest.Must(t, err)
	rotate(t, store, policy)
	keystest.Must(t, store.Close())
	var finished time.Duration
	for round := range 10 {
		finished += killAfter(t, path, 3+5*round)
		s, err := keystore.ReadFile(path, start)
		if err != nil {
			t.Fatalf("after kill %d: %v", round+1, err)
		}
		if len(s.Keys) != 3 {
			t.Fatalf("after kill %d there are %d keys, want 3", round+1, len(s.Keys))
		}
		for _, k := range s.Keys {
			if got := k.Promised.CDNTTL; got < finished || got != s.Keys[0].Promised.CDNTTL {
				t.Fatalf("after kill %d a row is at revision %v, others at %v, finished were %v",
					round+1, got, s.Keys[0].Promised.CDNTTL, finished)
			}
		}
		finished = s.Keys[0].Promised.CDNTTL // the last one may have been finished unsaid
	}
}

// killAfter runs a writer, kills it when it has said that it finished n
// revisions, and returns how many it had said it finished, in seconds.
func killAfter(t *testing.T, path string, n int) time.Duration {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), writerFile+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	keystest.Must(t, err)
	keystest.Must(t, child.Start())
	_, err = io.ReadFull(out, make([]byte, n))
	keystest.Must(t, child.Process.Kill())
	if err != nil {
		t.Errorf("the writer ended by itself: %v", err)
	}
	if child.Wait() == nil {
		t.Error("the writer ended before it was killed")
	}
	return time.Duration(n) * time.Second
}
