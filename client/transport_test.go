package client_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hasura-issuer/hasura-issuer/client"
)

const (
	refusedByV2 = `{"errors":[{"extensions":{"path":"$","code":"invalid-jwt"},"message":"Could not verify JWT: JWTExpired"}]}`
	queryByV2   = `{"path":"$","error":"Could not verify JWT: JWTExpired","code":"invalid-jwt"}`
	refusedByV3 = `{"data":null,"errors":[{"message":"JWT validation error: ExpiredSignature"}]}`
)

// engine takes the token that it is told to, and remembers what came.
type engine struct {
	takes   string
	status  int    // of refusals
	refusal string // its body
	came    []string
	bodies  []string
}

// RoundTrip is http.RoundTripper's.
func (e *engine) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	e.came, e.bodies = append(e.came, r.Header.Get("Authorization")), append(e.bodies, string(body))
	status, text := http.StatusOK, `{"data":{"me":1}}`
	if r.Header.Get("Authorization") != "Bearer "+e.takes {
		status, text = e.status, e.refusal
	}
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
}

func post(t *testing.T, transport http.RoundTripper, body io.Reader) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://engine.example/v1/graphql", body)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if request.Header.Get("Authorization") != "" {
		t.Error("the caller's request was changed")
	}
	got, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func TestATokenThatIsNotTakenIsRenewedOnce(t *testing.T) {
	for name, e := range map[string]*engine{
		"v2":                   {status: 200, refusal: refusedByV2},
		"v2 with proper codes": {status: 400, refusal: refusedByV2},
		"v2's other routes":    {status: 400, refusal: queryByV2},
		"v3":                   {status: 400, refusal: refusedByV3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(t)
				transport := &client.Transport{Source: i.source(), Host: "engine.example", Base: e}
				e.takes = "hasura-1"
				post(t, transport, strings.NewReader("one"))
				time.Sleep(time.Minute)
				e.takes = "hasura-2"
				if got := post(t, transport, strings.NewReader("two")); got != `{"data":{"me":1}}` {
					t.Errorf("%s", got)
				}
				if got := fmt.Sprint(e.came, e.bodies); got != "[Bearer hasura-1 Bearer hasura-1 Bearer hasura-2] [one two two]" {
					t.Error(got)
				}
				time.Sleep(time.Minute)
				e.takes = "none"
				if got := post(t, transport, bytes.NewReader([]byte("three"))); got != e.refusal || len(e.came) != 5 {
					t.Errorf("%s after %d requests", got, len(e.came))
				}
				post(t, transport, strings.NewReader("four")) // the token is new: another one would not help
				if n := i.exchanges(); n != 3 || len(e.came) != 6 {
					t.Errorf("%d exchanges, %d requests", n, len(e.came))
				}
			})
		})
	}
}

func TestARequestThatCannotBeMadeAgainIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, e := newIssuer(t), &engine{status: 200, refusal: refusedByV2}
		transport := &client.Transport{Source: i.source(), Host: "engine.example", Base: e}
		post(t, transport, http.NoBody)
		time.Sleep(time.Minute)
		if got := post(t, transport, io.MultiReader(strings.NewReader("once"))); got != refusedByV2 || len(e.came) != 2 {
			t.Errorf("%s after %v", got, e.came)
		}
		e.takes = "hasura-2"
		if got := post(t, transport, http.NoBody); got != `{"data":{"me":1}}` {
			t.Errorf("the next one got %s", got)
		}
	})
}

func TestWhatIsNoRefusalComesAsItIs(t *testing.T) {
	long := `{"errors":[{"extensions":{"code":"validation-failed"},"message":"` + strings.Repeat("x", 20<<10) + `"}]}`
	for _, body := range []string{"", "{}", `{"data":{}}`, `{"errors":`, long, `{"errors":[{"extensions":{"code":"access-denied"}}]}`, `{"data":null,"errors":[{"message":"no such field"}]}`} {
		if got, requests := askedLate(t, body); got != body || requests != 1 {
			t.Errorf("%d bytes of %d after %d requests", len(got), len(body), requests)
		}
	}
}

// askedLate asks an engine that answers so to a token which is old enough to be renewed.
func askedLate(t *testing.T, refusal string) (got string, requests int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e := &engine{status: 200, refusal: refusal}
		transport := &client.Transport{Source: newIssuer(t).source(), Host: "engine.example", Base: e}
		wantToken(t, transport.Source, "hasura-1")
		time.Sleep(time.Minute)
		got, requests = post(t, transport, strings.NewReader("q")), len(e.came)
	})
	return got, requests
}

// TestALongAnswerIsNoRefusal: it is not kept back to be looked at.
func TestALongAnswerIsNoRefusal(t *testing.T) {
	for length, want := range map[int]int{8<<10 - 1: 2, 8 << 10: 1} {
		body := refusedByV2 + strings.Repeat(" ", length-len(refusedByV2))
		if got, requests := askedLate(t, body); got != body || requests != want {
			t.Errorf("%d bytes of %d after %d requests, want %d", len(got), length, requests, want)
		}
	}
}

