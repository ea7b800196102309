package api_test

import (
	"context"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

// places is how many begin at once.
func places() int { return api.PlacesEach * runtime.GOMAXPROCS(0) }

// front is an API whose requests begin when the test says so. It lives in a bubble.
type front struct {
	t       *testing.T
	api     *api.API
	handler http.Handler
	turn    chan struct{} // takes one for each that begins; closed: all do
	ready   atomic.Int32  // those that have a place
	log     strings.Builder

	mu     sync.Mutex
	order  []string // who was served, by their request ids
	counts map[api.Outcome]int
	room   int // how many of one origin may wait
}

func newFront(t *testing.T) *front {
	t.Helper()
	f := &front{t: t, turn: make(chan struct{}), counts: map[api.Outcome]int{}, room: math.MaxInt}
	config := api.Config{Meter: f, URL: "https://auth.example.com", Logger: zerolog.New(zerolog.SyncWriter(&f.log)), Chooser: anyRole{}}
	api.Yield(&config, func() {
		f.ready.Add(1)
		<-f.turn
		f.ready.Add(-1)
	})
	f.api = api.New(config, f, &keySet{})
	f.handler = f.api.Handler()
	return f
}

func (f *front) Exchanged(_ context.Context, outcome api.Outcome, _ time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counts[outcome]++
}

func (f *front) KeySetFetched(string) {}

type anyRole struct{}

func (anyRole) Choose(context.Context, []string, []byte) (string, error) { return "reader", nil }

func (f *front) Exchange(_ context.Context, r issuer.Request) (issuer.Decision, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.order = append(f.order, r.RequestID)
	return decision, nil
}

// shut is an origin that is refused, and the name of requests from there.
const shut = "192.0.2.66"

func (f *front) Shuts(_ context.Context, origin string, ahead int) error {
	if origin == shut || ahead >= f.room {
		return &issuer.Error{Reason: issuer.ReasonRateLimited, RetryAfter: time.Minute, Err: errBroken}
	}
	return nil
}

func (f *front) Decide(ctx context.Context, r issuer.Request) (issuer.Decision, error) {
	return f.Exchange(ctx, r)
}

// visit is one request and what becomes of it.
type visit struct {
	*httptest.ResponseRecorder
	read, done atomic.Bool
	leave      context.CancelFunc
	body       io.Reader
}

func (v *visit) Read(p []byte) (int, error) {
	v.read.Store(true)
	return v.body.Read(p)
}

// ask sends a request and returns once it waits, or has its answer.
func (f *front) ask(name, method, path, body string) *visit {
	f.t.Helper()
	v := f.start(name, method, path, body)
	synctest.Wait()
	return v
}

func (f *front) start(name, method, path, body string) *visit {
	ctx, leave := context.WithCancel(f.t.Context())
	v := &visit{ResponseRecorder: httptest.NewRecorder(), leave: leave, body: strings.NewReader(body)}
	r := httptest.NewRequestWithContext(ctx, method, path, v)
	r.Header.Set("X-Request-Id", name)
	if name == shut {
		r.RemoteAddr = shut + ":40000"
	}
	r.Header.Set("Authorization", "Bearer "+secret)
	r.Header.Set("Content-Type", formType)
	go func() {
		defer leave()
		f.handler.ServeHTTP(v, r)
		v.done.Store(true)
	}()
	return v
}

func (f *front) exchange(name string) *visit {
	f.t.Helper()
	return f.ask(name, http.MethodPost, "/oauth2/token", form().Encode())
}

// crowd sends that many, one after the other, by names that begin so.
func (f *front) crowd(name string, count int) []*visit {
	f.t.Helper()
	visits := make([]*visit, count)
	for i := range visits {
		visits[i] = f.exchange(name + strconv.Itoa(i))
	}
	return visits
}

// begin lets so many begin, each when its turn comes, and be served.
func (f *front) begin(count int) {
	for range count {
		f.turn <- struct{}{}
		synctest.Wait()
	}
}

// wantRefused holds that a visit ended, before its body was read.
func wantRefused(t *testing.T, what string, v *visit, status int) {
	t.Helper()
	retry := ""
	if status == http.StatusServiceUnavailable {
		retry = "1"
	}
	if !v.done.Load() || v.Code != status || v.Header().Get("Retry-After") != retry || !strings.Contains(v.Body.String(), `"overloaded"`) {
		t.Errorf("%s: ended %v with %d, Retry-After %q: %s", what, v.done.Load(), v.Code, v.Header().Get("Retry-After"), v.Body)
	}
	if v.read.Load() {
		t.Errorf("%s: the body was read", what)
	}
}

func wantServed(t *testing.T, what string, visits ...*visit) {
	t.Helper()
	for i, v := range visits {
		if !v.done.Load() || v.Code != http.StatusOK {
			t.Fatalf("%s, %d: ended %v with %d: %s", what, i, v.done.Load(), v.Code, v.Body)
		}
	}
}
