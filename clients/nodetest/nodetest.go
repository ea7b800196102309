// Package nodetest lets a Go test run scripts of Node.js that import packages: it has npm install what a lock file names. It
// knows nothing of what the scripts do.
package nodetest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Install returns a folder with copies of the scripts and of package.json, package-lock.json and .npmrc, all of which lie in
// source, and with the packages of the lock file in its node_modules. The folder lies in the user's cache and is named by the
// content, so it is made once per machine and version, and other tests have the same: write nothing there. What a package
// would run when it is installed is not run. A machine without Node.js fails the test, and so does what npm cannot install.
// Tests may call it concurrently, in one process or in several.
func Install(t testing.TB, source string, scripts ...string) string {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatal("install Node.js 20 or newer (node and npm) to run this test")
		}
	}
	folder, err := install(source, append([]string{".npmrc", "package.json", "package-lock.json"}, scripts...))
	if err != nil {
		t.Fatalf("install the packages of %s: %v", filepath.Base(source), err)
	}
	return folder
}

// one lets the tests of this process install one after the other, since what the first did need not be done again.
var one sync.Mutex

// install makes the folder aside and renames it, so that no other process meets a half-made one.
func install(source string, names []string) (string, error) {
	one.Lock()
	defer one.Unlock()
	source, err := filepath.Abs(source) // so that it has a name
	if err != nil {
		return "", err
	}
	files, sum, err := read(source, names)
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	target := filepath.Join(cache, "hasura-issuer", filepath.Base(source)+"-"+sum)
	if exists(target) {
		return target, nil
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return "", err
	}
	aside, err := os.MkdirTemp(filepath.Dir(target), "install-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(aside)
	if err := fill(aside, files); err != nil {
		return "", err
	}
	if err := os.Rename(aside, target); err != nil && !exists(target) {
		return "", err
	}
	return target, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// read returns the files and a name for their content.
func read(source string, names []string) (files map[string][]byte, name string, err error) {
	files, sum := map[string][]byte{}, sha256.New()
	for _, name := range names {
		if files[name], err = os.ReadFile(filepath.Join(source, name)); err != nil {
			return nil, "", err
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(files[name]), files[name])
	}
	return files, hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

// fill writes the files into an empty folder and has npm install there.
func fill(folder string, files map[string][]byte) error {
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = folder
	if out, err := npm.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w: %s", err, out)
	}
	return nil
}
