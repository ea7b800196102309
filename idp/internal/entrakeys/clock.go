package entrakeys

import (
	"net/http"
	"time"
)

// Offset is how far our clock is ahead of a publisher's, as one of its answers shows. The zero value means unknown.
type Offset struct {
	Ahead  time.Duration // ours minus theirs; negative: ours is behind
	Within time.Duration // how far off that may be, never zero once measured
	At     time.Time     // by our clock
}

// measure reads the Date of an answer (RFC 9110 section 6.6.1). It counts whole seconds and was written somewhere between
// our asking and the answer's arrival; in the middle of both lies the best guess. An answer out of a cache says when it
// was stored (Age, RFC 9111 section 5.1), so it is of no use.
func measure(asked, answered time.Time, header http.Header) (Offset, bool) {
	date, err := http.ParseTime(header.Get("Date"))
	took := answered.Sub(asked)
	if age := header.Get("Age"); err != nil || took < 0 || (age != "" && age != "0") {
		return Offset{}, false
	}
	const half = time.Second / 2 // of the second that Date names
	return Offset{
		Ahead:  asked.Add(took / 2).Sub(date.Add(half)),
		Within: took/2 + half,
		At:     answered,
	}, true
}
