package main

import (
	"go/parser"
	"go/token"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const ourModule = "github.com/hasura-issuer/hasura-issuer/"

// roomsOfCONTRIBUTING are the rooms of the table there, with those that each may import.
func roomsOfCONTRIBUTING(t *testing.T) map[string][]string {
	t.Helper()
	rooms := map[string][]string{}
	for _, row := range rows(sectionOf(t, "CONTRIBUTING.md", "The rooms")) {
		rooms[quotedIn(row[0])[0]] = quotedIn(row[2])
	}
	return rooms
}

// besideRooms is code that no room has: helpers of tests, and modules of their own.
var besideRooms = regexp.MustCompile(`test/|fake[a-z]+/|^(deploy|client)/`)

// roomOf is the room with the longest name that a folder lies in; "" is none.
func roomOf(rooms []string, folder string) string {
	within := ""
	for _, room := range rooms {
		if strings.HasPrefix(folder+"/", room+"/") && len(room) > len(within) {
			within = room
		}
	}
	return within
}

// importsOfTheCode are the rooms that each room imports, but for tests and what stands beside them.
func importsOfTheCode(t *testing.T, rooms []string) map[string][]string {
	t.Helper()
	found := map[string]map[string]bool{}
	for _, file := range filesOf(t, ".go") {
		if strings.HasSuffix(file, "_test.go") || besideRooms.MatchString(file) {
			continue
		}
		from := roomOf(rooms, path.Dir(file))
		if from == "" {
			t.Errorf("%s lies in no room of CONTRIBUTING.md", file)
		}
		if found[from] == nil {
			found[from] = map[string]bool{}
		}
		for _, imported := range importsOf(t, file) {
			if to := roomOf(rooms, imported); to != from && !besideRooms.MatchString(imported+"/") {
				found[from][to] = true
			}
		}
	}
	imports := map[string][]string{}
	for room, to := range found {
		imports[room] = slices.Sorted(maps.Keys(to))
	}
	return imports
}

// importsOf are the packages of ours that a file imports.
func importsOf(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, content(t, file), parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, spec := range parsed.Imports {
		if ours, is := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), ourModule); is {
			all = append(all, ours)
		}
	}
	return all
}
