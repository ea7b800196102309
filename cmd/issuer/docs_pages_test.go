package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// repository is the root of what the documents speak of.
const repository = "../.."

// filesOf are all files of the repository that end in one of these, by their paths from its root, in order.
func filesOf(t *testing.T, ends ...string) []string {
	t.Helper()
	var found []string
	err := fs.WalkDir(os.DirFS(repository), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", "node_modules", "testdata", "bin", ".pages", "dist"}, entry.Name()):
			return fs.SkipDir
		case !entry.IsDir() && slices.ContainsFunc(ends, func(end string) bool { return strings.HasSuffix(path, end) }):
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(repository, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// page is a document in Markdown, as GitHub shows it.
type page struct {
	path   string // from the root of the repository
	prose  string // without what is fenced
	blocks []block
}

// block is fenced text, without the blanks that its fence is indented by.
type block struct {
	language, text string
	line           int // of its fence, counted from one
	open           bool
}

// pagesOf are all documents of the repository.
func pagesOf(t *testing.T) []page {
	t.Helper()
	var all []page
	for _, path := range filesOf(t, ".md") {
		all = append(all, parsePage(path, content(t, path)))
	}
	return all
}

var fence = regexp.MustCompile("^( *)(`{3,})([a-z]*)$")

// parsePage tells prose and fenced blocks apart. A block that nothing ends is open.
func parsePage(path, text string) page {
	p := page{path: path}
	var prose strings.Builder
	var within *block
	var indent, end string
	number := 0
	for line := range strings.Lines(text) {
		number++
		bare := strings.TrimRight(line, "\n")
		m := fence.FindStringSubmatch(bare)
		switch {
		case within == nil && m != nil:
			indent, end = m[1], m[2]
			p.blocks = append(p.blocks, block{language: m[3], line: number, open: true})
			within = &p.blocks[len(p.blocks)-1]
		case within == nil:
			prose.WriteString(line)
		case strings.TrimSpace(bare) == end:
			within.open = false
			within = nil
		default:
			within.text += strings.TrimPrefix(line, indent)
		}
	}
	p.prose = prose.String()
	return p
}

var (
	heading    = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`)
	namedPlace = regexp.MustCompile(`<a id="([^"]+)">`)
	linked     = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
)

// anchors are what a link to the page may name behind #: its headings, as GitHub spells them, and what it names itself.
func (p page) anchors() map[string]bool {
	found := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(p.prose, -1) {
		found[slug(m[1])] = true
	}
	for _, m := range namedPlace.FindAllStringSubmatch(p.prose, -1) {
		found[m[1]] = true
	}
	return found
}

// slug is how GitHub spells a heading in an address.
func slug(heading string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, linked.ReplaceAllString(heading, "$1"))
}

var (
	code       = regexp.MustCompile("`[^`]*`")
	linkTarget = regexp.MustCompile(`\]\(([^)\s]+)(?: "[^"]*")?\)|(?m)^\[[^\]]+\]: *(\S+)|href="([^"]+)"`)
)

// links are the targets of the page's links.
func (p page) links() []string {
	var all []string
	for _, m := range linkTarget.FindAllStringSubmatch(code.ReplaceAllString(p.prose, ""), -1) {
		all = append(all, m[1]+m[2]+m[3])
	}
	return all
}

// commands are what the page shows between single backticks and begins with the program's name, without it.
func (p page) commands() []string {
	var all []string
	for _, span := range code.FindAllString(p.prose, -1) {
		if rest, ours := strings.CutPrefix(strings.Trim(span, "`"), "issuer "); ours {
			all = append(all, rest)
		}
	}
	return all
}
