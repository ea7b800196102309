package api_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

func timeout(d time.Duration) func(*api.Config) { return func(c *api.Config) { c.Timeout = d } }

func TestAnExchangeIsOneLine(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.exchange(form(), "X-Request-Id", "req.7_a-B")
	line := s.line()
	if d, ok := line["duration_ms"].(float64); !ok || d <= 0 {
		t.Errorf("duration_ms: %v", line["duration_ms"])
	}
	delete(line, "duration_ms")
	want := map[string]any{
		"level": "info", "message": "exchange", "route": token, "door": "token", "request_id": "req.7_a-B", "status": 200.0, "peer": "127.0.0.1",
		"tenant": "tenant-1", "object_id": "object-1", "kind": "user", "client_id": "client-1", "roles": []any{"editor", "reader"},
		"kid": "kid-1", "jti": "JTI1", "token_sha256": "0123456789abcdef", "subject_token_id": "uti-1", "lifetime": 300.0,
	}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestARefusedExchangeIsOneLineThatKnowsWhoAndWhy(t *testing.T) {
	t.Parallel()
	for reason, level := range map[issuer.Reason]string{
		issuer.ReasonBlocked: "info", issuer.ReasonTokenExpired: "info", issuer.ReasonRolesUnavailable: "warn", issuer.ReasonInternal: "error",
	} {
		s := start(t)
		s.issuer.respond = func(context.Context, issuer.Request) (issuer.Decision, error) {
			return issuer.Decision{TenantID: "tenant-1", ObjectID: "object-1", TokenHash: "0123456789abcdef"},
				&issuer.Error{Reason: reason, Err: errBroken}
		}
		status := s.exchange(form()).StatusCode
		line := s.line()
		if id, _ := line["request_id"].(string); len(id) < 20 {
			t.Errorf("%s: request id %q", reason, id)
		}
		delete(line, "duration_ms")
		delete(line, "request_id")
		want := map[string]any{
			"level": level, "message": "exchange", "route": token, "door": "token", "status": float64(status), "peer": "127.0.0.1", "reason": string(reason),
			"error": string(reason) + ": " + errBroken.Error(), "tenant": "tenant-1", "object_id": "object-1", "token_sha256": "0123456789abcdef",
		}
		if diff := cmp.Diff(want, line); diff != "" {
			t.Errorf("%s (-want +got):\n%s", reason, diff)
		}
	}
}

// Whoever makes tokens up must not be able to raise an alarm with them.
func TestATokenWhoseKeyNobodyHasSeenIsNoOutage(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]struct{ level, result string }{
		fmt.Errorf("verify: %w", idp.ErrKeyUnseen):   {"info", api.Refused},
		fmt.Errorf("verify: %w", idp.ErrUnavailable): {"warn", api.Failed},
	} {
		m := &meter{}
		s := start(t, func(c *api.Config) { c.Meter = m })
		s.refuse(&issuer.Error{Reason: issuer.ReasonIDPUnavailable, RetryAfter: 7 * time.Second, Err: err})
		if got := s.exchange(form()); got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Retry-After") != "7" {
			t.Errorf("%v: %s, Retry-After %q", err, got.Status, got.Header.Get("Retry-After"))
		}
		if line := s.line(); line["level"] != want.level || line["reason"] != "idp_unavailable" {
			t.Errorf("%v: %v", err, line)
		}
		if diff := cmp.Diff([]api.Outcome{{Door: "token", Result: want.result, Reason: "idp_unavailable"}}, m.outcomes); diff != "" {
			t.Errorf("%v is counted (-want +got):\n%s", err, diff)
		}
	}
}

func TestEveryOtherRequestIsOneLineToo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ method, path, message, level string }{
		{http.MethodGet, "/.well-known/jwks.json", "request", "debug"},
		{http.MethodGet, "/.well-known/openid-configuration", "request", "info"},
		{http.MethodGet, "/livez", "request", "debug"},
		{http.MethodOptions, token, "request", "info"},
		{http.MethodPut, token, "request", "info"},
		{http.MethodPut, "/hasura/webhook", "request", "info"},
		{http.MethodGet, "/" + secret, "request", "info"},
	} {
		s := start(t)
		s.do(c.method, c.path, "", "Origin", app, "Access-Control-Request-Method", "POST")
		if line := s.line(); line["message"] != c.message || line["level"] != c.level {
			t.Errorf("%s: %v", c.path, line)
		}
	}
}

func TestOnlyASafeRequestIDIsTakenOver(t *testing.T) {
	t.Parallel()
	for sent, taken := range map[string]bool{
		"A-b_c.9": true, strings.Repeat("a", 64): true, strings.Repeat("a", 65): false, "a b": false, "a\"}": false, "ä": false, "": false,
	} {
		s := start(t)
		got := s.exchange(form(), "X-Request-Id", sent).Header.Values("X-Request-Id")
		if len(got) != 1 || (got[0] == sent) != taken || !safeID.MatchString(got[0]) {
			t.Errorf("sent %q, got %q", sent, got)
		}
		if line := s.line(); line["request_id"] != got[0] || s.issuer.asked[0].RequestID != got[0] {
			t.Errorf("the log says %v, the exchange was told %s", line["request_id"], s.issuer.asked[0].RequestID)
		}
	}
	s := start(t)
	got := s.exchange(form(), "X-Request-Id", "one", "X-Request-Id", "two").Header.Get("X-Request-Id")
	if got == "one" || got == "two" {
		t.Errorf("of two ids one was chosen: %s", got)
	}
}

func TestValuesFromOutsideCannotForgeALine(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.issuer.respond = func(context.Context, issuer.Request) (issuer.Decision, error) {
		return issuer.Decision{TenantID: "a\r\n{\"message\":\"exchange\"}\x1b[2J", Roles: []string{"\u2028\n"}}, errBroken
	}
	s.exchange(form())
	s.line()
	if strings.ContainsAny(strings.TrimSuffix(s.logs.String(), "\n"), "\r\n\x1b") {
		t.Errorf("the line holds control characters: %q", s.logs.String())
	}
}

func TestAClientThatGoesAwayIsNoOutage(t *testing.T) {
	t.Parallel()
	s := start(t)
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan struct{})
	s.issuer.respond = func(ctx context.Context, _ issuer.Request) (issuer.Decision, error) {
		defer close(ended)
		leave()
		<-ctx.Done()
		return issuer.Decision{}, &issuer.Error{Reason: issuer.ReasonRolesUnavailable, RetryAfter: time.Second, Err: errBroken}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+token, strings.NewReader(form().Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", formType)
	if response, err := s.Client().Do(r); err == nil {
		response.Body.Close()
		t.Fatal("the request was answered")
	}
	<-ended
	if line := s.line(); line["level"] != "info" || line["cancelled"] != true {
		t.Errorf("log line: %v", line)
	}
}
