package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hasura-issuer/hasura-issuer/client"
)

// TestARefusalSaysNothingThatIsNotTheIssuers: whoever answers in its place could send back what we sent, or lines for a log.
func TestARefusalSaysNothingThatIsNotTheIssuers(t *testing.T) {
	ours := refusal(403, "access_denied", "no_roles", "")
	for name, c := range map[string]struct {
		code, reason, id string
		want             client.Error
	}{
		"the issuer's":     {"access_denied", "no_roles", "A-b_9.", client.Error{Status: 403, Code: "access_denied", Reason: "no_roles", RequestID: "A-b_9."}},
		"a token as id":    {"access_denied", "no_roles", strings.Repeat("eyJ.", 17), client.Error{Status: 403, Code: "access_denied", Reason: "no_roles"}},
		"a line as id":     {"access_denied", "no_roles", "a b", client.Error{Status: 403, Code: "access_denied", Reason: "no_roles"}},
		"a token as error": {subject + "A", "no_roles", "a", client.Error{Status: 403, RequestID: "a"}},
		"a token's length": {strings.Repeat("a", 65), "no_roles", "a", client.Error{Status: 403, RequestID: "a"}},
		"lines as reason":  {"access_denied", `x\nlevel=error`, "a", client.Error{Status: 403, Code: "access_denied", RequestID: "a"}},
	} {
		i := newIssuer(t, answer{ours.status, http.Header{"X-Request-Id": {c.id}}, `{"error":"` + c.code + `","reason":"` + c.reason + `"}`})
		_, err := i.source().Token()
		var e *client.Error
		if !errors.As(err, &e) || *e != c.want {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// echo answers with what it was sent, in a way that is no HTTP.
func echo(t *testing.T, format string) *client.Source {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, format, r.FormValue("subject_token"))
	}))
	t.Cleanup(server.Close)
	source, err := client.New(client.Config{Issuer: server.URL, SubjectToken: func(context.Context) (string, error) { return subject, nil }})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// TestNoErrorRepeatsWhatWasSent: those of net/http quote what they cannot read.
func TestNoErrorRepeatsWhatWasSent(t *testing.T) {
	for name, format := range map[string]string{
		"a header without a colon": "HTTP/1.1 200 OK\r\nX %s\r\n\r\n",
		"a place that is none":     "HTTP/1.1 302 Found\r\nLocation: http://[x?%s\r\n\r\n",
		"a way to send":            "HTTP/1.1 200 OK\r\nTransfer-Encoding: %s\r\n\r\n",
		"a length":                 "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n",
		"a status":                 "HTTP/1.1 %s\r\n\r\n",
		"a trailer":                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n0\r\nX %s\r\n\r\n",
	} {
		_, err := echo(t, format).Token()
		if err == nil || strings.Contains(err.Error(), subject) || !strings.Contains(err.Error(), "issuer") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestALateFailureIsNotThatOfTheNextExchange: it may be for the ctx of the one before.
func TestALateFailureIsNotThatOfTheNextExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		source := newIssuer(t).source(func(c *client.Config) {
			c.SubjectToken = func(ctx context.Context) (string, error) {
				if asked++; asked > 1 {
					return subject, nil
				}
				<-ctx.Done()
				time.Sleep(5 * time.Second) // as who cleans up does
				return "", context.Cause(ctx)
			}
		})
		if _, err := source.Token(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		time.Sleep(2 * time.Second)
		wantToken(t, source, "hasura-1")
	})
}

// TestASubjectTokenIsNotWaitedForWithoutEnd: a source of tokens may hear of no ctx, as those of oauth2 do.
func TestASubjectTokenIsNotWaitedForWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i, stuck := newIssuer(t), make(chan struct{})
		var asked atomic.Int32
		source := i.source(func(c *client.Config) {
			c.SubjectToken = func(context.Context) (string, error) {
				if asked.Add(1) == 1 {
					<-stuck
				}
				return subject, nil
			}
		})
		for range 2 { // who comes later waits for the same call
			began := time.Now()
			if token, err := source.Token(); token != nil || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 30*time.Second {
				t.Errorf("%v, %v after %v", token, err, time.Since(began))
			}
			time.Sleep(time.Minute)
		}
		if asked.Load() != 1 {
			t.Errorf("%d calls, want 1", asked.Load())
		}
		close(stuck) // its token is a minute old when somebody comes
		time.Sleep(time.Minute)
		wantToken(t, source, "hasura-1")
		if asked.Load() != 2 {
			t.Errorf("%d calls, want a second one", asked.Load())
		}
	})
}

func TestAnAnswerWithoutEndIsNotReadToIt(t *testing.T) {
	const token, end = `{"access_token":"hasura-1","token_type":"Bearer","expires_in":300,"scope":"editor","x":"`, `"}`
	for length, good := range map[int]bool{64 << 10: true, 64<<10 + 1: false} {
		i := newIssuer(t, answer{200, nil, token + strings.Repeat("x", length-len(token)-len(end)) + end})
		if got, err := i.source().Token(); (err == nil) != good || (got != nil) != good {
			t.Errorf("%d bytes: %v", length, err)
		}
	}
}

func TestAPathThatNoIssuerHasIsNamed(t *testing.T) {
	_, err := newIssuer(t, refusal(404, "invalid_request", "not_found", "")).source().Token()
	var e *client.Error
	if !errors.As(err, &e) || e.Reason != "not_found" || !strings.Contains(err.Error(), "there is nothing at https://issuer.example/oauth2/token:") {
		t.Errorf("%v", err)
	}
}
