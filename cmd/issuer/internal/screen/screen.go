// Package screen answers: what does a person see? It knows how wide a terminal is and whether it shows colours, fits tables
// into it, and shows that something takes its time. What goes to a file or a pipe it leaves as it is.
package screen

import (
	"io"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Screen is a writer that may be a terminal. Any other writer is a screen without width and colour.
type Screen struct {
	io.Writer
	Width  int // in letters; 0: no terminal, nothing is cut
	Colour bool
}

// Of is what is known of w.
func Of(w io.Writer) Screen {
	if s, is := w.(Screen); is {
		return s
	}
	return Screen{Writer: w}
}

// Onto is a screen like this one that writes to w, for what is gathered first.
func (s Screen) Onto(w io.Writer) Screen {
	s.Writer = w
	return s
}

// Style is how text looks.
type Style string

// Styles, as terminals have them.
const (
	Plain  Style = ""
	Bold   Style = "1"
	Red    Style = "31"
	Green  Style = "32"
	Yellow Style = "33"
	Dim    Style = "2"
)

// In is text in a style, where the screen shows any.
func (s Screen) In(style Style, text string) string {
	if !s.Colour || style == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(style) + "m" + text + "\x1b[0m"
}

// Shows tells whether to write colours: on a terminal that has them, never with NO_COLOR (no-color.org), and with
// CLICOLOR_FORCE also elsewhere (bixense.com/clicolors). environ is as os.Environ gives it.
func Shows(environ []string, terminal bool) bool {
	all := env.ToMap(environ)
	force := all["CLICOLOR_FORCE"]
	switch {
	case all["NO_COLOR"] != "":
		return false
	case force != "" && force != "0":
		return true
	}
	return terminal && all["TERM"] != "dumb" && all["CLICOLOR"] != "0"
}

// cut is text in at most width letters.
func cut(text string, width int) string {
	letters := []rune(text)
	if len(letters) <= width {
		return text
	}
	return strings.TrimRight(string(letters[:max(0, width-1)]), " ") + "…"
}
