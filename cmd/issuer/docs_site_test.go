package main

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const siteNav = "docs/site/nav.json"

// inNavigation are the pages that the site's navigation leads to, by their paths in the repository.
func inNavigation(t *testing.T) []string {
	t.Helper()
	var groups []struct {
		Text  string
		Pages [][2]string // what it is called there, and its path, perhaps with an anchor
	}
	if err := json.Unmarshal([]byte(content(t, siteNav)), &groups); err != nil {
		t.Fatalf("%s: %v", siteNav, err)
	}
	parsed := pagesOf(t)
	anchors := anchorsOf(parsed)
	var all []string
	for _, group := range groups {
		for _, entry := range group.Pages {
			to, err := page{path: "nav.json"}.follow(entry[1], anchors)
			if err != nil || entry[0] == "" || !strings.HasSuffix(to, ".md") {
				t.Errorf("%s: %s, %q leads to no page: %v", siteNav, group.Text, entry, err)
			}
			all = append(all, to)
		}
	}
	return all
}

// TestTheSiteLeadsToEveryPage: what the navigation does not name is not on the site at all.
func TestTheSiteLeadsToEveryPage(t *testing.T) {
	t.Parallel()
	named := inNavigation(t)
	for _, path := range filesOf(t, ".md") {
		wanted := strings.HasPrefix(path, "docs/") && !strings.HasPrefix(path, "docs/site/") || !strings.Contains(path, "/")
		if wanted && !slices.Contains(named, path) {
			t.Errorf("the site does not lead to %s: add a line [\"its title\", %q] to a group of %s", path, path, siteNav)
		}
	}
	if len(named) < 40 {
		t.Errorf("only %d pages were found", len(named))
	}
}

// TestTheSitesOwnTests run without its packages: they follow links as the site does, and try what looks at a built one.
func TestTheSitesOwnTests(t *testing.T) {
	t.Parallel()
	command := exec.CommandContext(t.Context(), "node", "--test", "--test-reporter=tap")
	command.Dir = filepath.Join(repository, "docs/site")
	out, err := command.CombinedOutput()
	if err != nil || strings.Contains(string(out), "# pass 0\n") || !strings.Contains(string(out), "# skipped 0\n") {
		t.Errorf("%v\n%s", err, out)
	}
}
