package weather

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/proctest"
)

// pace is between two questions of one caller.
const pace = 400 * time.Millisecond

// load is all callers asking at all doors of some replicas, all the time, and somebody who looks at the key set and at
// /readyz. Every answer is judged.
type load struct {
	*world
	replicas []*replica
	asking   sync.WaitGroup
	cancel   context.CancelFunc

	mu      sync.Mutex
	may     []string       // reasons that may be given now
	seen    map[string]int // answers by reason, and by caller
	slowest time.Duration  // of all answers
	faults  int
	leaving bool // the replica was told to stop: it need not be ready
}

// load starts the load on the replicas. The test stops it at its end.
func (w *world) load(replicas ...*replica) *load {
	w.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.Context()))
	l := &load{world: w, replicas: replicas, cancel: cancel, seen: map[string]int{}}
	for i := range w.callers {
		l.asking.Go(func() { l.every(ctx, func(n int) { l.turn(w.callers[i], n) }) })
	}
	l.asking.Go(func() { l.every(ctx, l.look) })
	w.Cleanup(l.stop)
	return l
}

// stop ends the load when every answer has come.
func (l *load) stop() {
	l.cancel()
	l.asking.Wait()
}

func (l *load) every(ctx context.Context, do func(n int)) {
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		do(n)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// turn asks for one caller at one door of one replica. What may be said is what may at its beginning or at its end.
func (l *load) turn(c caller, n int) {
	before := l.allowed()
	at := door(n/len(l.replicas)) % doors
	began := time.Now()
	a, err := l.ask(context.WithoutCancel(l.Context()), at, l.replicas[n%len(l.replicas)].Base, c.token)
	may := append(before, l.allowed()...)
	l.mu.Lock()
	l.seen[c.name]++
	l.slowest = max(l.slowest, time.Since(began))
	if !c.unseen { // who hears it in fair weather too
		l.seen[a.reason]++
	}
	l.mu.Unlock()
	if err != nil {
		l.fault("%s at %s: %v", c.name, at, err)
	} else if wrong := c.wrong(a, may); wrong != "" {
		l.fault("%s at %s: %d %s: %s", c.name, at, a.status, a.reason, wrong)
	}
}

// look holds the key set and /readyz to be there in every weather.
func (l *load) look(n int) {
	for _, path := range []string{"/.well-known/jwks.json", "/readyz"} {
		status, _, err := l.get(context.WithoutCancel(l.Context()), l.replicas[n%len(l.replicas)].Base+path)
		if err == nil && status != http.StatusOK && !l.mayLeave(path) {
			err = errors.New(http.StatusText(status))
		}
		if err != nil {
			l.fault("%s: %v", path, err)
		}
	}
}

func (l *load) fault(format string, args ...any) {
	l.mu.Lock()
	l.faults++
	many := l.faults > 20
	l.mu.Unlock()
	if !many {
		l.Errorf(format, args...)
	}
}

// leave says that the replicas are about to stop.
func (l *load) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leaving = true
}

// mayLeave tells whether that path need not be 200, since the replicas were told to stop.
func (l *load) mayLeave(path string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.leaving && path == "/readyz"
}

// allow says which reasons may be given from now on.
func (l *load) allow(reasons ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.may = reasons
}

func (l *load) allowed() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.may)
}

// count is how often a reason was given, or a caller answered.
func (l *load) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen[what]
}

// lap returns when every caller was answered once more, having asked after this began.
func (l *load) lap() {
	l.Helper()
	before := map[string]int{}
	for _, c := range l.callers {
		before[c.name] = l.count(c.name)
	}
	proctest.Await(l, "every caller is answered", func() bool {
		return !slices.ContainsFunc(l.callers, func(c caller) bool { return l.count(c.name) < before[c.name]+2 })
	})
}
