package bench

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/procfs"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/proctest"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// starts are how often the program is started to time that. The first one finds no keys and makes them.
const starts = 9

// BenchmarkFootprint starts the program a few times, each time for one token, and shows the last one as many callers as it
// remembers, each once. It prints how long it takes from the start of the process to the first token, and what memory the process
// takes before and after.
func BenchmarkFootprint(b *testing.B) {
	callers := 100_000
	if text := os.Getenv("BENCH_CALLERS"); text != "" {
		if _, err := fmt.Sscanf(text, "%d", &callers); err != nil || callers < 1 {
			b.Fatalf("BENCH_CALLERS is %q; it wants a number of 1 or more", text)
		}
	}
	w := newWorld(b)
	first := w.exchangeOf("/oauth2/token", w.tokens(1, 8)[0])
	proctest.Issuer(b) // built before the time is taken
	p, making := w.start(first)
	took := []time.Duration{making}
	for len(took) < starts {
		w.stop(p)
		var once time.Duration
		p, once = w.start(first)
		took = append(took, once)
	}
	slices.Sort(took)
	idle := resident(b, p)
	w.showAll(strings.TrimPrefix(p.Base, "http://"), callers)
	full := resident(b, p)
	fmt.Printf("\nfrom start to first token: %d ms, median of %d from %d to %d ms; the first, which makes keys: %d ms\n",
		took[starts/2].Milliseconds(), starts, took[0].Milliseconds(), took[starts-1].Milliseconds(), making.Milliseconds())
	fmt.Printf("idle: %s\nafter %d callers: %s\n", idle, callers, full)
}

// start starts the program, has it answer first with a token, and returns how long that took.
func (w *world) start(first []byte) (*proctest.Program, time.Duration) {
	w.Helper()
	began := time.Now()
	p := proctest.Serve(w, append(append([]string{}, w.settings...), "ISSUER_ENTRA_TOKEN_CACHE=10000", "ISSUER_TOKEN_CACHE=10000")) // as by default
	p.Stderr.Enough()
	c := dial(w.B, strings.TrimPrefix(p.Base, "http://"))
	defer c.conn.Close()
	for status := 0; status != http.StatusOK; {
		var err error
		if status, err = c.send(first); err != nil {
			w.Fatal(err)
		}
	}
	return p, time.Since(began)
}

func (w *world) stop(p *proctest.Program) {
	w.Helper()
	if err := p.Cmd.Process.Kill(); err != nil {
		w.Fatal(err)
	}
	<-p.Exited
}

// showAll has so many people, each in the group that the directory gives a role and in seven others, exchange a token each.
func (w *world) showAll(address string, callers int) {
	w.Helper()
	var next atomic.Int64
	var running sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		c := dial(w.B, address)
		running.Go(func() {
			defer c.conn.Close()
			for {
				n := int(next.Add(1)) - 1
				if n >= callers {
					return
				}
				claims := w.tenant.Claims("editor")
				claims["oid"] = fmt.Sprintf("22222222-0000-4000-8000-%012x", n)
				groups := []string{faketenant.GroupOne}
				for g := range 7 {
					groups = append(groups, fmt.Sprintf("33333333-0000-4000-8000-%06x%06x", n, g))
				}
				claims["groups"] = groups
				if err := c.ask(w.exchangeOf("/oauth2/token", w.tenant.Sign(claims))); err != nil {
					w.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
}

// memory is what a process takes, in bytes: of its own, and pages of its file that others could share.
type memory struct{ own, file uint64 }

func (m memory) String() string {
	return fmt.Sprintf("%d MiB resident, %d of its own and %d of its file", (m.own+m.file)>>20, m.own>>20, m.file>>20)
}

func resident(b *testing.B, p *proctest.Program) memory {
	b.Helper()
	process, err := procfs.NewProc(p.Cmd.Process.Pid)
	if err != nil {
		b.Fatal(err)
	}
	status, err := process.NewStatus()
	if err != nil {
		b.Fatal(err)
	}
	return memory{status.RssAnon, status.RssFile}
}
