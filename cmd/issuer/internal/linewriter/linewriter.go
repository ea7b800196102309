// Package linewriter writes the log of a busy service: many lines by one system call, where each would cost one of its own.
// It knows nothing of what the lines say. Once lines were lost, since the disk was full, it adds one that says how many.
package linewriter

import (
	"bytes"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	wait = 5 * time.Millisecond // at most until a line is written, and what is lost when the process is killed
	most = 64 << 10             // bytes that wait; who brings more writes them
)

// Writer gathers lines for a few milliseconds. A warning or worse is written at once, with all that came before it. It is a
// zerolog.LevelWriter, and safe for concurrent use: lines come out whole, in the order in which they came in.
type Writer struct {
	out io.Writer

	writing sync.Mutex // held for each write to out, so that no lines overtake others; guards the next two
	torn    bool       // what out took last ends in the middle of a line
	lost    int        // lines that out did not take, and that nobody was told of

	mu    sync.Mutex // guards what follows; taken while writing is held, never the other way round
	lines []byte
	spare []byte // the room of the lines that were written last
	armed bool   // a timer will write
}

// New returns a writer to out, which stays the caller's to close, after a last Flush.
func New(out io.Writer) *Writer { return &Writer{out: out} }

// Write takes a line in. An error of out is nobody's who logs: it is never returned.
func (w *Writer) Write(line []byte) (int, error) { return w.WriteLevel(zerolog.NoLevel, line) }

// WriteLevel is Write for a line of that level.
func (w *Writer) WriteLevel(level zerolog.Level, line []byte) (int, error) {
	w.mu.Lock()
	w.lines = append(w.lines, line...)
	now := len(w.lines) >= most || level >= zerolog.WarnLevel && level <= zerolog.PanicLevel
	if !now && !w.armed {
		w.armed = true
		time.AfterFunc(wait, w.Flush)
	}
	w.mu.Unlock()
	if now {
		w.Flush()
	}
	return len(line), nil
}

// Flush writes all that has come in.
func (w *Writer) Flush() {
	w.writing.Lock()
	defer w.writing.Unlock()
	w.mu.Lock()
	lines := w.lines
	w.lines, w.spare, w.armed = w.spare[:0], nil, false
	w.mu.Unlock()
	if len(lines) > 0 {
		w.put(lines)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spare = lines[:0]
}

// put writes lines. After a write that failed it first ends the line that was cut short, and says how many were lost, which
// could be said nowhere else. The caller holds writing.
func (w *Writer) put(lines []byte) {
	var before []byte
	if w.torn {
		before = append(before, '\n')
	}
	if w.lost > 0 {
		before = append(before, note(w.lost)...)
	}
	all := lines
	if before != nil {
		all = slices.Concat(before, lines)
	}
	n, _ := w.out.Write(all)
	if n > 0 {
		w.torn = n < len(all) && all[n-1] != '\n'
	}
	if n >= len(before)-1 { // a line that lacks its end alone will have it
		w.lost = 0
	}
	w.lost += bytes.Count(bytes.TrimPrefix(all[max(n, len(before)):], newline), newline)
}

var newline = []byte{'\n'}

// note is a line of the log.
func note(lost int) []byte {
	var line bytes.Buffer
	log := zerolog.New(&line).With().Timestamp().Logger()
	log.Error().Int("lines", lost).Msg("lines of the log are lost: they could not be written")
	return line.Bytes()
}
