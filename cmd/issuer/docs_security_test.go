package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var namedTest = regexp.MustCompile("`([a-z0-9/]+)\\.((?:Test|Fuzz)[A-Za-z0-9_]+)`")

// TestEveryTestThatSECURITYNamesIsThere: and each line of what must hold names one, or says why none shows it.
func TestEveryTestThatSECURITYNamesIsThere(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "| what must hold | shown by |\n|---|---|\n")
	if !found {
		t.Fatal("the table is gone")
	}
	for line := range strings.Lines(table) {
		names := namedTest.FindAllStringSubmatch(line, -1)
		if len(names) == 0 && !strings.Contains(line, "| Not shown") {
			t.Errorf("nothing shows that %s", line)
		}
		for _, name := range names {
			if !declares(t, name[1], name[2]) {
				t.Errorf("there is no %s in %s", name[2], name[1])
			}
		}
	}
}

// declares tells whether a package, by its path in the repository, has a test.
func declares(t *testing.T, room, test string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../..", room, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+test+"(") {
			return true
		}
	}
	return false
}
