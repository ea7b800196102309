package browser_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// stand is a folder with the scripts, the modules that they look at, in the same places beside it, and their packages.
func stand(t *testing.T) string {
	t.Helper()
	packages, err := installed()
	if err != nil {
		t.Fatalf("install the packages: %v", err)
	}
	root := t.TempDir()
	for from, to := range map[string]string{"../page": "playground/page", "../../web/parts": "web/parts"} {
		if err := os.CopyFS(filepath.Join(root, to), os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	folder := filepath.Join(root, "playground", "browser")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !slices.Contains([]string{".mjs", ".json"}, filepath.Ext(entry.Name())) {
			continue
		}
		content, err := os.ReadFile(entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, entry.Name()), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(packages, filepath.Join(folder, "node_modules")); err != nil {
		t.Fatal(err)
	}
	return folder
}

// installed is the folder with the packages of the lock file, made once per machine and version.
var installed = sync.OnceValues(install)

// install has npm put the packages into the user's cache, in a folder that is named by the lock file. It is made aside and
// renamed, so that no other process meets a half-made one.
func install() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	sum, files := sha256.New(), map[string][]byte{}
	for _, name := range []string{".npmrc", "package.json", "package-lock.json"} {
		if files[name], err = os.ReadFile(name); err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(files[name]), files[name])
	}
	target := filepath.Join(cache, "hasura-issuer", "playground-"+hex.EncodeToString(sum.Sum(nil)[:8]))
	packages := filepath.Join(target, "node_modules")
	if _, err := os.Stat(packages); err == nil {
		return packages, nil
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return "", err
	}
	aside, err := os.MkdirTemp(filepath.Dir(target), "install-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(aside)
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(aside, name), content, 0o600); err != nil {
			return "", err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = aside
	if out, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w: %s", err, out)
	}
	if err := os.Rename(aside, target); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	return packages, nil
}
