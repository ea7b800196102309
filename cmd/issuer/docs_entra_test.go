package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

// problems is how many rows the table of users' problems has, each numbered.
const problems = 28

// TestEveryProblemThatUsersReportIsHeldByATest reads the table of docs/entra.md: each row names tests that exist, and the
// reasons in it are reasons.
func TestEveryProblemThatUsersReportIsHeldByATest(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/entra.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "\n## Problems that users of Entra report\n")
	exist := testsOf(t, "../..")
	quotedTest, quotedReason := regexp.MustCompile("`(Test[A-Za-z0-9]+)`"), regexp.MustCompile("`([a-z]+(?:_[a-z]+)+)`")
	notReasons := []string{"expires_in", "connection_init"}
	next := 1
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if number, err := strconv.Atoi(cells[0]); err != nil || number != next || len(cells) != 4 {
			continue
		}
		named := quotedTest.FindAllStringSubmatch(cells[3], -1)
		if len(named) == 0 {
			t.Errorf("problem %d: no test holds it", next)
		}
		for _, m := range named {
			if !exist[m[1]] {
				t.Errorf("problem %d: there is no %s", next, m[1])
			}
		}
		for _, m := range quotedReason.FindAllStringSubmatch(cells[2], -1) {
			if !slices.Contains(issuer.Reasons(), issuer.Reason(m[1])) && !slices.Contains(notReasons, m[1]) {
				t.Errorf("problem %d: %s is no reason", next, m[1])
			}
		}
		next++
	}
	if next-1 != problems {
		t.Errorf("the table has the problems 1 to %d, want %d", next-1, problems)
	}
}

var testFunction = regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9]+)\(t \*testing\.T\)`)

// testsOf are the names of all tests below root.
func testsOf(t *testing.T, root string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && slices.Contains([]string{".git", "node_modules", "dist"}, entry.Name()) { // which other tests write meanwhile
			return filepath.SkipDir
		}
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range testFunction.FindAllSubmatch(source, -1) {
			found[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
