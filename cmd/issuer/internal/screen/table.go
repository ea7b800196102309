package screen

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

const (
	gap    = 2 // between two columns
	narrow = 8 // letters that a column keeps, however narrow the terminal is
)

// Table gathers rows, one a line, whose cells are separated by tabs, and aligns them. On a terminal it cuts the widest columns
// until the rows fit, as far as that goes, and a header stands out.
type Table struct {
	screen Screen
	header bool
	text   bytes.Buffer
}

// NewTable begins a table on w, whose first row is a header if header says so. Flush writes it.
func NewTable(w io.Writer, header bool) *Table { return &Table{screen: Of(w), header: header} }

// Write takes rows, or parts of them.
func (t *Table) Write(p []byte) (int, error) { return t.text.Write(p) }

// Flush writes the table.
func (t *Table) Flush() error {
	if t.screen.Width > 0 {
		t.fit()
	}
	var out bytes.Buffer
	aligned := tabwriter.NewWriter(&out, 0, 0, gap, ' ', 0)
	if _, err := t.text.WriteTo(aligned); err != nil {
		return err
	}
	if err := aligned.Flush(); err != nil {
		return err
	}
	if header, rows, found := strings.Cut(out.String(), "\n"); found && t.header && t.screen.Colour {
		_, err := fmt.Fprintf(t.screen, "%s\n%s", t.screen.In(Bold, header), rows)
		return err
	}
	_, err := out.WriteTo(t.screen)
	return err
}

// fit cuts cells.
func (t *Table) fit() {
	var rows [][]string
	for line := range strings.Lines(t.text.String()) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	widths := fitting(rows, t.screen.Width)
	t.text.Reset()
	for _, row := range rows {
		for i := range row {
			row[i] = cut(row[i], widths[i])
		}
		t.text.WriteString(strings.Join(row, "\t") + "\n")
	}
}

// fitting are the widths of the columns, the widest of which are cut until all fit into width, or none can be cut any more.
func fitting(rows [][]string, width int) []int {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	left := width - gap*(len(widths)-1)
	for _, w := range widths {
		left -= w
	}
	for ; left < 0; left++ {
		widest := slices.Index(widths, slices.Max(widths))
		if widths[widest] <= narrow {
			break
		}
		widths[widest]--
	}
	return widths
}