// TestEveryBodyIsClosed also where there is no other token, and the first answer stands.
func TestEveryBodyIsClosed(t *testing.T) {
	for name, answers := range map[string][]answer{"a new token": nil, "none": {refusal(403, "access_denied", "blocked", "")}} {
		synctest.Test(t, func(t *testing.T) {
			i := newIssuer(t)
			var first *closing
			base := roundTripper(func(r *http.Request) (*http.Response, error) {
				_ = r.Body.Close()
				body := &closing{Reader: strings.NewReader(refusedByV2)}
				if first == nil {
					first = body
				}
				return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: body, Request: r}, nil
			})
			transport := &client.Transport{Source: i.source(), Host: "engine.example", Base: base}
			wantToken(t, transport.Source, "hasura-1")
			time.Sleep(time.Minute)
			i.answers = answers
			one, two := &closing{Reader: strings.NewReader("q")}, &closing{Reader: strings.NewReader("q")}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://engine.example/v1/graphql", one)
			if err != nil {
				t.Fatal(err)
			}
			request.GetBody = func() (io.ReadCloser, error) { return two, nil }
			response, err := transport.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			if answers == nil && !first.closed || answers != nil && first.closed || !one.closed || !two.closed {
				t.Errorf("%s: the first answer is closed: %t, the bodies: %t, %t", name, first.closed, one.closed, two.closed)
			}
			response.Body.Close()
		})
	}
}

func TestOnlyTheEngineGetsAToken(t *testing.T) {
	var seen []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	there := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Header.Get("Authorization"))
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	}))
	defer there.Close()
	caller := &http.Client{Transport: &client.Transport{Source: newIssuer(t).source(), Host: strings.TrimPrefix(there.URL, "http://")}}
	response, err := caller.Get(there.URL)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if fmt.Sprint(seen) != "[Bearer hasura-1 ]" {
		t.Errorf("%q", seen)
	}
}

// TestNoRedirectTakesATokenToHTTPNorWhereAnotherHostLeads: on the wire anybody could read it, and whoever leads chooses what is asked.
func TestNoRedirectTakesATokenToHTTPNorWhereAnotherHostLeads(t *testing.T) {
	for name, c := range map[string]struct {
		hops []string // after the first request
		want string
	}{
		"to http":              {[]string{"http://engine.example/v1/graphql/"}, "[Bearer hasura-1 ]"},
		"to http in two steps": {[]string{"https://elsewhere.example/", "http://engine.example/"}, "[Bearer hasura-1  ]"},
		"to https":             {[]string{"https://engine.example/v1/graphql/"}, "[Bearer hasura-1 Bearer hasura-1]"},
		"by another host":      {[]string{"https://elsewhere.example/", "https://engine.example/api/rest/delete"}, "[Bearer hasura-1  ]"},
	} {
		var seen []string
		engine := roundTripper(func(r *http.Request) (*http.Response, error) {
			seen = append(seen, r.Header.Get("Authorization"))
			answer := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}
			if len(seen) <= len(c.hops) {
				answer.StatusCode, answer.Header = http.StatusTemporaryRedirect, http.Header{"Location": {c.hops[len(seen)-1]}}
			}
			return answer, nil
		})
		caller := &http.Client{Transport: &client.Transport{Source: newIssuer(t).source(), Host: "engine.example", Base: engine}}
		response, err := caller.Get("https://engine.example/v1/graphql")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if got := fmt.Sprint(seen); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestWithoutATokenNothingIsAsked(t *testing.T) {
	e := &engine{}
	i := newIssuer(t, refusal(403, "access_denied", "blocked", ""))
	for name, transport := range map[string]*client.Transport{
		"refused":   {Source: i.source(), Host: "engine.example", Base: e},
		"no host":   {Source: i.source(), Base: e},
		"a URL":     {Source: newIssuer(t).source(), Host: "https://engine.example", Base: e},
		"no source": {Host: "engine.example", Base: e},
		"a user":    {Source: newIssuer(t).source(), Host: "me@engine.example", Base: e},
		"a query":   {Source: newIssuer(t).source(), Host: "engine.example?a", Base: e},
		"an anchor": {Source: newIssuer(t).source(), Host: "engine.example#a", Base: e},
		"a blank":   {Source: newIssuer(t).source(), Host: "engine.example ", Base: e},
	} {
		body := &closing{Reader: strings.NewReader("q")}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://engine.example/v1/graphql", body)
		if err != nil {
			t.Fatal(err)
		}
		response, err := transport.RoundTrip(request)
		if err == nil {
			response.Body.Close()
		}
		if err == nil || len(e.came) != 0 || !body.closed {
			t.Errorf("%s: %v, body closed: %v", name, err, body.closed)
		}
	}
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}
