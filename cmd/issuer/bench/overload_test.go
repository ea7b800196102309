package bench

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

const (
	excess    = 3    // times what the program can do
	crowd     = 1000 // connections of those who ask so much
	calmShare = 0.5  // of what it can do, before and after
)

// BenchmarkOverload asks the program for three times what it can do, by tokens that it sees for the first time, and says what
// becomes of whom, and how soon all is well again. The program has one processor and the client the others, so that who asks
// takes little from who answers; on a machine that does other things as well, only the processor time says something.
func BenchmarkOverload(b *testing.B) {
	o := optionsFrom(b)
	w := newWorld(b)
	p := w.serve("GOMAXPROCS=1")
	t := &target{pid: p.Cmd.Process.Pid, address: strings.TrimPrefix(p.Base, "http://")}
	for _, token := range w.tokens(firstSight, 8) {
		t.requests = append(t.requests, w.exchangeOf("/oauth2/token", token))
	}
	t.closed(b, busy, o.span)
	for _, anew := range []bool{false, true} {
		t.anew = anew
		fmt.Printf("\nover %s\n", map[bool]string{false: "connections that are kept", true: "a new connection for each request"}[anew])
		t.overload(b, o)
	}
}

func (t *target) overload(b *testing.B, o options) {
	b.Helper()
	span := time.Duration(o.rounds) * o.span
	best := t.closed(b, busy, span)
	few, many := t.dial(b, busy), t.dial(b, crowd)
	calm := newWave(t.flood(b, few, calmShare*best.rate, 2*o.span))
	var after []reply
	var later sync.WaitGroup
	later.Go(func() {
		time.Sleep(span) // while some of the crowd still wait for their answers
		after = t.flood(b, few, calmShare*best.rate, 2*o.span)
	})
	before, end := t.cpu(b), time.Now().Add(span)
	replies := t.flood(b, many, excess*best.rate, span)
	wave, cpu, peak := newWave(replies), t.cpu(b)-before, t.peak(b)
	later.Wait()
	if b.Failed() {
		b.FailNow()
	}
	answered := float64(len(replies)) / span.Seconds() / best.rate
	granted := float64(grantedBefore(end, replies)) / span.Seconds() / best.rate // who still waits then is granted later
	each := cpu * 1e6 / float64(len(wave.granted)+grantedBefore(wave.until, after))
	fmt.Printf("best: %.0f req/s, each %.0f µs of the processor; at half of that p50 %.2f ms, p99 %.2f ms\n", best.rate, best.cpu, at(calm.granted, 0.5), at(calm.granted, 0.99))
	fmt.Printf("answered %.1f times as much: %.0f %% of the best granted, statuses %v\n", answered, 100*granted, wave.statuses)
	fmt.Printf("processor time for each that was granted, with the refusals: %.0f µs, so %.0f %% of the best\n", each, 100*best.cpu/each)
	fmt.Printf("granted in p50 %.1f ms, p99 %.1f ms; refused in p50 %.1f ms, p99 %.1f ms\n",
		at(wave.granted, 0.5), at(wave.granted, 0.99), at(wave.refused, 0.5), at(wave.refused, 0.99))
	fmt.Printf("at most %d MB in use; the median is what p99 was before after %d ms\n", peak>>20, recovery(after, at(calm.granted, 0.99)).Milliseconds())
}

// reply is what came of one request.
type reply struct {
	sent   time.Time
	took   time.Duration // from when it was sent
	status int
}

func (t *target) dial(b *testing.B, connections int) []*client {
	b.Helper()
	clients := make([]*client, connections)
	for i := range clients {
		clients[i] = dial(b, t.address)
		clients[i].anew = t.anew
		b.Cleanup(func() { clients[i].conn.Close() })
	}
	return clients
}

// flood sends at that rate for the span, as long as there is a connection that does not wait for an answer.
func (t *target) flood(b *testing.B, clients []*client, rate float64, span time.Duration) []reply {
	b.Helper()
	replies := make([][]reply, len(clients))
	began, gap := time.Now(), time.Duration(float64(time.Second)/rate)
	var due atomic.Int64
	var running sync.WaitGroup
	for i, client := range clients {
		running.Go(func() {
			for time.Since(began) < span {
				time.Sleep(time.Until(began.Add(time.Duration(due.Add(1)-1) * gap)))
				sent := time.Now()
				status, err := client.send(t.request())
				if err != nil {
					b.Errorf("%s: %v", t.address, err)
					return
				}
				replies[i] = append(replies[i], reply{sent, time.Since(sent), status})
			}
		})
	}
	running.Wait()
	return slices.Concat(replies...)
}

// wave is what came of many.
type wave struct {
	granted, refused []time.Duration // in order
	statuses         map[int]int
	until            time.Time // the last answer
}

func newWave(replies []reply) wave {
	w := wave{statuses: map[int]int{}}
	for _, r := range replies {
		w.statuses[r.status]++
		if r.status == http.StatusOK {
			w.granted = append(w.granted, r.took)
		} else {
			w.refused = append(w.refused, r.took)
		}
		if end := r.sent.Add(r.took); end.After(w.until) {
			w.until = end
		}
	}
	slices.Sort(w.granted)
	slices.Sort(w.refused)
	return w
}

// grantedBefore is how many were granted until that moment.
func grantedBefore(end time.Time, replies []reply) (count int) {
	for _, r := range replies {
		if r.status == http.StatusOK && r.sent.Add(r.took).Before(end) {
			count++
		}
	}
	return count
}

// recovery is how long it takes until the median of those sent within a tenth of a second is good, and stays so.
func recovery(replies []reply, good float64) time.Duration {
	slices.SortFunc(replies, func(a, b reply) int { return a.sent.Compare(b.sent) })
	const window = 100 * time.Millisecond
	var well time.Duration
	began := replies[0].sent
	for from := 0; from < len(replies); {
		end := began.Add(replies[from].sent.Sub(began).Truncate(window) + window)
		var took []time.Duration
		for ; from < len(replies) && replies[from].sent.Before(end); from++ {
			if replies[from].status != http.StatusOK {
				replies[from].took = time.Hour // to be refused is never well
			}
			took = append(took, replies[from].took)
		}
		slices.Sort(took)
		if at(took, 0.5) > good {
			well = end.Sub(began)
		}
	}
	return well
}

// peak is the most memory that the server ever had in use, in bytes.
func (t *target) peak(b *testing.B) uint64 {
	b.Helper()
	process, err := procfs.NewProc(t.pid)
	if err != nil {
		b.Fatal(err)
	}
	status, err := process.NewStatus()
	if err != nil {
		b.Fatal(err)
	}
	return status.VmHWM
}
