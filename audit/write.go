package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	batchSize    = 500
	gather       = 100 * time.Millisecond // how long the first record of a batch waits for others, where nobody waits for it
	lastTimeout  = 5 * time.Second        // of what is left when the service stops
	firstPause   = 250 * time.Millisecond
	longestPause = 10 * time.Second
	callersPause = time.Second // the longest while callers are turned away
)

// pace says how long the database is waited for, and how often counts are written.
type pace struct{ write, repeats time.Duration }

var usualPace = pace{write: 2 * time.Second, repeats: 5 * time.Second}

// Run writes what was taken in until ctx ends, and then what is left. It hands report each new trouble, and nil once that is
// over. It runs once.
func (j *Journal) Run(ctx context.Context, report func(error)) {
	repeats := time.NewTicker(j.pace.repeats)
	defer repeats.Stop()
	whole := context.WithoutCancel(ctx) // what is being written ends by itself: whether a statement that is cut short took effect, nobody knows
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-j.newcomer:
			j.gather(ctx)
			if j.Waiting() > 0 || j.isDown() {
				j.settle(ctx, j.tryThen(whole, j.writeWaiting), report)
			}
		case <-repeats.C:
			j.settle(ctx, j.tryThen(whole, j.writeRepeats), report)
		}
	}
	j.finish(whole, report)
}

// gather lets a batch grow, unless somebody waits for it.
func (j *Journal) gather(ctx context.Context) {
	if j.config.Required {
		return
	}
	pause(ctx, gather, nil)
}

// pause waits, at most until ctx ends or hurry says so.
func pause(ctx context.Context, wait time.Duration, hurry <-chan struct{}) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-hurry:
	case <-timer.C:
	}
}

// writeWaiting writes batch after batch until nothing is left or one fails, as all do once ctx has ended.
func (j *Journal) writeWaiting(ctx context.Context) error {
	for batch := j.take(); len(batch) > 0; batch = j.take() {
		if err := j.writeBatch(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

// writeBatch writes a batch and says so to whoever waits. Where Postgres finds fault with a row, each is written by itself,
// so that no other record is lost with it.
func (j *Journal) writeBatch(ctx context.Context, batch []waiting) error {
	err := j.write(ctx, batch)
	if faulty(err) && len(batch) > 1 {
		return errors.Join(err, j.writeEach(ctx, batch))
	}
	if !j.isOver(batch, err) {
		j.giveBack(batch, err)
	}
	return err
}

// writeEach writes records one by one, up to one that fails by no fault of its own: the others would wait as long in vain.
func (j *Journal) writeEach(ctx context.Context, batch []waiting) (err error) {
	for i := range batch {
		one := j.write(ctx, batch[i:i+1])
		err = errors.Join(err, one)
		if !j.isOver(batch[i:i+1], one) {
			j.giveBack(batch[i:], one)
			break
		}
	}
	return err
}

// isOver tells whether a batch is done with, since it was written or is at fault itself, and then tells those who wait for it.
func (j *Journal) isOver(batch []waiting, err error) bool {
	j.setTrouble(err) // first: whoever hears how it went may look
	tell, answer := j.config.Observer.Kept, error(nil)
	switch {
	case faulty(err):
		tell, answer = j.config.Observer.Lost, fmt.Errorf("%w: %w", ErrNotKept, err)
	case err != nil:
		return false
	}
	for _, w := range batch {
		w.answer(answer)
	}
	tell(len(batch))
	return true
}

func (w waiting) answer(err error) {
	if w.kept != nil {
		w.kept <- err // has room for it
	}
}

// faulty tells whether it is the data that Postgres refuses: it would do so again.
func faulty(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (strings.HasPrefix(refused.Code, "22") || strings.HasPrefix(refused.Code, "23"))
}

// tryThen does what is to be done. After a failure it first writes no record at all, which finds out whether one could be
// written, while nobody waits for it.
func (j *Journal) tryThen(ctx context.Context, do func(context.Context) error) error {
	if j.failures > 0 {
		if err := j.write(ctx, nil); err != nil {
			return err
		}
	}
	return do(ctx)
}

// take returns the next records. They are out of the queue: who calls it writes them or gives them back.
func (j *Journal) take() []waiting {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := min(len(j.waiting), batchSize)
	batch := j.waiting[:n:n]
	if j.waiting = j.waiting[n:]; len(j.waiting) == 0 {
		j.waiting = nil // its array holds what was written
	}
	for _, w := range batch {
		j.bytes -= w.size
	}
	return batch
}

// giveBack tells those who wait that their records were not kept, and puts the others back to the front.
func (j *Journal) giveBack(batch []waiting, err error) {
	var rest []waiting
	for _, w := range batch {
		if w.kept == nil {
			rest = append(rest, w)
			continue
		}
		w.answer(fmt.Errorf("%w: %w", ErrNotKept, err))
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.waiting = append(rest, j.waiting...)
	for _, w := range rest {
		j.bytes += w.size
	}
}

// insertSQL takes rows as a JSON array. A batch that was committed though its answer got lost comes again, and changes nothing.
const insertSQL = `INSERT INTO issuer.audit SELECT * FROM jsonb_populate_recordset(NULL::issuer.audit, $1) ON CONFLICT DO NOTHING`

// write writes records, and draws the conclusion for those who wait or come. With none it finds out whether it could.
func (j *Journal) write(ctx context.Context, batch []waiting) error {
	records := make([]Record, len(batch))
	for i, w := range batch {
		records[i] = w.record
	}
	err := j.insert(ctx, records)
	if err != nil {
		err = fmt.Errorf("write audit records: %w", err)
	}
	j.conclude(err, len(batch))
	return err
}

func (j *Journal) insert(ctx context.Context, records []Record) error {
	doc, err := json.Marshal(records)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, j.pace.write)
	defer cancel()
	_, err = j.pool.Exec(ctx, insertSQL, doc)
	return err
}

func (j *Journal) setTrouble(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.trouble = err
}

// settle notes how an attempt ended and reports what is new about that. After a failure it rests, longer each time, unless
// somebody comes who waits for an answer.
func (j *Journal) settle(ctx context.Context, err error, report func(error)) {
	j.setTrouble(err)
	switch {
	case err == nil:
		if j.failures > 0 {
			report(nil)
		}
		j.failures = 0
		return
	case j.failures == 0:
		report(err)
	}
	j.failures++
	longest, hurry := longestPause, chan struct{}(nil)
	if j.config.Required {
		longest = callersPause
		if !j.isDown() { // else nobody waits
			hurry = j.newcomer
		}
	}
	pause(ctx, min(firstPause<<min(j.failures-1, 10), longest), hurry)
	j.wake()
}

// finish writes what is left, once.
func (j *Journal) finish(ctx context.Context, report func(error)) {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, lastTimeout)
	defer cancel()
	err := errors.Join(j.writeWaiting(ctx), j.writeRepeats(ctx))
	if err == nil {
		return
	}
	left := j.take()
	for ; len(left) > 0; left = j.take() {
		j.config.Observer.Lost(len(left))
	}
	report(fmt.Errorf("at the end: %w", err))
}
