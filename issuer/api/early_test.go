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

func TestOnlyWhatEverybodyReadsAlikeIsPlain(t *testing.T) {
	t.Parallel()
	const body = "grant_type=x"
	long := strings.Repeat("a", 64<<10)
	for name, c := range map[string]struct {
		sent string
		want bool
	}{
		"a request":                        {sentOf(body, length(body)), true},
		"with the body still to come":      {sentOf("", length(body)), true},
		"with half of its body":            {sentOf(body[:5], length(body)), true},
		"of the longest body":              {sentOf("", length(long)), true},
		"of no body":                       {sentOf("", "Content-Length: 0"), true},
		"names in small letters":           {sentOf(body, "content-length:"+strconv.Itoa(len(body))), true},
		"a proxy's":                        {sentOf(body, length(body), "X-Forwarded-For: 192.0.2.1", "Forwarded: for=\"[2001:db8::1]\""), true},
		"that keeps the connection":        {sentOf(body, length(body), "Connection: Keep-Alive"), true},
		"that ends the connection":         {sentOf(body, length(body), "Connection: close"), false},
		"that keeps and ends it":           {sentOf(body, length(body), "Connection: keep-alive, close"), false},
		"with the next one behind it":      {sentOf(body+"P", length(body)), false},
		"half a head":                      {strings.TrimSuffix(sentOf("", length(body)), "\n"), false},
		"of a body too long":               {sentOf("", length(long+"a")), false},
		"of a length too long to be read":  {sentOf("", "Content-Length: 18446744073709551617"), false},
		"of a length that is negative":     {sentOf("", "Content-Length: -1"), false},
		"of a length with a sign":          {sentOf(body, "Content-Length: +12"), false},
		"of a length in hexadecimal":       {sentOf(body, "Content-Length: 0xc"), false},
		"of a length that is empty":        {sentOf("", "Content-Length: "), false},
		"of two lengths":                   {sentOf(body, length(body), length(body)), false},
		"of two lengths in one":            {sentOf(body, "Content-Length: 12, 12"), false},
		"of no length":                     {sentOf(""), false},
		"in chunks":                        {sentOf("0\r\n\r\n", "Transfer-Encoding: chunked"), false},
		"in chunks and of a length":        {sentOf(body, length(body), "transfer-encoding: chunked"), false},
		"with fields behind the body":      {sentOf(body, length(body), "Trailer: a"), false},
		"that waits for a word":            {sentOf("", length(body), "Expect: 100-continue"), false},
		"that would change the protocol":   {sentOf(body, length(body), "Upgrade: h2c"), false},
		"of a page":                        {sentOf(body, length(body), "Origin: https://app.example"), false},
		"a line that goes on":              {sentOf(body, length(body), "A: b", " c"), false},
		"a line without a colon":           {sentOf(body, length(body), "A"), false},
		"a line without a name":            {sentOf(body, length(body), ": a"), false},
		"a space behind a name":            {sentOf(body, "Content-Length : 12"), false},
		"a name of other letters":          {sentOf(body, length(body), "A_b: c"), false},
		"an end of a line within a line":   {sentOf(body, length(body), "A: b\nTransfer-Encoding: chunked"), false},
		"a return within a line":           {sentOf(body, length(body), "A: b\rc"), false},
		"a zero byte":                      {sentOf(body, length(body), "A: \x00"), false},
		"lines that end in one byte alone": {strings.ReplaceAll(sentOf(body, length(body)), "\r\n", "\n"), false},
		"another method":                   {strings.Replace(sentOf(body, length(body)), "POST", "PUT", 1), false},
		"another path":                     {strings.Replace(sentOf(body, length(body)), "/token", "/tokens", 1), false},
		"a query":                          {strings.Replace(sentOf(body, length(body)), "/token", "/token?a=b", 1), false},
		"another version":                  {strings.Replace(sentOf(body, length(body)), "1.1", "1.0", 1), false},
		"an empty line in front":           {"\r\n" + sentOf(body, length(body)), false},
		"nothing":                          {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, got := api.PlainExchange([]byte(c.sent)); got != c.want {
				t.Errorf("it is %v, want %v", got, c.want)
			}
		})
	}
}

// FuzzPlainExchange: what is taken for plain is what net/http reads, to the byte.
func FuzzPlainExchange(f *testing.F) {
	for _, seed := range []string{
		sentOf("a=b", length("a=b")), sentOf("", length("a=b"), "Connection: keep-alive"), sentOf("a", "content-length:\t01 ", "X-Y:"),
		sentOf("a", length("a"), "Transfer-Encoding: identity"), sentOf("", length(""), "A: \xff"), sentOf("a", length("a"), "A: b\r\n c"),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		length, plain := api.PlainExchange(sent)
		if !plain {
			return
		}
		const next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
		whole := append(bytes.Clone(sent), strings.Repeat("x", length-len(sent))+next...)
		in := bufio.NewReaderSize(bytes.NewReader(whole), len(whole))
		r, err := http.ReadRequest(in)
		if err != nil {
			t.Fatalf("net/http cannot read %q: %v", sent, err)
		}
		defer r.Body.Close()
		if r.Method != http.MethodPost || r.RequestURI != "/oauth2/token" || r.Close || len(r.TransferEncoding)+len(r.Trailer) > 0 || r.Header["Origin"] != nil || r.Header["Expect"] != nil {
			t.Fatalf("%q is taken for plain", sent)
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Fatal(err)
		}
		if left, err := io.ReadAll(in); err != nil || string(left) != next {
			t.Fatalf("behind %q net/http finds %q, %v", sent, left, err)
		}
	})
}
