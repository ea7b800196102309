package main

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const theWiring = "cmd/issuer" // which may import every room

var inBackticks = regexp.MustCompile("`([^`]+)`")

// quotedIn are the words between backticks in a text, each once, in order.
func quotedIn(text string) []string {
	var all []string
	for _, m := range inBackticks.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// sectionOf is what stands below a heading of the second level.
func sectionOf(t *testing.T, path, heading string) string {
	t.Helper()
	_, text, found := strings.Cut("\n"+content(t, path), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("%s has no section %q", path, heading)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// rows are the rows of the tables in a text, cell by cell, without heads.
func rows(text string) [][]string {
	var all [][]string
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		head := i+1 < len(lines) && strings.HasPrefix(lines[i+1], "|-")
		if strings.HasPrefix(line, "| ") && !head {
			all = append(all, strings.Split(strings.Trim(line, "| "), " | "))
		}
	}
	return all
}

var (
	drawnRoom  = regexp.MustCompile(`(?m)^ *([a-z]+)\["([a-z/]+)"\]$`)
	drawnArrow = regexp.MustCompile(`(?m)^ *([a-z]+) --> ([a-z &]+)$`)
)

// arrowsOf are the arrows of the first drawing in a text, from and to the names that boxes bear.
func arrowsOf(text string) map[string][]string {
	drawing := parsePage("", text).blocks[0].text
	names, arrows := map[string]string{}, map[string][]string{}
	for _, m := range drawnRoom.FindAllStringSubmatch(drawing, -1) {
		names[m[1]] = m[2]
		arrows[m[2]] = nil
	}
	for _, m := range drawnArrow.FindAllStringSubmatch(drawing, -1) {
		for to := range strings.SplitSeq(m[2], " & ") {
			arrows[names[m[1]]] = append(arrows[names[m[1]]], names[to])
		}
		slices.Sort(arrows[names[m[1]]])
	}
	return arrows
}

// TestTheRoomsAreAsTheyAreDrawn: by the table of CONTRIBUTING.md, by the drawing of docs/architecture.md, and by the code.
func TestTheRoomsAreAsTheyAreDrawn(t *testing.T) {
	t.Parallel()
	table := roomsOfCONTRIBUTING(t)
	code := importsOfTheCode(t, slices.Collect(maps.Keys(table)))
	delete(table, theWiring) // "all"
	delete(code, theWiring)
	if len(table) < 15 {
		t.Errorf("CONTRIBUTING.md has only %d rooms", len(table))
	}
	if diff := cmp.Diff(code, table); diff != "" {
		t.Errorf("imports of the rooms in CONTRIBUTING.md (-code +table):\n%s", diff)
	}
	if diff := cmp.Diff(code, arrowsOf(sectionOf(t, "docs/architecture.md", "Rooms"))); diff != "" {
		t.Errorf("arrows of docs/architecture.md (-code +drawing):\n%s", diff)
	}
}

var madeTable = regexp.MustCompile(`(?i)CREATE TABLE (issuer\.[a-z_]+)`)

func TestTheArchitectureNamesEveryTable(t *testing.T) {
	t.Parallel()
	want := []string{"issuer.migrations"} // goose's own
	for _, file := range filesOf(t, ".sql") {
		if !strings.HasPrefix(file, "database/migrations/") {
			continue
		}
		for _, m := range madeTable.FindAllStringSubmatch(content(t, file), -1) {
			want = append(want, m[1])
		}
	}
	var got []string
	for _, row := range rows(sectionOf(t, "docs/architecture.md", "Tables")) {
		got = append(got, quotedIn(row[0])...)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 10 {
		t.Errorf("tables of docs/architecture.md (-migrations +documented):\n%s", diff)
	}
}

var madeLoop = regexp.MustCompile(`\bloop\{"([a-z_]+)", `)

func TestTheArchitectureNamesEveryLoop(t *testing.T) {
	t.Parallel()
	var want []string
	for _, file := range filesOf(t, ".go") {
		if path.Dir(file) != theWiring || strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, m := range madeLoop.FindAllStringSubmatch(content(t, file), -1) {
			want = append(want, m[1])
		}
	}
	var got []string
	for _, row := range rows(sectionOf(t, "docs/architecture.md", "Loops")) {
		got = append(got, quotedIn(row[0])...)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 5 {
		t.Errorf("loops of docs/architecture.md (-program +documented):\n%s", diff)
	}
}
