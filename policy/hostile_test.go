package policy_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hasura-issuer/hasura-issuer/policy"
	"github.com/hasura-issuer/hasura-issuer/policy/policytest"
)

// leak is what a server says that no error may repeat.
const leak = "hunter2-maria@example.com"

// behind returns a Remote on a server that does this.
func behind(t *testing.T, handler http.HandlerFunc) *policy.Remote {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return policy.NewRemote(policy.RemoteConfig{URL: server.URL + path, Token: "opensesame", Timeout: time.Minute})
}

func body(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

func TestWhatIsNoAnswerIsNoDecision(t *testing.T) {
	t.Parallel()
	allowed := `{"result": true}`
	for name, handler := range map[string]http.HandlerFunc{
		"HTML":                      body("<html>" + leak + "</html>"),
		"nothing":                   body(""),
		"half of it":                body(`{"result": tr`),
		"more behind it":            body(allowed + `{"result": false}`),
		"a list":                    body(`[` + allowed + `]`),
		"a bare decision":           body(`true`),
		"null":                      body(`null`),
		"no result":                 body(`{"decision_id": "` + leak + `"}`),
		"a null for one":            body(`{"result": null}`),
		"two results":               body(`{"result": true, "result": true}`),
		"a result in other letters": body(`{"Result": true}`),
		"a member twice":            body(`{"result": {"allow": false, "allow": true}}`),
		"a variable twice":          body(`{"result": {"allow": true, "session": {"x-hasura-a": "` + leak + `", "x-hasura-a": "2"}}}`),
		"text that is none":         body("{\"result\": {\"allow\": true, \"reason\": \"\xff\"}}"),
		"an id that is none":        body(`{"result": true, "decision_id": 7}`),
		"an id that forges a line":  body(`{"result": true, "decision_id": "a\n` + leak + `"}`),
		"an id that is too long":    body(`{"result": true, "decision_id": "` + strings.Repeat(leak, 20) + `"}`),
		"too much":                  body(`{"result": true, "x": "` + strings.Repeat(leak, 4<<10) + `"}`),
		"no end": func(w http.ResponseWriter, _ *http.Request) {
			for err := error(nil); err == nil; {
				_, err = fmt.Fprint(w, leak)
			}
		},
		"an error of OPA's":        status(http.StatusInternalServerError, `{"code": "internal_error", "message": "`+leak+`"}`),
		"an error with an answer":  status(http.StatusForbidden, allowed),
		"another success":          status(http.StatusAccepted, allowed),
		"a connection that is cut": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"an answer that is cut short": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, allowed)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := behind(t, handler)
			v, err := r.Decide(t.Context(), policytest.Input("token"))
			if err == nil || v.Allow {
				t.Fatalf("it is taken for a decision: %+v", v)
			}
			if r.Health() == nil {
				t.Error("all is said to be well")
			}
			for _, taboo := range []string{leak, "opensesame", "11d3e5f7"} {
				if strings.Contains(err.Error(), taboo) || strings.Contains(r.Health().Error(), taboo) {
					t.Errorf("%q is repeated: %v", taboo, err)
				}
			}
		})
	}
}

func status(code int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		fmt.Fprint(w, text)
	}
}

func TestAQuestionIsPutAsOPAWantsIt(t *testing.T) {
	t.Parallel()
	r := behind(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != path || r.Header.Get("Content-Type") != "application/json" ||
			r.Header.Get("Authorization") != "Bearer opensesame" || r.URL.RawQuery != "" {
			t.Errorf("%s %s, %q", r.Method, r.URL, r.Header)
		}
		fmt.Fprint(w, `{"result": true, "decision_id": "d-1", "metrics": {"timer": null}, "warning": {"code": "x"}}`)
	})
	v, err := r.Decide(t.Context(), policytest.Input("token"))
	if err != nil || !v.Allow || v.Decision != "d-1" || r.Health() != nil {
		t.Errorf("%+v, %v, %v", v, err, r.Health())
	}
}

// TestNoErrorRepeatsOurToken: those of net/http quote what they cannot read.
func TestNoErrorRepeatsOurToken(t *testing.T) {
	t.Parallel()
	for name, format := range map[string]string{
		"a header without a colon": "HTTP/1.1 200 OK\r\nX %s\r\n\r\n",
		"a place that is none":     "HTTP/1.1 302 Found\r\nLocation: http://[x?%s\r\n\r\n",
		"a length":                 "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n",
		"a trailer":                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n0\r\nX %s\r\n\r\n",
	} {
		remote := behind(t, func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			fmt.Fprintf(conn, format, r.Header.Get("Authorization"))
		})
		_, err := remote.Decide(t.Context(), policy.Input{})
		if health := remote.Health(); err == nil || health == nil || strings.Contains(err.Error()+health.Error(), "opensesame") {
			t.Errorf("%s: %v, %v", name, err, health)
		}
	}
}

func TestNoRedirectIsFollowed(t *testing.T) {
	t.Parallel()
	var reached atomic.Bool
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached.Store(true)
		fmt.Fprint(w, `{"result": true}`)
	}))
	t.Cleanup(elsewhere.Close)
	for _, code := range []int{301, 302, 303, 307, 308} {
		r := behind(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, code) })
		if v, err := r.Decide(t.Context(), policytest.Input("token")); err == nil || v.Allow || reached.Load() {
			t.Errorf("%d: %+v, %v; it was followed: %v", code, v, err, reached.Load())
		}
	}
}

