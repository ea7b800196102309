package linewriter_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/linewriter"
)

// disk takes so many bytes, and then no more until somebody makes room.
type disk struct {
	strings.Builder
	room int
}

func (d *disk) Write(p []byte) (int, error) {
	n := min(len(p), d.room)
	d.room -= n
	d.Builder.Write(p[:n])
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

// TestAFullDiskSpoilsNoLineThatComesLater, wherever it cuts one short. Each line is there, or among those that are said to be lost.
func TestAFullDiskSpoilsNoLineThatComesLater(t *testing.T) {
	t.Parallel()
	const line, note = 30, 150 // bytes that a line has, and more than one has that says what is lost
	for _, first := range []int{0, 1, line - 1, line, line + 1, 2*line - 1, 2 * line} {
		for second := range note + 2*line {
			d := &disk{}
			w := linewriter.New(d)
			for n, room := range []int{first, second, 1 << 20, 1 << 20} {
				d.room = room
				_, _ = w.WriteLevel(zerolog.ErrorLevel, fmt.Appendf(nil, `{"level":"info","n":0,"of":%d}`+"\n"+`{"level":"info","n":1,"of":%d}`+"\n", n, n))
			}
			checkLog(t, fmt.Sprintf("room for %d bytes and then for %d", first, second), d.String())
		}
	}
}

// checkLog holds a log of eight lines, the last four of which found room, against what must be so.
func checkLog(t *testing.T, name, log string) {
	t.Helper()
	whole, lost, torn := 0, 0, 0
	for line := range strings.Lines(log) {
		var said struct {
			Of    *int
			Lines int
		}
		switch err := json.Unmarshal([]byte(line), &said); {
		case err != nil:
			torn++
		case said.Of != nil:
			whole++
		default:
			lost += said.Lines
		}
	}
	if whole+lost != 8 || torn > 2 || !strings.HasSuffix(log, `"n":0,"of":2}`+"\n"+`{"level":"info","n":1,"of":2}`+"\n"+
		`{"level":"info","n":0,"of":3}`+"\n"+`{"level":"info","n":1,"of":3}`+"\n") {
		t.Errorf("%s: %d lines are whole, %d said to be lost and %d cut short:\n%s", name, whole, lost, torn, log)
	}
}

func TestALogThatIsWrittenSaysNothingOfItself(t *testing.T) {
	t.Parallel()
	d := &disk{room: 1 << 20}
	w := linewriter.New(d)
	for range 3 {
		_, _ = w.Write([]byte("no end"))
		w.Flush()
	}
	if got := d.String(); got != "no endno endno end" {
		t.Errorf("got %q", got)
	}
}
