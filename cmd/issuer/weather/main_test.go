package weather

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// together is how many tests run at once, whatever the machine: they wait far more than they compute.
const together = "6"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", together); err != nil {
		fmt.Fprintln(os.Stderr, "weather:", err)
	}
	m.Run()
	if dir := folder.path; dir != "" {
		if err := os.RemoveAll(dir); err != nil {
			fmt.Fprintln(os.Stderr, "weather:", err)
		}
	}
}

// folder holds the binary for as long as this process lives.
var folder struct{ path string }

// binary builds the program once for all tests, with the race detector if they have it.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "issuer-weather-")
	if err != nil {
		return "", err
	}
	folder.path = dir
	path := filepath.Join(dir, "issuer")
	args := []string{"build", "-o", path}
	if raceEnabled {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "github.com/hasura-issuer/hasura-issuer/cmd/issuer")...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("build the program: %w: %s", err, &output)
	}
	return path, nil
})