// wire is a policy server without a network, for tests in which time stands still.
type wire struct {
	mu     sync.Mutex
	asked  int
	gone   bool // it takes questions and never answers
	text   string
	status int // 0: 200
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.asked++
	gone, text := w.gone, w.text
	w.mu.Unlock()
	if gone {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	recorder := httptest.NewRecorder()
	recorder.WriteHeader(cmp.Or(w.status, http.StatusOK))
	recorder.WriteString(text)
	return recorder.Result(), nil
}

func (w *wire) set(gone bool, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone, w.text = gone, text
}

func (w *wire) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked
}

func onWire(w *wire) *policy.Remote {
	return policy.NewRemote(policy.RemoteConfig{URL: "https://opa.example.com" + path, Timeout: time.Second, Transport: w})
}

// TestAServerThatIsGoneIsNotWaitedForByEveryCaller: after five of them the next ones learn it at once, and one tries after
// three seconds.
func TestAServerThatIsGoneIsNotWaitedForByEveryCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{gone: true}
		r := onWire(w)
		ask := func() (bool, time.Duration, error) {
			start := time.Now()
			v, err := r.Decide(t.Context(), policytest.Input("token"))
			return v.Allow, time.Since(start), err
		}
		for range 5 {
			if _, took, err := ask(); err == nil || took != time.Second {
				t.Fatalf("after %v: %v", took, err)
			}
		}
		_, took, err := ask()
		later, ok := errors.AsType[interface {
			error
			RetryAfter() time.Duration
		}](err)
		if !ok || took != 0 || later.RetryAfter() != 3*time.Second || w.count() != 5 {
			t.Fatalf("after %v: %v; the server was asked %d times", took, err, w.count())
		}

		time.Sleep(3 * time.Second)
		var tries sync.WaitGroup
		for range 20 {
			tries.Go(func() { _, _, _ = ask() })
		}
		tries.Wait()
		if w.count() != 6 {
			t.Errorf("%d questions tried whether it is back, want 1", w.count()-5)
		}

		w.set(false, `{"result": true}`)
		if _, _, err := ask(); err == nil {
			t.Error("it was asked before the pause was over")
		}
		time.Sleep(3 * time.Second)
		for range 3 {
			if allowed, _, err := ask(); err != nil || !allowed {
				t.Errorf("once it is back: %v", err)
			}
		}
		if r.Health() != nil {
			t.Error(r.Health())
		}
	})
}

// TestCallersWhoGoAwaySayNothingAboutTheServer: else a few who hang up would stop everybody.
func TestCallersWhoGoAwaySayNothingAboutTheServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{gone: true}
		r := onWire(w)
		for range 20 {
			ctx, leave := context.WithTimeout(t.Context(), time.Second/2)
			if v, err := r.Decide(ctx, policytest.Input("token")); err == nil || v.Allow {
				t.Errorf("%+v, %v", v, err)
			}
			leave()
		}
		if w.count() != 20 || r.Health() != nil {
			t.Errorf("asked %d times of 20, health %v", w.count(), r.Health())
		}
	})
}

// TestWhoLeavesKeepsNobodyOut: somebody tries first each time, and is gone before there is an answer.
func TestWhoLeavesKeepsNobodyOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{gone: true}
		r := onWire(w)
		for range 5 {
			_, _ = r.Decide(t.Context(), policytest.Input("token"))
		}
		time.Sleep(3 * time.Second)
		for range 3 {
			leaving, leave := context.WithTimeout(t.Context(), 100*time.Millisecond)
			_, _ = r.Decide(leaving, policytest.Input("token"))
			leave()
		}
		if w.count() != 8 {
			t.Errorf("%d questions tried whether it is back, want 3", w.count()-5)
		}
		w.set(false, `{"result": true}`)
		if v, err := r.Decide(t.Context(), policytest.Input("token")); err != nil || !v.Allow {
			t.Errorf("once it is back: %v", err)
		}
	})
}

// TestAnAnswerOfNoWorthStopsNobodyElse: it may be due to the caller whom it is about.
func TestAnAnswerOfNoWorthStopsNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, w := range []*wire{{text: `{}`}, {status: http.StatusInternalServerError}, {text: strings.Repeat(" ", 70<<10)}} {
			r := onWire(w)
			for range 20 {
				_, _ = r.Decide(t.Context(), policytest.Input("token"))
			}
			if w.count() != 20 {
				t.Errorf("asked %d times of 20", w.count())
			}
		}
	})
}

// TestRunKnowsBeforeTheFirstCaller and tells once, until it is over.
func TestRunKnowsBeforeTheFirstCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &wire{text: `{}`}
		r := onWire(w)
		var reports atomic.Int32
		go r.Run(t.Context(), func(error) { reports.Add(1) })
		synctest.Wait()
		if r.Health() == nil || w.count() != 1 || reports.Load() != 1 {
			t.Errorf("at the start: %v, asked %d times, %d reports", r.Health(), w.count(), reports.Load())
		}
		time.Sleep(21 * time.Second)
		if reports.Load() != 1 || w.count() != 5 {
			t.Errorf("later: asked %d times, %d reports", w.count(), reports.Load())
		}
		w.set(false, `{"result": false}`)
		time.Sleep(5 * time.Second)
		if r.Health() != nil || w.count() != 6 {
			t.Errorf("once it works: %v, asked %d times", r.Health(), w.count())
		}
		time.Sleep(time.Minute)
		if w.count() != 6 {
			t.Errorf("asked %d times about nobody while all is well", w.count()-6)
		}
		w.set(false, `null`)
		_, _ = r.Decide(t.Context(), policytest.Input("token"))
		time.Sleep(5 * time.Second)
		if reports.Load() != 2 {
			t.Errorf("%d reports of the second failure, want 1", reports.Load()-1)
		}
	})
}
