package bundle

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// What a folder may hold.
const (
	maxFiles = 1000
	maxBytes = 16 << 20 // of all files together
)

// file is one that counts, by its path below the folder.
type file struct {
	path string
	text []byte
}

// folder is all of them, in the order of their paths.
type folder []file

// readFolder reads every .rego and data.json below dir. Tests (_test.rego) and what begins with a dot are left out: by
// those names Kubernetes mounts the files of a ConfigMap a second time.
func readFolder(dir string) (folder, error) {
	if err := isFolder(dir); err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	var files folder
	left := int64(maxBytes)
	at := os.DirFS(dir)
	err := fs.WalkDir(at, ".", func(name string, entry fs.DirEntry, err error) error {
		hidden := name != "." && strings.HasPrefix(path.Base(name), ".")
		switch {
		case err != nil:
			return err
		case entry.IsDir() && hidden:
			return fs.SkipDir
		case entry.IsDir() || hidden || !counts(name):
			return nil
		}
		text, err := readFile(at, name, left)
		if err != nil {
			return err
		}
		if left -= int64(len(text)); left < 0 || len(files) == maxFiles {
			return fmt.Errorf("the folder holds more than %d files or %d MiB of policy", maxFiles, maxBytes>>20)
		}
		files = append(files, file{name, text})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the policy: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("read the policy: no .rego file is in the folder %s, tests aside", dir)
	}
	return files, nil
}

// isFolder says of a path by its name what the walk, which starts at a dot, could not.
func isFolder(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s is no folder: name the one that holds the .rego files", dir)
	}
	return err
}

func counts(name string) bool {
	return path.Base(name) == "data.json" || strings.HasSuffix(name, ".rego") && !strings.HasSuffix(name, "_test.rego")
}

// readFile reads a file, one byte more than is left at most.
func readFile(at fs.FS, name string, left int64) ([]byte, error) {
	f, err := at.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // nothing was written
	return io.ReadAll(io.LimitReader(f, left+1))
}

// sum tells versions apart.
func (files folder) sum() (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, f := range files {
		for _, part := range [][]byte{[]byte(f.path), f.text} {
			h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
			h.Write(part)
		}
	}
	h.Sum(sum[:0])
	return sum
}
