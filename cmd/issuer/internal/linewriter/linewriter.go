// Package linewriter writes the log of a busy service: many lines by one system call, where each would cost one of its own.
// It knows nothing of what the lines say.
package linewriter

import (
	"io"
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

	writing sync.Mutex // held for each write to out, so that no lines overtake others

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
		_, _ = w.out.Write(lines) // there is nowhere to say that a log cannot be written
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spare = lines[:0]
}
