package linewriter_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/linewriter"
)

// out keeps what is written, by writes, and whether one came during another.
type out struct {
	busy    atomic.Bool
	crossed atomic.Bool

	mu     sync.Mutex
	writes []string
	err    error
}

func (o *out) Write(p []byte) (int, error) {
	if !o.busy.CompareAndSwap(false, true) {
		o.crossed.Store(true)
	}
	defer o.busy.Store(false)
	for range 50 { // whoever may come, comes
		runtime.Gosched()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writes = append(o.writes, string(p))
	return len(p), o.err
}

func (o *out) want(t *testing.T, writes ...string) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if !slices.Equal(o.writes, writes) {
		t.Errorf("written: %q, want %q", o.writes, writes)
	}
}

func TestLinesThatComeTogetherAreWrittenTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &out{}
		w := linewriter.New(o)
		log := zerolog.New(w)
		log.Info().Msg("one")
		log.Info().Msg("two")
		o.want(t)
		time.Sleep(10 * time.Millisecond)
		both := `{"level":"info","message":"one"}` + "\n" + `{"level":"info","message":"two"}` + "\n"
		o.want(t, both)
		log.Info().Msg("three")
		time.Sleep(10 * time.Millisecond)
		o.want(t, both, `{"level":"info","message":"three"}`+"\n")
	})
}

// TestNoLineWaitsForLonger than the one that came first, nor for less because others were written.
func TestNoLineWaitsForLonger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := &out{}
		w := linewriter.New(o)
		start := time.Now()
		until := func(ms int) {
			time.Sleep(time.Until(start.Add(time.Duration(ms) * time.Millisecond)))
			synctest.Wait()
		}
		for _, line := range []struct {
			at   int
			text string
		}{{0, "one "}, {3, "two "}, {6, "three "}} {
			until(line.at)
			if n, err := w.Write([]byte(line.text)); n != len(line.text) || err != nil { // of no level, as text is
				t.Error(n, err)
			}
			if line.at == 3 {
				o.want(t)
				until(5)
				o.want(t, "one two ")
			}
		}
		until(10)
		o.want(t, "one two ")
		until(11)
		o.want(t, "one two ", "three ")
	})
}

func TestTroubleIsWrittenAtOnce(t *testing.T) {
	t.Parallel()
	for _, level := range []zerolog.Level{zerolog.WarnLevel, zerolog.ErrorLevel, zerolog.FatalLevel, zerolog.PanicLevel} {
		o := &out{}
		log := zerolog.New(linewriter.New(o))
		log.Info().Msg("before")
		log.WithLevel(level).Msg("trouble")
		o.want(t, `{"level":"info","message":"before"}`+"\n"+`{"level":"`+level.String()+`","message":"trouble"}`+"\n")
	}
}

func TestWhatWaitsIsBounded(t *testing.T) {
	t.Parallel()
	o := &out{}
	w := linewriter.New(o)
	line := strings.Repeat("x", 64<<10)
	if n, err := w.Write([]byte(line)); n != len(line) || err != nil {
		t.Error(n, err)
	}
	o.want(t, line)
}

func TestAFullDiskIsNoReasonToStop(t *testing.T) {
	t.Parallel()
	o := &out{err: errors.New("no space left on device")}
	w := linewriter.New(o)
	for range 2 {
		if n, err := w.WriteLevel(zerolog.ErrorLevel, []byte("trouble\n")); n != len("trouble\n") || err != nil {
			t.Error(n, err)
		}
	}
	o.want(t, "trouble\n", "trouble\n")
}

func TestLinesStayWholeAndInOrder(t *testing.T) {
	t.Parallel()
	const workers, each = 8, 2000
	o := &out{}
	w := linewriter.New(o)
	var running sync.WaitGroup
	for worker := range workers {
		running.Go(func() {
			for n := range each {
				level := zerolog.InfoLevel
				if n%100 == 0 {
					level = zerolog.WarnLevel
				}
				if _, err := w.WriteLevel(level, fmt.Appendf(nil, "%d %d\n", worker, n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	w.Flush()
	if o.crossed.Load() {
		t.Error("one write comes before another is over, and may overtake it")
	}
	next := map[int]int{}
	for line := range strings.Lines(strings.Join(o.writes, "")) {
		var worker, n int
		if _, err := fmt.Sscanf(line, "%d %d\n", &worker, &n); err != nil || n != next[worker] {
			t.Fatalf("%q: %v, want number %d", line, err, next[worker])
		}
		next[worker]++
	}
	if len(next) != workers || len(o.writes) >= workers*each/2 {
		t.Errorf("%d workers by %d writes", len(next), len(o.writes))
	}
	for worker, n := range next {
		if n != each {
			t.Errorf("worker %d has %d lines, want %d", worker, n, each)
		}
	}
}
