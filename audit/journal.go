package audit

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// maxWaiting usually bounds the records in memory: a minute of a busy replica.
	maxWaiting = 20_000
	// maxBytes bounds them, too: most records take 1 KiB, but what a caller asks for may be long.
	maxBytes = 48 << 20
	// maxRepeated bounds the records whose count has grown since it was last written.
	maxRepeated = 100_000
)

// ErrNotKept is returned by Keep where a record had to be kept and was not: nothing may be handed out.
var ErrNotKept = errors.New("the audit record could not be kept")

// Observer is told what becomes of records. It is called concurrently, and must be quick.
type Observer interface {
	Kept(n int) // that many are committed
	Lost(n int) // that many are not, and never will be
}

// Config says how a journal is kept.
type Config struct {
	Required bool // Keep waits until a record of something handed out is committed
	Replica  string
	Observer Observer         // nil: nobody
	Room     int              // for so many records in memory; 0: 20,000
	Now      func() time.Time // nil: time.Now
}

// Journal writes records to Postgres, many at once. It is safe for concurrent use. Nothing is written before Run.
type Journal struct {
	pool     *pgxpool.Pool
	config   Config
	newcomer chan struct{} // has one element when there is something to write

	mu       sync.Mutex // guards what follows
	waiting  []waiting  // in the order they came
	bytes    int        // that these take
	repeated map[Ref]repeat
	trouble  error // why the last attempt failed; nil: it did not
	gate     gate
	closed   bool // Run has ended, or is about to

	// Run's own.
	failures int  // attempts that failed since the last one that did not
	doubt    *sum // a count of which nobody knows yet whether it was added
	pace     pace
}

// waiting is a record that is not written yet.
type waiting struct {
	record Record
	size   int
	kept   chan error // nil: nobody waits
}

// repeat is how often an answer was given again since that was last written.
type repeat struct {
	times int64
	last  time.Time
}

// New returns a journal in the table issuer.audit of the pool's database, which stays the caller's to close. It does not connect.
func New(pool *pgxpool.Pool, config Config) *Journal {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Room == 0 {
		config.Room = maxWaiting
	}
	if config.Observer == nil {
		config.Observer = nobody{}
	}
	return &Journal{pool: pool, config: config, newcomer: make(chan struct{}, 1), repeated: map[Ref]repeat{}, pace: usualPace}
}

type nobody struct{}

func (nobody) Kept(int) {}
func (nobody) Lost(int) {}

// Keep takes a record, fills in its id, time and replica, and returns by which name Again finds it.
//
// Where records are required and this is one of something that will be handed out, it returns once the record is committed, and
// with ErrNotKept where that failed or ctx ended first. A record that fails so may be in the table all the same, and stand
// for something that nobody got. It waits for the writes before its own and for its own, each of which is given up after 2 s; where one
// fails, all who wait are told with it, and others at once, without a try, until Run finds that Postgres answers again.
//
// In all other cases it returns at once: the record is written within the second, or lost and counted where there are too
// many, and the error is nil. The Ref is zero where there will be no record: nothing can be added to it.
func (j *Journal) Keep(ctx context.Context, r Record) (Ref, error) {
	ref := newRef(j.config.Now())
	r = r.clean()
	r.ID, r.At, r.Replica = ref.ID, ref.At, j.config.Replica
	w := waiting{record: r, size: r.size()}
	if j.config.Required && r.Outcome == Granted {
		w.kept = make(chan error, 1)
	}
	if err := j.admit(w); err != nil {
		return j.turnedDown(w, err)
	}
	j.wake()
	if w.kept == nil {
		return ref, nil
	}
	select {
	case err := <-w.kept:
		return ref, err
	case <-ctx.Done():
		return ref, fmt.Errorf("%w: %w", ErrNotKept, context.Cause(ctx))
	}
}

// turnedDown is Keep's answer for a record that was not taken in. The error is for who waits alone.
func (j *Journal) turnedDown(w waiting, why error) (Ref, error) {
	if w.kept != nil {
		return Ref{}, fmt.Errorf("%w: %w", ErrNotKept, why)
	}
	j.config.Observer.Lost(1)
	return Ref{}, nil
}

func (j *Journal) admit(w waiting) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed || len(j.waiting) >= j.config.Room || j.bytes+w.size > maxBytes {
		return errors.New("too many wait already, or the service is about to stop")
	}
	if w.kept != nil {
		if err := j.gate.enter(); err != nil {
			return err
		}
	}
	j.waiting = append(j.waiting, w)
	j.bytes += w.size
	return nil
}

// Again counts one more answer that said the same as the record of that name. The count is written within seconds. What is
// counted when the process is killed is lost; the record itself is not. Where there is no such record, the answer is lost and counted.
func (j *Journal) Again(ref Ref) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r, known := j.repeated[ref]
	if !known && len(j.repeated) >= maxRepeated {
		j.config.Observer.Lost(1)
		return
	}
	j.repeated[ref] = repeat{r.times + 1, j.config.Now()}
}

// Waiting returns how many records are not written yet.
func (j *Journal) Waiting() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.waiting)
}

// Health returns nil unless the last attempt to write failed. It looks only into memory.
func (j *Journal) Health() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.trouble
}

func (j *Journal) wake() {
	select {
	case j.newcomer <- struct{}{}:
	default:
	}
}
