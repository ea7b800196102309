package rolestore

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// YAML writes the document as roles.yaml: one entry per line, in a stable order,
// so that two exports differ in the lines that changed. Reading the result and
// writing it again gives the same bytes. It does not judge what it writes; an
// error means that an entry has no principal of a known kind.
func (d Document) YAML() ([]byte, error) {
	d = d.canonical()
	d.sort()
	var b bytes.Buffer
	heading(&b, listGrants, len(d.Grants))
	for i, g := range d.Grants {
		if g.Principal.Kind.rank() == unknownRank {
			return nil, fmt.Errorf("write roles as YAML: grants[%d] has no principal of a known kind", i)
		}
		fmt.Fprintf(&b, "  - %s\n", g.line())
	}
	heading(&b, listBlocks, len(d.Blocks))
	for i, block := range d.Blocks {
		if block.Principal.Kind.rank() == unknownRank {
			return nil, fmt.Errorf("write roles as YAML: blocks[%d] has no principal of a known kind", i)
		}
		fmt.Fprintf(&b, "  - %s\n", block.line())
	}
	return b.Bytes(), nil
}

func heading(b *bytes.Buffer, list string, length int) {
	b.WriteString(list + ":")
	if length == 0 {
		b.WriteString(" []")
	}
	b.WriteByte('\n')
}

// line returns the grant as a YAML flow mapping. It is also the form in which a
// change is shown, and two grants are the same when their lines are.
func (g Grant) line() string {
	m := members{}
	m.add("tenant", quote(g.Tenant))
	m.principal(g.Principal)
	m.add("role", quote(g.Role))
	if g.Priority != 0 {
		m.add("priority", strconv.Itoa(g.Priority))
	}
	if len(g.Session) > 0 {
		var variables members
		for _, name := range slices.Sorted(maps.Keys(g.Session)) {
			variables.add(quote(name), quoteValue(g.Session[name]))
		}
		m.add("session", variables.String())
	}
	m.time("from", g.From)
	m.time("until", g.Until)
	m.reason(g.Reason)
	return m.String()
}

// line returns the block as a YAML flow mapping; see Grant.line.
func (b Block) line() string {
	m := members{}
	m.add("tenant", quote(b.Tenant))
	m.principal(b.Principal)
	m.time("until", b.Until)
	m.reason(b.Reason)
	return m.String()
}

// members is a YAML flow mapping in the making.
type members []string

func (m *members) add(name, value string) { *m = append(*m, name+": "+value) }

func (m *members) principal(p Principal) {
	if p.Kind == KindEveryone {
		m.add(string(p.Kind), "true")
		return
	}
	m.add(string(p.Kind), quote(p.ID))
}

func (m *members) time(name string, t time.Time) {
	if !t.IsZero() {
		m.add(name, t.UTC().Format(time.RFC3339Nano))
	}
}

func (m *members) reason(reason string) {
	if reason != "" {
		m.add("reason", quoted(reason))
	}
}

func (m members) String() string { return "{ " + strings.Join(m, ", ") + " }" }

func quoteValue(v Value) string {
	if !v.isList {
		return quote(v.text)
	}
	items := make([]string, len(v.list))
	for i, item := range v.list {
		items[i] = quote(item)
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// quote returns s as a YAML scalar: bare if every reader takes it for the same
// text, else in double quotes.
func quote(s string) string {
	if isGUID(s) || isWord(s) && !isAmbiguous(s) {
		return s
	}
	return quoted(s)
}

// quoted returns s in double quotes on one line, with everything escaped that
// does not print (YAML 1.2 §5.7): also what would turn the text around or break
// the line on a terminal.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
