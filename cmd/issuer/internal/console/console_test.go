package console_test

import (
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/console"
)

func page(t *testing.T) http.Handler {
	t.Helper()
	c, err := console.New()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func ask(t *testing.T, h http.Handler, method, target string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	if !console.Has(r) {
		t.Errorf("%s is none of the console's", target)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(body)
}

func TestThePageIsBelowItsPathAlone(t *testing.T) {
	t.Parallel()
	h := page(t)
	if got, _ := ask(t, h, http.MethodGet, "/console"); got.StatusCode != http.StatusPermanentRedirect || got.Header.Get("Location") != "/console/" || got.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("without its slash: %s to %s", got.Status, got.Header.Get("Location"))
	}
	for target, want := range map[string]int{"/console/": 200, "/console/index.html": 200, "/console/none": 404, "/console/parts": 404, "/console/page/main.js": 404} {
		if got, _ := ask(t, h, http.MethodGet, target); got.StatusCode != want {
			t.Errorf("%s: %s", target, got.Status)
		}
	}
	for _, other := range []string{"/", "/metrics", "/consoles/", "/Console/", "/admin/v1/console/"} {
		if console.Has(httptest.NewRequest(http.MethodGet, other, nil)) {
			t.Errorf("%s is the console's", other)
		}
	}
}

var (
	loaded   = regexp.MustCompile(`(?:src|href)="([^"#][^"]*)"`)
	imported = regexp.MustCompile(`(?m)^import .* from "([^"]+)";$`)
)

// TestAllThatThePageLoadsIsEmbedded follows every address of the page, and every import of its modules.
func TestAllThatThePageLoadsIsEmbedded(t *testing.T) {
	t.Parallel()
	h := page(t)
	_, html := ask(t, h, http.MethodGet, "/console/")
	var open []string
	for _, found := range loaded.FindAllStringSubmatch(html, -1) {
		open = append(open, found[1])
	}
	seen := map[string]bool{}
	for len(open) > 0 {
		at := open[0]
		open = open[1:]
		if seen[at] {
			continue
		}
		seen[at] = true
		got, text := ask(t, h, http.MethodGet, at)
		if got.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", at, got.Status)
		}
		for _, found := range imported.FindAllStringSubmatch(text, -1) {
			open = append(open, path.Join(path.Dir(at), found[1]))
		}
	}
	files, err := fs.Glob(os.DirFS("page"), "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if name != "index.html" && !seen["/console/"+name] {
			t.Errorf("%s is part of the program, and nothing loads it", name)
		}
	}
}

// TestThePageLeavesNoTraceAndMakesNoMarkup: a token is kept in memory, and text stays text. The policy refuses most of this too.
func TestThePageLeavesNoTraceAndMakesNoMarkup(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(os.DirFS("page"), "*[^g]") // the icon is a picture
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile("page/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{
			"localStorage", "sessionStorage", "indexedDB", "document.cookie", "history.pushState", "history.replaceState", "location.", "caches.", "postMessage", "console.log",
			"innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "Function(", " onclick=", "style=", "<style", "//cdn", "https://",
		} {
			if strings.Contains(string(text), word) {
				t.Errorf("%s says %s", name, word)
			}
		}
	}
}

var (
	cureRow  = regexp.MustCompile("(?m)^\\| [0-9]{3} \\| <a id=\"([a-z_]+)\"></a>`[a-z_]+` \\| ([^|]+) \\|$")
	cureLine = regexp.MustCompile(`(?m)^  ([a-z_]+): "([^"]+)",$`)
	linked   = regexp.MustCompile(`\[([^]]+)\]\([^)]+\)`)
)

// TestTheCuresAreThoseOfTheDocument: the page has those of docs/admin-api.md, and two of its own.
func TestTheCuresAreThoseOfTheDocument(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../../../docs/admin-api.md")
	if err != nil {
		t.Fatal(err)
	}
	module, err := os.ReadFile("page/cures.js")
	if err != nil {
		t.Fatal(err)
	}
	want, got := map[string]string{}, map[string]string{}
	for _, row := range cureRow.FindAllStringSubmatch(string(document), -1) {
		want[row[1]] = strings.ReplaceAll(linked.ReplaceAllString(row[2], "$1"), "`", "")
	}
	for _, line := range cureLine.FindAllStringSubmatch(string(module), -1) {
		got[line[1]] = line[2]
	}
	for _, own := range []string{"unreachable", "no_answer_of_ours"} {
		if got[own] == "" {
			t.Errorf("%s has no cure", own)
		}
		delete(got, own)
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 10 {
		t.Errorf("cures (-document +page):\n%s", diff)
	}
}
