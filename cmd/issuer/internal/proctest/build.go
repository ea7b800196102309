package proctest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

const module = "github.com/hasura-issuer/hasura-issuer"

// folder holds what was built, until Clean.
var folder struct {
	sync.Mutex
	path  string
	built map[string]string // path by package
}

// Issuer builds the program once for all tests of this process, with the race detector if they have it, and returns its
// path. TestMain calls Clean in the end.
func Issuer(t testing.TB) string {
	t.Helper()
	return Build(t, "cmd/issuer")
}

// Build does the same for any main package of this module.
func Build(t testing.TB, dir string) string {
	t.Helper()
	folder.Lock()
	defer folder.Unlock()
	if path, done := folder.built[dir]; done {
		return path
	}
	path, err := build(dir)
	if err != nil {
		t.Fatal(err)
	}
	folder.built[dir] = path
	return path
}

func build(dir string) (path string, err error) {
	if folder.path == "" {
		if folder.path, err = os.MkdirTemp("", "issuer-process-"); err != nil {
			return "", err
		}
		folder.built = map[string]string{}
	}
	path = filepath.Join(folder.path, filepath.Base(dir))
	args, environ := []string{"build", "-o", path}, os.Environ()
	if raceEnabled {
		args = append(args, "-race")
	} else { // as releases are, without libc, but with the names that profiles want
		args, environ = append(args, "-trimpath", "-buildvcs=false"), append(environ, "CGO_ENABLED=0")
	}
	cmd := exec.Command("go", append(args, module+"/"+dir)...)
	cmd.Env = environ
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build %s: %w: %s", dir, err, &output)
	}
	return path, nil
}

// Clean removes what was built.
func Clean() error {
	folder.Lock()
	defer folder.Unlock()
	return os.RemoveAll(folder.path)
}
