package pgtest

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"syscall"
)

// errNoPostgres is all a test says on a machine without a server.
var errNoPostgres = errors.New("this test needs PostgreSQL: run `make setup`, or install it " +
	"(Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql), " +
	"or set TEST_DATABASE_URL to a server on which it may create databases")

// packageFolders returns patterns of where the packages of Debian, Fedora,
// Alpine and Homebrew put the server's programs.
func packageFolders() []string {
	return []string{
		"/usr/lib/postgresql/*/bin",
		"/usr/pgsql-*/bin",
		"/usr/libexec/postgresql*",
		"/opt/homebrew/opt/postgresql*/bin",
		"/usr/local/opt/postgresql*/bin",
		"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",
	}
}

// findBinaries returns the folder that holds initdb and postgres: one of path,
// a list as in PATH, or else one that matches a pattern, the newest version of
// the first pattern that has any.
func findBinaries(path string, patterns []string) (string, error) {
	folders := filepath.SplitList(path)
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return "", fmt.Errorf("look for PostgreSQL: %w", err)
		}
		slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
		folders = append(folders, found...)
	}
	for _, folder := range folders {
		if filepath.IsAbs(folder) && executable(folder, "initdb") && executable(folder, "postgres") {
			return folder, nil
		}
	}
	return "", errNoPostgres
}

var number = regexp.MustCompile(`[0-9]+`)

// version returns the last number in the path of a package, or 0: 15 of
// /usr/lib/postgresql/15/bin.
func version(folder string) int {
	numbers := number.FindAllString(folder, -1)
	if len(numbers) == 0 {
		return 0
	}
	version, err := strconv.Atoi(numbers[len(numbers)-1])
	if err != nil {
		return 0
	}
	return version
}

func executable(folder, name string) bool {
	info, err := os.Stat(filepath.Join(folder, name))
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// credential returns whom to run the server as: ourselves (nil), but as root,
// which Postgres refuses, the user postgres of its packages, or else nobody.
func credential() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(account.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("read the id of user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(account.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("read the group of user %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("this test needs a user that is not root: PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody")
}

// makeFolder makes the folder of a server. It lies in /tmp, not in t.TempDir():
// the path of a unix socket may have 107 bytes on Linux and 103 on macOS.
func makeFolder(owner *syscall.Credential) (string, error) {
	dir, err := os.MkdirTemp("/tmp", "issuer-pg-")
	if err != nil {
		return "", fmt.Errorf("make the folder of the test server: %w", err)
	}
	if owner != nil {
		if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
			return "", fmt.Errorf("make the folder of the test server: %w", errors.Join(err, os.RemoveAll(dir)))
		}
	}
	return dir, nil
}
