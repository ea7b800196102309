package screen_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/screen"
)

func TestColoursShowWhereTheyAreWanted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		environ  []string
		terminal bool
		want     bool
	}{
		"a terminal":                      {nil, true, true},
		"a pipe":                          {nil, false, false},
		"a terminal and NO_COLOR":         {[]string{"NO_COLOR=1"}, true, false},
		"an empty NO_COLOR":               {[]string{"NO_COLOR="}, true, true},
		"a pipe and CLICOLOR_FORCE":       {[]string{"CLICOLOR_FORCE=1"}, false, true},
		"CLICOLOR_FORCE is 0":             {[]string{"CLICOLOR_FORCE=0"}, false, false},
		"NO_COLOR wins over the other":    {[]string{"CLICOLOR_FORCE=1", "NO_COLOR=1"}, true, false},
		"a terminal that shows none":      {[]string{"TERM=dumb"}, true, false},
		"a terminal, where CLICOLOR is 0": {[]string{"CLICOLOR=0"}, true, false},
	} {
		if got := screen.Shows(c.environ, c.terminal); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

const rows = "NAME\tWHAT IT IS\tEND\none\ta text that is long, and longer than it could be\tx\ntwo\t\t\n"

func table(t *testing.T, s screen.Screen, header bool, rows string) string {
	t.Helper()
	var out bytes.Buffer
	table := screen.NewTable(s.Onto(&out), header)
	fmt.Fprint(table, rows)
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestATableFitsATerminalAndNothingElse(t *testing.T) {
	t.Parallel()
	piped := "NAME  WHAT IT IS                                        END\none   a text that is long, and longer than it could be  x\ntwo                                                     \n"
	for name, c := range map[string]struct {
		screen screen.Screen
		want   string
	}{
		"a pipe":            {screen.Screen{}, piped},
		"a wide terminal":   {screen.Screen{Width: 200}, piped},
		"a narrow terminal": {screen.Screen{Width: 30}, "NAME  WHAT IT IS           END\none   a text that is lon…  x\ntwo                        \n"},
		"too narrow":        {screen.Screen{Width: 5}, "NAME  WHAT IT…  END\none   a text…   x\ntwo             \n"},
		"colours":           {screen.Screen{Colour: true}, "\x1b[1m" + strings.Replace(piped, "END\n", "END\x1b[0m\n", 1)},
	} {
		if got := table(t, c.screen, true, rows); got != c.want {
			t.Errorf("%s:\n%q, want\n%q", name, got, c.want)
		}
	}
	if got := table(t, screen.Screen{Colour: true}, false, rows); got != piped {
		t.Errorf("without a header: %q", got)
	}
}

func TestEveryTableFitsThatCan(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		columns := rapid.IntRange(1, 6).Draw(r, "columns")
		cell := rapid.StringMatching(`[a-zäöü€ ]{0,60}`)
		var text strings.Builder
		for range rapid.IntRange(1, 8).Draw(r, "rows") {
			cells := rapid.SliceOfN(cell, columns, columns).Draw(r, "cells")
			text.WriteString(strings.Join(cells, "\t") + "\n")
		}
		width := rapid.IntRange(columns*10, 200).Draw(r, "width")
		for line := range strings.Lines(table(t, screen.Screen{Width: width}, false, text.String())) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
				r.Fatalf("%d letters, and %d is as many as fit: %q", n, width, line)
			}
		}
	})
}

func TestProgressSaysNothingOfWhatIsQuick(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		done := 0
		what := func() string { done++; return strings.Repeat("applying", 3-done) }
		stop := screen.Progress(&out, what)
		time.Sleep(time.Second - time.Nanosecond)
		stop()
		if out.Len() > 0 {
			t.Errorf("%q", out.String())
		}
		stop = screen.Progress(&out, what)
		time.Sleep(2*time.Second + time.Nanosecond)
		stop()
		time.Sleep(time.Minute)
		if want := "\rapplyingapplying … 1 s\x1b[K\rapplying … 2 s\x1b[K\r\x1b[K"; out.String() != want {
			t.Errorf("%q, want %q", out.String(), want)
		}
	})
}
