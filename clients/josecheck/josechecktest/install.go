package josechecktest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

const (
	script  = "verify.mjs"
	library = "node_modules/jose/package.json"
)

// folder is where the script and its library are. It is the one global here, because "once per process" is meant, and a
// test has no other place that outlives it.
var folder struct {
	once sync.Once
	path string
	err  error
}

func installed(npm string) (string, error) {
	folder.once.Do(func() { folder.path, folder.err = install(npm) })
	return folder.path, folder.err
}

// install finds the client's folder and, unless it has its node_modules, puts a copy of it, with them, into the user's
// cache folder. The copy is named by the content, so it is made once per machine and version; it is made aside and
// renamed, so that test binaries that run at the same time do not meet a half-made one.
func install(npm string) (string, error) {
	source, err := sourceFolder()
	if err != nil || exists(filepath.Join(source, library)) {
		return source, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	files, name, err := read(source)
	if err != nil {
		return "", err
	}
	target := filepath.Join(cache, "hasura-issuer", "josecheck-"+name)
	if exists(filepath.Join(target, library)) {
		return target, nil
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return "", err
	}
	aside, err := os.MkdirTemp(filepath.Dir(target), "install-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(aside) }()
	if err := fill(aside, files, npm); err != nil {
		return "", err
	}
	if err := os.Rename(aside, target); err != nil && !exists(filepath.Join(target, library)) {
		return "", err
	}
	return target, nil
}

// sourceFolder looks for clients/josecheck upwards from where the test runs, which is its package's folder.
func sourceFolder() (string, error) {
	at, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; at = filepath.Dir(at) {
		if candidate := filepath.Join(at, "clients", "josecheck"); exists(filepath.Join(candidate, script)) {
			return candidate, nil
		}
		if at == filepath.Dir(at) {
			return "", errors.New("no folder clients/josecheck above this test")
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// read returns the client's files and a name for their content.
func read(source string) (files map[string][]byte, name string, err error) {
	files, sum := map[string][]byte{}, sha256.New()
	for _, file := range []string{"package.json", "package-lock.json", ".npmrc", script} {
		if files[file], err = os.ReadFile(filepath.Join(source, file)); err != nil {
			return nil, "", err
		}
		fmt.Fprintf(sum, "%s %d\n", file, len(files[file]))
		sum.Write(files[file])
	}
	return files, hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

func fill(into string, files map[string][]byte, npm string) error {
	for file, content := range files {
		if err := os.WriteFile(filepath.Join(into, file), content, 0o600); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = into
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w: %s", err, out)
	}
	return nil
}
