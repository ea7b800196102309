package rolestore

import (
	"errors"
	"fmt"
	"strings"
)

// ErrRefused means that what is wanted breaks the rules. The text of the error
// says what is wrong, one line each, and repeats none of the values.
var ErrRefused = errors.New("this is not as it should be")

// fault is a flaw and where it is.
type fault struct {
	line  int // in the file; 0 where there is no file
	list  string
	index int // in the list, from 0; meaningless without a list
	// repeats is the index of the entry that this one repeats, or nil.
	repeats *int
	flaw
}

func (f fault) String() string {
	var b strings.Builder
	if f.line > 0 {
		fmt.Fprintf(&b, "line %d: ", f.line)
	}
	if f.list != "" {
		fmt.Fprintf(&b, "%s[%d]", f.list, f.index)
	}
	if f.list != "" && f.member != "" {
		b.WriteByte('.')
	}
	b.WriteString(f.member)
	if f.list != "" || f.member != "" {
		b.WriteString(": ")
	}
	b.WriteString(f.text)
	return b.String()
}

// faults are all that is wrong with a document, as one error.
type faults []fault

// maxShown bounds the text, for files that are wrong as a whole.
const maxShown = 100

// Error returns one line for each fault.
func (f faults) Error() string {
	lines := make([]string, 0, min(len(f), maxShown)+1)
	for _, one := range f[:min(len(f), maxShown)] {
		lines = append(lines, one.String())
	}
	if len(f) > maxShown {
		lines = append(lines, fmt.Sprintf("and %d more faults", len(f)-maxShown))
	}
	return strings.Join(lines, "\n")
}

// Is makes every list of faults an ErrRefused.
func (f faults) Is(target error) bool { return target == ErrRefused }
