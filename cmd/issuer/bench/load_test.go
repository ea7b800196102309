package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/procfs"
)

// target is a server under load with the requests that it gets, one after the other and again from the start.
type target struct {
	pid      int
	address  string // host:port
	admin    string // the URL of its operators' listener; empty: it has none
	requests [][]byte
	next     atomic.Uint64
	group    []*target // instead of the server: several, which share the load
	anew     bool      // each request comes on a connection of its own
}

// of is the server that a connection goes to.
func (t *target) of(connection int) *target {
	if len(t.group) > 0 {
		return t.group[connection%len(t.group)]
	}
	return t
}

// figures are what one measurement came to.
type figures struct {
	requests       int
	cpu            float64 // microseconds of the server's processor time, user and system, per request
	rate           float64 // requests per second
	p50, p99, p999 float64 // milliseconds
}

// closed keeps that many connections busy for the span: each asks again once it is answered, and once at least.
func (t *target) closed(b *testing.B, connections int, span time.Duration) figures {
	b.Helper()
	return t.measure(b, connections, func(t *target, client *client, took *[]time.Duration) error {
		began := time.Now()
		for until := began.Add(span); ; {
			if err := client.ask(t.request()); err != nil {
				return err
			}
			now := time.Now()
			*took = append(*took, now.Sub(began))
			if began = now; !began.Before(until) {
				return nil
			}
		}
	})
}

// open sends at a steady rate for the span, whether or not what came before is answered. Time is counted from when a request
// was due, so that one that had to wait for a connection is not taken for a quick one.
func (t *target) open(b *testing.B, connections int, rate float64, span time.Duration) figures {
	b.Helper()
	began, gap := time.Now(), time.Duration(float64(time.Second)/rate)
	last := int64(span / gap)
	var due atomic.Int64
	return t.measure(b, connections, func(t *target, client *client, took *[]time.Duration) error {
		for {
			n := due.Add(1) - 1
			if n >= last {
				return nil
			}
			at := began.Add(time.Duration(n) * gap)
			time.Sleep(time.Until(at))
			if err := client.ask(t.request()); err != nil {
				return err
			}
			*took = append(*took, time.Since(at))
		}
	})
}

func (t *target) request() []byte { return t.requests[int(t.next.Add(1)-1)%len(t.requests)] }

// measure runs work on each of the connections and says what it cost.
func (t *target) measure(b *testing.B, connections int, work func(*target, *client, *[]time.Duration) error) figures {
	b.Helper()
	clients := make([]*client, connections)
	for i := range clients {
		clients[i] = dial(b, t.of(i).address)
		clients[i].anew = t.anew
	}
	took := make([][]time.Duration, connections)
	var running sync.WaitGroup
	before, began := t.cpu(b), time.Now()
	for i, client := range clients {
		running.Go(func() {
			if err := work(t.of(i), client, &took[i]); err != nil {
				b.Errorf("%s: %v", t.of(i).address, err)
			}
		})
	}
	running.Wait()
	seconds, cpu := time.Since(began).Seconds(), t.cpu(b)-before
	for _, client := range clients {
		client.conn.Close()
	}
	if b.Failed() {
		b.FailNow()
	}
	return summary(slices.Concat(took...), cpu, seconds)
}

func summary(took []time.Duration, cpu, seconds float64) figures {
	slices.Sort(took)
	n := float64(len(took))
	return figures{requests: len(took), cpu: cpu * 1e6 / n, rate: n / seconds, p50: at(took, 0.5), p99: at(took, 0.99), p999: at(took, 0.999)}
}

// at is the time that such a share of the answers did not exceed, in milliseconds; took is in order. Of none it is 0.
func at(took []time.Duration, share float64) float64 {
	if len(took) == 0 {
		return 0
	}
	return float64(took[max(0, int(math.Ceil(share*float64(len(took))))-1)]) / float64(time.Millisecond)
}

// cpu is the processor time that the server has used, in seconds; the kernel counts it in hundredths.
func (t *target) cpu(b *testing.B) float64 {
	b.Helper()
	if len(t.group) > 0 {
		var all float64
		for _, one := range t.group {
			all += one.cpu(b)
		}
		return all
	}
	process, err := procfs.NewProc(t.pid)
	if err != nil {
		b.Fatal("processor time is read from /proc, which is Linux's: ", err)
	}
	stat, err := process.Stat()
	if err != nil {
		b.Fatal(err)
	}
	return stat.CPUTime()
}

// client is one connection, which costs this side little: requests are ready, and answers are not kept.
type client struct {
	conn net.Conn
	in   *bufio.Reader
	anew bool // the connection is another one for each request
}

func dial(b *testing.B, address string) *client {
	b.Helper()
	conn, err := new(net.Dialer).DialContext(b.Context(), "tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	return &client{conn, bufio.NewReaderSize(conn, 32<<10), false}
}

// ask sends a request and wants 200.
func (c *client) ask(request []byte) error {
	status, err := c.send(request)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("answered with %d", status)
	}
	return err
}

func (c *client) send(request []byte) (status int, err error) {
	if c.anew {
		if err := c.again(); err != nil {
			return 0, err
		}
	}
	if _, err := c.conn.Write(request); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// again connects to the same server anew.
func (c *client) again() error {
	conn, err := net.DialTimeout("tcp", c.conn.RemoteAddr().String(), 10*time.Second)
	if err != nil {
		return err
	}
	c.conn.Close()
	c.conn = conn
	c.in.Reset(conn)
	return nil
}

// raw is a request as it goes over the wire.
func raw(b *testing.B, method, path string, header http.Header, body string) []byte {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, "http://bench.example"+path, bytes.NewReader([]byte(body)))
	if err != nil {
		b.Fatal(err)
	}
	r.Header = header
	r.Header.Set("User-Agent", "bench")
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		b.Fatal(err)
	}
	return wire.Bytes()
}
