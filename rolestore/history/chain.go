package history

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Head is where a history ends: the number of its last record and that one's
// hash. Noted elsewhere, it vouches for every record up to there. The zero Head
// is that of a history without records.
type Head struct {
	Number int64
	Hash   string
}

// String writes the head as number and hash with a colon between them.
func (h Head) String() string { return fmt.Sprintf("%d:%s", h.Number, h.Hash) }

// MarshalText is String.
func (h Head) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

var isHash = regexp.MustCompile(`^[0-9a-f]{64}$`)

// ParseHead reads what String wrote.
func ParseHead(text string) (Head, error) {
	digits, hash, _ := strings.Cut(text, ":")
	number, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || number < 0 || number > 0 != isHash.MatchString(hash) || number == 0 && hash != "" {
		return Head{}, errors.New("want a head as --verify prints it: the number of a record, a colon, and its hash of 64 hexadecimal digits")
	}
	return Head{number, hash}, nil
}

// chain checks records in their order and remembers what they lead to.
type chain struct {
	report  Report
	head    Head
	entries map[identity]entry
	anchors []Head
	met     map[int64]string // the hashes of the records that the anchors name
}

// entry is what the records have made of a grant or a block.
type entry struct {
	text   string // the row as JSON
	number int64  // of the record that left it so
}

func newChain(anchors []Head) *chain {
	c := &chain{report: Report{Faults: []string{}}, entries: map[identity]entry{}, anchors: anchors, met: map[int64]string{0: ""}}
	for _, a := range anchors {
		c.met[a.Number] = ""
	}
	return c
}

func (c *chain) add(r row) {
	c.report.Records++
	switch next := c.head.Number + 1; {
	case r.Number < next: // there is one of this number already, or there can be none
		c.report.faultf("there is a record %d too many", r.Number)
		return
	case r.Number > next:
		c.report.faultf("%s, so record %d cannot be checked", missing(next, r.Number-1), r.Number)
	case r.Hash != r.hashAfter(c.head.Hash):
		c.report.faultf("record %d does not follow from the one before it: it was altered, or that one was", r.Number)
	}
	c.head = Head{r.Number, r.Hash}
	if _, wanted := c.met[r.Number]; wanted {
		c.met[r.Number] = r.Hash
	}
	c.follow(r)
}

// missing tells which records are.
func missing(from, to int64) string {
	if from == to {
		return fmt.Sprintf("record %d is missing", from)
	}
	return fmt.Sprintf("records %d to %d are missing", from, to)
}

// follow notes what the record makes of its entry, which has to be as the last
// record about it left it: or else something happened to it in between.
func (c *chain) follow(r row) {
	id, err := r.identity()
	if err != nil || !r.readable() {
		c.report.faultf("record %d cannot be read", r.Number)
	}
	if err != nil {
		return
	}
	last, known := c.entries[id]
	if known != (r.Before != nil) || known && !agree(last.text, *r.Before) {
		c.report.faultf("record %d finds %s otherwise than the records before it left it: a change went past the history", r.Number, id)
	}
	if r.After == nil {
		delete(c.entries, id)
		return
	}
	c.entries[id] = entry{*r.After, r.Number}
}

// compare holds a row of a table against what the records led to.
func (c *chain) compare(kind, text string) {
	id, err := identify(kind, &text)
	if err != nil {
		c.report.faultf("a row of issuer.%ss cannot be read", kind)
		return
	}
	if _, err := readImage(&text); err != nil {
		c.report.faultf("%s cannot be read", id)
	}
	last, known := c.entries[id]
	switch {
	case !known:
		c.report.faultf("%s is in the table, and no record says so: a change went past the history", id)
	case !agree(last.text, text):
		c.report.faultf("%s says something else in the table than in record %d: a change went past the history", id, last.number)
	}
	delete(c.entries, id)
}

// compareRest reports what compare was not asked about: the tables lack it.
func (c *chain) compareRest() {
	var lost []string
	for id, last := range c.entries {
		lost = append(lost, fmt.Sprintf("%s is not in the table, although record %d left it there: a change went past the history", id, last.number))
	}
	slices.SortFunc(lost, cmp.Compare)
	for _, sentence := range lost {
		c.report.faultf("%s", sentence)
	}
}

func (c *chain) holdAgainstAnchors() {
	for _, a := range c.anchors {
		switch hash := c.met[a.Number]; {
		case a.Number > c.head.Number:
			c.report.faultf("the history ends with record %d, and you have noted record %d", c.head.Number, a.Number)
		case hash != a.Hash:
			c.report.faultf("record %d is not the one you have noted: the history was written anew", a.Number)
		}
	}
}

// agree tells whether two images of a row say the same. A newer one may have
// columns that the older one did not know.
func agree(older, newer string) bool {
	if older == newer {
		return true
	}
	var a, b map[string]jsontext.Value
	if json.Unmarshal([]byte(older), &a) != nil || json.Unmarshal([]byte(newer), &b) != nil {
		return false
	}
	for column, value := range a {
		if string(b[column]) != string(value) {
			return false
		}
	}
	return true
}
