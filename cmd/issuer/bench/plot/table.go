package main

import (
	"fmt"
	"regexp"
	"strings"
)

var pictureAndTable = regexp.MustCompile(`(?m)^!\[[^\]]*\]\(growth-([a-z-]+)\.svg\)\n(?:\n(?:\|.*\n)+)?`)

// withTables puts the figures of each curve behind its picture, in place of what stood there.
func withTables(page string, curves []*curve) string {
	return pictureAndTable.ReplaceAllStringFunc(page, func(found string) string {
		picture, _, _ := strings.Cut(found, "\n")
		for _, c := range curves {
			if strings.Contains(picture, "("+c.file()+")") {
				return picture + "\n\n" + c.table()
			}
		}
		return found
	})
}

// table has a row for each point: the medians of the rounds, with the spread of what the curve shows.
func (c curve) table() string {
	_, _, _, asked := c.lines[len(c.lines)-1].points[0].of(database)
	var text strings.Builder
	text.WriteString("| " + titles[c.name].axis + " | line | CPU-µs per exchange | spread | of the first | req/s | memory, MB |")
	if asked {
		text.WriteString(" CPU-µs of Postgres |")
	}
	text.WriteString("\n|" + strings.Repeat("---|", 7))
	if asked {
		text.WriteString("---|")
	}
	text.WriteString("\n")
	for _, l := range c.lines {
		for _, p := range l.points {
			least, middle, most, _ := p.of(cpu)
			_, perSecond, _, _ := p.of(rate)
			_, held, _, _ := p.of(memory)
			fmt.Fprintf(&text, "| %s | %s | %.0f | %.0f–%.0f | %.2f | %.0f | %.0f |", thousands(p.n), l.name, middle, least, most, p.times(l.points[0]), perSecond, held)
			if _, spent, _, ok := p.of(database); ok {
				fmt.Fprintf(&text, " %.0f |", spent)
			} else if asked {
				text.WriteString(" – |")
			}
			text.WriteString("\n")
		}
	}
	return text.String()
}

// thousands writes a number with commas.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
