// Package manpage writes the manual page of a program in the language of man(7), from kong's model of its commands and
// what it is told beside. It knows none of the commands.
package manpage

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/alecthomas/kong"
)

// Page is what the manual says.
type Page struct {
	App      *kong.Application
	Version  string
	Entries  map[string]Entry // by the path of a command, such as "keys rotate"
	Settings []Setting
	Files    []File
}

// Entry is what there is to say of a command beside its flags.
type Entry struct {
	Reads    string
	Examples []string
}

// Setting is a variable of the environment.
type Setting struct {
	Name, Wants, Default string
	Secret               bool // and so can be given as a file
}

// File is one that the program reads or writes.
type File struct{ Path, Help string }

// Write writes the page, in ASCII, the same each time.
func (p Page) Write(w io.Writer) error {
	b := &roff{}
	name := p.App.Name
	first, _, _ := strings.Cut(p.App.Help, ". ")
	b.line(".TH %s 1 \"\" %s %s\n.nh", quote(strings.ToUpper(name)), quote(name+" "+p.Version), quote("User Commands"))
	b.line(".SH NAME\n%s \\- %s", escape(name), escape(strings.ToLower(first[:1])+first[1:]))
	b.line(".SH SYNOPSIS\n.B %s\n.I command\n[flags]", escape(name))
	b.line(".SH DESCRIPTION\n%s", broken("Settings come from the environment, see ENVIRONMENT. Each command that follows says which it reads."))
	b.line(".SH COMMANDS")
	for _, node := range p.App.Leaves(true) {
		p.command(b, node)
	}
	b.line(".SH EXIT STATUS")
	for _, code := range [][2]string{{"0", "done"}, {"1", "failed"}, {"2", "wrong usage or settings"}} {
		b.item(code[0], code[1])
	}
	b.line(".SH ENVIRONMENT\n%s", broken("Every variable that is set is checked, whatever the command. A secret can also be given as a file, by the variable's name with _FILE behind it."))
	for _, s := range p.Settings {
		b.item(s.Name, s.sentence())
	}
	b.item("NO_COLOR, CLICOLOR_FORCE", "no colours even on a terminal; colours even where there is none")
	b.line(".SH FILES")
	for _, f := range p.Files {
		b.item(f.Path, f.Help)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (s Setting) sentence() string {
	text := "wants " + s.Wants
	if s.Default != "" {
		text += ". Default: " + s.Default
	}
	if s.Secret {
		text += ". A secret: also as " + s.Name + "_FILE"
	}
	return text
}

func (p Page) command(b *roff, node *kong.Node) {
	b.line(".SS %s", quote(node.Summary()))
	b.line("%s", broken(node.Help))
	for _, arg := range node.Positional {
		b.item("<"+arg.Name+">", arg.Help)
	}
	for _, flag := range slices.Concat(node.AllFlags(true)...) {
		if flag.Name != "help" {
			b.item(spelling(flag), flag.Help)
		}
	}
	e := p.Entries[strings.TrimPrefix(node.FullPath(), p.App.Name+" ")]
	if e.Reads != "" {
		b.item("Environment", e.Reads)
	}
	if len(e.Examples) > 0 {
		b.line(".TP\n.B Examples\n.nf")
		for _, example := range e.Examples {
			b.line("%s", escape(example))
		}
		b.line(".fi")
	}
}

// spelling is a flag as it is typed: -f, --file=FILE.
func spelling(flag *kong.Flag) string {
	text := "--" + flag.Name
	if flag.Short != 0 {
		text = "-" + string(flag.Short) + ", " + text
	}
	if !flag.IsBool() && !flag.IsCounter() {
		text += "=" + flag.FormatPlaceHolder()
	}
	return text
}

// roff gathers a page.
type roff struct{ strings.Builder }

func (r *roff) line(format string, args ...any) { fmt.Fprintf(r, format+"\n", args...) }

func (r *roff) item(term, text string) { r.line(".TP\n.B %s\n%s", quote(term), broken(text)) }

// broken is escape for a text that roff fills lines with. The lines of the source are short, as mandoc likes them.
func broken(text string) string {
	const width = 78
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		word = escape(word)
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line == "" {
			line = word
		} else {
			line += " " + word
		}
	}
	return strings.Join(append(lines, line), "\n")
}

// escape is text that roff sets as it stands, in ASCII and on one line.
func escape(text string) string {
	var b strings.Builder
	for _, c := range strings.Join(strings.Fields(text), " ") {
		switch {
		case c == '\\':
			b.WriteString(`\e`)
		case c == '-':
			b.WriteString(`\-`)
		case c == '\'':
			b.WriteString(`\(aq`)
		case c == '^':
			b.WriteString(`\(ha`)
		case c == '~':
			b.WriteString(`\(ti`)
		case c == '`':
			b.WriteString(`\(ga`)
		case c <= unicode.MaxASCII:
			b.WriteRune(c)
		case utf16.IsSurrogate(c):
		default:
			fmt.Fprintf(&b, `\[u%04X]`, c)
		}
	}
	escaped := b.String()
	if strings.HasPrefix(escaped, ".") {
		escaped = `\&` + escaped
	}
	return escaped
}

// quote is text as one argument of a macro.
func quote(text string) string {
	return `"` + strings.ReplaceAll(escape(text), `"`, `\(dq`) + `"`
}
