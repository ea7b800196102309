package api_test

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

// sentOf is a request for a token as it comes over the wire, with more lines in its head.
func sentOf(body string, lines ...string) string {
	head := append([]string{"POST /oauth2/token HTTP/1.1", "Host: auth.example.com", "Content-Type: " + formType}, lines...)
	return strings.Join(head, "\r\n") + "\r\n\r\n" + body
}

func length(body string) string { return "Content-Length: " + strconv.Itoa(len(body)) }

// crowded has more wait than can begin in good time, and so many begin since.
func crowded(t *testing.T, begun int) (f *front, waiting []*visit) {
	t.Helper()
	f = newFront(t)
	waiting = f.crowd("in-", places()+2*api.FewWaiting)
	time.Sleep(api.Patience + 1)
	f.begin(begun)
	return f, waiting
}

func (f *front) turnsAway(sent string) bool {
	answer, _ := f.api.TurnAway([]byte(sent))
	return answer != nil
}

// TestWhoIsTurnedAwayHearsWhatOthersHear who are refused in the usual way.
func TestWhoIsTurnedAwayHearsWhatOthersHear(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, _ := crowded(t, 2*api.AdmittedEach)
		defer close(f.turn)
		usual := f.exchange("out")
		wantRefused(t, "the usual way", usual, http.StatusServiceUnavailable)
		sent := sentOf("grant_type=x", length("grant_type=x and more"))
		wire, rest := f.api.TurnAway([]byte(sent))
		if want := len(" and more"); rest != want {
			t.Errorf("%d bytes are still to come, want %d", rest, want)
		}
		in := bufio.NewReader(bytes.NewReader(wire))
		answer, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil || in.Buffered() > 0 {
			t.Errorf("%v, and %d bytes behind the answer", err, in.Buffered())
		}
		want := maps.Clone(usual.Header())
		want.Del("X-Request-Id")
		if diff := cmp.Diff(want, answer.Header); diff != "" || answer.StatusCode != usual.Code || answer.Close || answer.Proto != "HTTP/1.1" {
			t.Errorf("%s %d, closed %v: %s", answer.Proto, answer.StatusCode, answer.Close, diff)
		}
		if diff := cmp.Diff(usual.Body.String(), string(body)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSomeAreTurnedAwayForEachThatBegins(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, _ := crowded(t, 0)
		defer close(f.turn)
		wantTurnedAway := func(want int) {
			t.Helper()
			got := 0
			for got < 100 && f.turnsAway(sentOf("a", length("a"))) {
				got++
			}
			if got != want {
				t.Errorf("%d were turned away, want %d", got, want)
			}
		}
		wantTurnedAway(0)
		f.begin(2)
		wantTurnedAway(2 * api.TurnedAwayEach)
		f.begin(api.AdmittedEach + 1)
		wantRefused(t, "the usual way, which is paid for by the same", f.exchange("out"), http.StatusServiceUnavailable)
		wantTurnedAway(api.TurnedAwayEach)
		f.begin(1)
		wantRefused(t, "the usual way, before it is paid for", f.exchange("out"), http.StatusServiceUnavailable)
		f.begin(api.AdmittedEach - 1)
		wantTurnedAway(0)
		f.begin(1)
		wantTurnedAway(api.TurnedAwayEach)
	})
}

func TestNobodyIsTurnedAway(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ waiting, begun int }{
		"where nobody waits":  {0, 0},
		"where few wait":      {api.FewWaiting + 4, 4},
		"once few wait again": {2 * api.FewWaiting, api.FewWaiting},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFront(t)
				defer close(f.turn)
				if c.waiting > 0 {
					f.crowd("in-", places()+c.waiting)
				}
				time.Sleep(api.Patience + 1)
				f.begin(c.begun)
				if f.turnsAway(sentOf("a", length("a"))) {
					t.Error("somebody was")
				}
			})
		})
	}
}

func TestNobodyIsTurnedAwayOnceTheServiceDrains(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, _ := crowded(t, 2)
		defer close(f.turn)
		if !f.turnsAway(sentOf("a", length("a"))) {
			t.Error("nobody was before")
		}
		f.api.Drain()
		if f.turnsAway(sentOf("a", length("a"))) {
			t.Error("somebody was")
		}
	})
}

// TestOneLineTellsOfAllWhoWereTurnedAway in a second, and the metrics count each.
func TestOneLineTellsOfAllWhoWereTurnedAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, _ := crowded(t, 10)
		defer close(f.turn)
		for range 2 {
			f.log.Reset()
			for range 7 {
				if !f.turnsAway(sentOf("a", length("a"))) {
					t.Fatal("nobody is turned away")
				}
			}
			time.Sleep(time.Second)
			synctest.Wait()
			const want = `{"level":"info","door":"token","reason":"overloaded","count":7,"message":"turned away"}` + "\n"
			if diff := cmp.Diff(want, f.log.String()); diff != "" {
				t.Error(diff)
			}
		}
		want := api.Outcome{Door: issuer.DoorToken, Result: api.Failed, Reason: string(issuer.ReasonOverloaded)}
		if got := f.counts[want]; got != 14 {
			t.Errorf("the metrics count %d, want 14", got)
		}
	})
}
