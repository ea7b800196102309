package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var elsewhere = regexp.MustCompile(`^[a-z]+:`)

// follow returns the path that a link of the page leads to within the repository; "" for one that leads elsewhere. An error
// means that nothing is there.
func (p page) follow(link string, anchors map[string]map[string]bool) (string, error) {
	if elsewhere.MatchString(link) {
		return "", nil
	}
	target, anchor, named := strings.Cut(link, "#")
	to := p.path
	if target != "" {
		to = path.Join(path.Dir(p.path), target)
	}
	if path.IsAbs(target) || strings.HasPrefix(to, "..") {
		return "", fmt.Errorf("it leads out of the repository")
	}
	if _, err := os.Stat(filepath.Join(repository, to)); err != nil {
		return "", fmt.Errorf("there is no %s", to)
	}
	if named && !anchors[to][anchor] {
		return "", fmt.Errorf("%s has no heading #%s", to, anchor)
	}
	return to, nil
}

// anchorsOf are the anchors of each page, by its path.
func anchorsOf(pages []page) map[string]map[string]bool {
	all := map[string]map[string]bool{}
	for _, p := range pages {
		all[p.path] = p.anchors()
	}
	return all
}

func TestEveryLinkOfTheDocumentsLeadsSomewhere(t *testing.T) {
	t.Parallel()
	pages := pagesOf(t)
	anchors := anchorsOf(pages)
	seen := 0
	for _, p := range pages {
		for _, link := range p.links() {
			seen++
			if _, err := p.follow(link, anchors); err != nil {
				t.Errorf("%s: the link to %s: %v", p.path, link, err)
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d links were found", seen)
	}
}

// TestEveryDocumentIsReachedFromTheREADME: by links from page to page, and not by a link to the folder that it lies in.
func TestEveryDocumentIsReachedFromTheREADME(t *testing.T) {
	t.Parallel()
	byPath, reached := map[string]page{}, []string{"README.md"}
	pages := pagesOf(t)
	anchors := anchorsOf(pages)
	for _, p := range pages {
		byPath[p.path] = p
	}
	for next := 0; next < len(reached); next++ {
		p := byPath[reached[next]]
		for _, link := range p.links() {
			to, err := p.follow(link, anchors)
			if _, isPage := byPath[to]; err == nil && isPage && !slices.Contains(reached, to) {
				reached = append(reached, to)
			}
		}
	}
	for _, p := range pages {
		if !slices.Contains(reached, p.path) {
			t.Errorf("no link leads from the README to %s: name it in docs/README.md", p.path)
		}
	}
}

// TestTheContentsNameEveryPageOfTheFolder: docs/README.md is where somebody looks who does not know what there is.
func TestTheContentsNameEveryPageOfTheFolder(t *testing.T) {
	t.Parallel()
	pages := pagesOf(t)
	anchors := anchorsOf(pages)
	contents := parsePage("docs/README.md", content(t, "docs/README.md"))
	var named []string
	for _, link := range contents.links() {
		if to, err := contents.follow(link, anchors); err == nil {
			named = append(named, to)
		}
	}
	for _, p := range pages {
		if strings.HasPrefix(p.path, "docs/") && p.path != contents.path && !slices.Contains(named, p.path) {
			t.Errorf("docs/README.md does not name %s", p.path)
		}
	}
}

func TestAPageIsReadAsGitHubReadsIt(t *testing.T) {
	t.Parallel()
	p := parsePage("docs/a.md", "# One `two` [three](b.md)\n\n[four](c.md#five) and `[no](link.md)`\n<a id=\"six\"></a>\n"+
		"1. seven\n\n   ```sh\n   # no heading\n     [no](link.md)\n   ```\n[eight]: d/e.md\n## Nine: ten -- eleven_12\n```json\n{\n")
	if got := fmt.Sprint(p.links()); got != "[b.md c.md#five d/e.md]" {
		t.Errorf("links %s", got)
	}
	if got := fmt.Sprint(p.anchors()); got != "map[nine-ten----eleven_12:true one-two-three:true six:true]" {
		t.Errorf("anchors %s", got)
	}
	want := []block{{"sh", "# no heading\n  [no](link.md)\n", 7, false}, {"json", "{\n", 13, true}}
	if !slices.Equal(p.blocks, want) {
		t.Errorf("blocks %+v, want %+v", p.blocks, want)
	}
	there := map[string]map[string]bool{"README.md": {"here": true}}
	for link, want := range map[string]string{
		"https://example.com/a.md":  " <nil>",
		"mailto:someone":            " <nil>",
		"../README.md":              "README.md <nil>",
		"../README.md#here":         "README.md <nil>",
		"../README.md#there":        " README.md has no heading #there",
		"../go.mod#L1":              " go.mod has no heading #L1",
		"#nowhere":                  " there is no docs/a.md",
		"README.MD":                 " there is no docs/README.MD",
		"/README.md":                " it leads out of the repository",
		"../../elsewhere/README.md": " it leads out of the repository",
	} {
		to, err := p.follow(link, there)
		if got := fmt.Sprint(to, " ", err); got != want {
			t.Errorf("%s: %q, want %q", link, got, want)
		}
	}
}
