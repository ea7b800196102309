package api_test

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

func TestAFullQueueRefusesAtOnceAndDisturbsNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		began := time.Now()
		in := f.crowd("in-", places()+api.MostWaiting)
		for i, v := range in {
			if v.done.Load() || v.read.Load() {
				t.Fatalf("the request %d does not wait: %d %s", i, v.Code, v.Body)
			}
		}
		wantRefused(t, "one too many", f.exchange("out"), http.StatusServiceUnavailable)
		for _, path := range []string{"/.well-known/jwks.json", "/livez", "/.well-known/oauth-authorization-server"} {
			wantServed(t, path, f.ask("machine", http.MethodGet, path, ""))
		}
		gateway := f.ask("gateway", http.MethodGet, "/forward-auth", "")
		if took := time.Since(began); took != 0 {
			t.Errorf("that took %s", took)
		}
		if line := f.log.String(); strings.Count(line, `"overloaded"`) != 1 || !strings.Contains(line, `"level":"info"`) || strings.Contains(line, `"level":"warn"`) {
			t.Errorf("the log says %s", line)
		}
		close(f.turn)
		synctest.Wait()
		wantServed(t, "who waited", in...)
		wantServed(t, "the gateway", gateway)
		wantServed(t, "who comes then", f.exchange("later"))
	})
}

func TestEachDoorRefusesInItsOwnWay(t *testing.T) {
	t.Parallel()
	for _, door := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, "/hasura/webhook", http.StatusUnauthorized},
		{http.MethodPost, "/hasura/webhook", http.StatusUnauthorized},
		{http.MethodPut, "/forward-auth", http.StatusServiceUnavailable},
		{http.MethodPost, "/v1/authenticate", http.StatusServiceUnavailable},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFront(t)
			for range places() + api.MostWaiting {
				f.start("in", door.method, door.path, "")
			}
			synctest.Wait()
			wantRefused(t, door.path, f.ask("out", door.method, door.path, ""), door.status)
			close(f.turn)
		})
	}
}

// TestOneIsRefusedForEveryFewThatBegin so that refusals leave time for those.
func TestOneIsRefusedForEveryFewThatBegin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		in := f.crowd("in-", places()+2*api.FewWaiting)
		time.Sleep(api.Patience + 1)
		in = append(in, f.exchange("nobody has begun yet"))
		f.begin(1)
		wantRefused(t, "the first", f.exchange("out"), http.StatusServiceUnavailable)
		f.begin(api.AdmittedEach - 1)
		in = append(in, f.exchange("the first is not paid for yet"))
		f.begin(1)
		wantRefused(t, "after enough", f.exchange("out"), http.StatusServiceUnavailable)
		in = append(in, f.exchange("this one is not paid for"))
		f.begin(2 * api.AdmittedEach)
		for range 2 {
			wantRefused(t, "after twice as many", f.exchange("out"), http.StatusServiceUnavailable)
		}
		in = append(in, f.exchange("nor is this one"))
		f.begin(len(in) - len(f.order))
		wantServed(t, "who waits", in...)
	})
}

func TestNoMoreThanSoManyAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		const more = 3 // than are saved
		in := f.crowd("in-", places()+2*api.FewWaiting+(api.MostSaved+more)*api.AdmittedEach)
		time.Sleep(api.Patience + 1)
		f.begin((api.MostSaved + more) * api.AdmittedEach)
		for range api.MostSaved {
			wantRefused(t, "what was saved for", f.exchange("out"), http.StatusServiceUnavailable)
		}
		in = append(in, f.exchange("this one is not paid for"))
		f.begin(len(in) - len(f.order))
		wantServed(t, "who waits", in...)
	})
}

func TestOnceFewWaitNobodyIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		in := f.crowd("in-", places()+api.FewWaiting+2*api.AdmittedEach)
		time.Sleep(api.Patience + 1)
		f.begin(2 * api.AdmittedEach) // which pays for refusals, but now few wait
		in = append(in, f.exchange("then"))
		f.begin(len(in) - len(f.order))
		wantServed(t, "who waits", in...)
	})
}

func TestWhatWasSavedInOneFloodIsNotForTheNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		in := f.crowd("in-", places()+2*api.FewWaiting)
		time.Sleep(api.Patience + 1)
		f.begin(len(in))
		in = f.crowd("again-", places()+2*api.FewWaiting)
		time.Sleep(api.Patience + 1)
		in = append(in, f.exchange("nobody has begun yet"))
		close(f.turn)
		synctest.Wait()
		wantServed(t, "who waits", in...)
	})
}

func TestWhoCameFirstBeginsFirst(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		waiting int
		since   time.Duration
	}{
		"in a burst":                      {4 * api.FewWaiting, api.Patience},
		"where few have waited for long":  {api.FewWaiting, time.Second},
		"where one has waited very long":  {1, 5 * time.Second},
		"where nobody has waited at all":  {3, 0},
		"in a queue of the greatest size": {api.MostWaiting, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFront(t)
				visits := f.crowd("", places()+c.waiting)
				time.Sleep(c.since)
				f.begin(len(visits))
				wantServed(t, "visit", visits...)
				for i, id := range f.order {
					if id != strconv.Itoa(i) {
						t.Fatalf("%s was served at %d", id, i)
					}
				}
			})
		})
	}
}

func TestWhoHangsUpLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		for range 200 {
			holds := f.crowd("holds-", places())
			gone, stays := f.exchange("gone"), f.exchange("stays")
			gone.leave()
			if len(f.order)%2 == 0 { // who hangs up may be called at that very moment
				synctest.Wait()
				wantRefused(t, "who is gone", gone, http.StatusServiceUnavailable)
			}
			for range holds {
				f.turn <- struct{}{}
			}
			for synctest.Wait(); f.ready.Load() > 0; synctest.Wait() {
				f.turn <- struct{}{}
			}
			wantServed(t, "who holds", holds...)
			wantServed(t, "who stays", stays)
			if !gone.done.Load() {
				t.Fatal("who is gone still waits")
			}
		}
		f.crowd("after-", places()+1)
		if got := int(f.ready.Load()); got != places() {
			t.Errorf("%d begin at once, want %d", got, places())
		}
		close(f.turn)
	})
}

func TestADeadlineEndsTheWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFront(t)
		f.crowd("holds-", places())
		v := f.exchange("waits")
		time.Sleep(9 * time.Second)
		synctest.Wait()
		wantRefused(t, "who waits", v, http.StatusServiceUnavailable)
		close(f.turn)
	})
}

// TestThoseWhoComeTogetherAreAllServed is about the scheduler, of which no bubble can tell.
func TestThoseWhoComeTogetherAreAllServed(t *testing.T) {
	t.Parallel()
	s := start(t)
	var asking sync.WaitGroup
	for range api.FewWaiting {
		asking.Go(func() {
			if got := s.exchange(form()); got.StatusCode != http.StatusOK {
				t.Errorf("%d %s", got.StatusCode, got.body)
			}
		})
	}
	asking.Wait()
}
