package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

const (
	forwardAuth = "/forward-auth"
	plain       = `Bearer realm="hasura-issuer"`
	badToken    = plain + `, error="invalid_token"`
)

// gateway starts the service for requests by the door of gateways.
func gateway(t *testing.T, alter ...func(*api.Config)) *service {
	t.Helper()
	s := start(t, alter...)
	s.issuer.door = issuer.DoorForwardAuth
	return s
}

func TestAGatewayGetsTheTokenToPassOnWhateverTheMethod(t *testing.T) {
	t.Parallel()
	s := gateway(t)
	for _, method := range []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, "BREW",
	} {
		got := s.do(method, forwardAuth, "", "Authorization", "Bearer "+secret, "Origin", app, "Access-Control-Request-Method", "POST",
			"X-Hasura-Role", "admin", "X-Hasura-User-Id", "somebody-else", "X-Request-Id", "req-7")
		if got.StatusCode != http.StatusOK || got.body != "" {
			t.Errorf("%s: %s %q", method, got.Status, got.body)
		}
		wantHeaders(t, got, map[string]string{
			"Authorization": "Bearer " + decision.Token, "Cache-Control": "no-store", "Content-Length": "0", "X-Hasura-Role": "",
			"X-Hasura-User-Id": "", "Access-Control-Allow-Origin": "", "X-Request-Id": "req-7",
		})
	}
	want := issuer.Request{SubjectToken: secret, Reuse: true, Door: "forward_auth", Address: "127.0.0.1", RequestID: "req-7"}
	if diff := cmp.Diff(want, s.issuer.asked[0]); diff != "" {
		t.Errorf("the exchange was asked for (-want +got):\n%s", diff)
	}
}

func TestAGatewayCanTellRefusalsApart(t *testing.T) {
	t.Parallel()
	for reason, want := range map[issuer.Reason]struct {
		status       int
		challenge    string
		retry, error string
	}{
		issuer.ReasonTokenExpired:      {401, badToken, "", "invalid_request"},
		issuer.ReasonSignatureInvalid:  {401, badToken, "", "invalid_request"},
		issuer.ReasonNoRoles:           {403, "", "", "access_denied"},
		issuer.ReasonBlocked:           {403, "", "", "access_denied"},
		issuer.ReasonTooManyRoles:      {403, "", "", "invalid_scope"},
		issuer.ReasonRolesUnavailable:  {503, "", "7", "temporarily_unavailable"},
		issuer.ReasonGroupsUnavailable: {503, "", "7", "temporarily_unavailable"},
		issuer.ReasonKeysUnavailable:   {503, "", "7", "temporarily_unavailable"},
		issuer.ReasonInternal:          {503, "", "7", "server_error"},
	} {
		s := gateway(t)
		s.refuse(&issuer.Error{Reason: reason, RetryAfter: 6500 * time.Millisecond, Err: errBroken})
		got := s.do(http.MethodPost, forwardAuth, "", "Authorization", "Bearer "+secret)
		if p := got.problem(t); got.StatusCode != want.status || p.Reason != string(reason) || p.Error != want.error {
			t.Errorf("%s: %s %s", reason, got.Status, got.body)
		}
		wantHeaders(t, got, map[string]string{
			"WWW-Authenticate": want.challenge, "Retry-After": want.retry, "Authorization": "", "Cache-Control": "no-store", "Content-Type": "application/json",
		})
	}
}

// spellings are Authorization headers, one after the other as they come, and what becomes of them.
var spellings = map[string]struct {
	sent   []string
	reason issuer.Reason // "" for good
}{
	"as it should be":               {[]string{"Bearer " + secret}, ""},
	"the scheme in other letters":   {[]string{"bEARER " + secret}, ""},
	"no header":                     {nil, issuer.ReasonParameterMissing},
	"an empty header":               {[]string{""}, issuer.ReasonParameterMissing},
	"another scheme":                {[]string{"Basic dTpw"}, issuer.ReasonParameterMissing},
	"a token without a scheme":      {[]string{secret}, issuer.ReasonParameterMissing},
	"a scheme that begins the same": {[]string{"BearerX " + secret}, issuer.ReasonParameterMissing},
	"no token":                      {[]string{"Bearer"}, issuer.ReasonTokenMalformed},
	"two blanks":                    {[]string{"Bearer  " + secret}, issuer.ReasonTokenMalformed},
	"a tab for the blank":           {[]string{"Bearer\t" + secret}, issuer.ReasonParameterMissing},
	"two tokens":                    {[]string{"Bearer " + secret + " " + secret}, issuer.ReasonTokenMalformed},
	"two headers in one":            {[]string{"Bearer " + secret + ", Bearer " + secret}, issuer.ReasonTokenMalformed},
	"a comma":                       {[]string{"Bearer " + secret + ","}, issuer.ReasonTokenMalformed},
	"quotes":                        {[]string{`Bearer "` + secret + `"`}, issuer.ReasonTokenMalformed},
	"a parameter":                   {[]string{"Bearer token=" + secret + ";a"}, issuer.ReasonTokenMalformed},
	"letters of another script":     {[]string{"Bearer " + secret + "é"}, issuer.ReasonTokenMalformed},
	"two headers":                   {[]string{"Bearer " + secret, "Bearer " + secret}, issuer.ReasonParameterRepeated},
	"two headers, one of them good": {[]string{"Basic dTpw", "Bearer " + secret}, issuer.ReasonParameterRepeated},
}

func TestAnAuthorizationHeaderIsReadInOneWayOnly(t *testing.T) {
	t.Parallel()
	for name, c := range spellings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := gateway(t)
			var headers []string
			for _, value := range c.sent {
				headers = append(headers, "Authorization", value)
			}
			got := s.do(http.MethodGet, forwardAuth, "", headers...)
			s.wantSpelling(got, c.reason)
			if c.reason != "" {
				challenge := plain
				if c.reason == issuer.ReasonTokenMalformed {
					challenge = badToken
				}
				wantHeaders(t, got, map[string]string{"WWW-Authenticate": challenge, "Authorization": ""})
			}
		})
	}
}

// wantSpelling holds an answer to what becomes of a spelling, at either door.
func (s *service) wantSpelling(got answer, reason issuer.Reason) {
	s.t.Helper()
	switch {
	case reason == "" && (got.StatusCode != http.StatusOK || len(s.issuer.asked) != 1 || s.issuer.asked[0].SubjectToken != secret):
		s.t.Errorf("%s %s, asked %d times", got.Status, got.body, len(s.issuer.asked))
	case reason != "" && (got.StatusCode != http.StatusUnauthorized || got.problem(s.t).Reason != string(reason) || len(s.issuer.asked) != 0):
		s.t.Errorf("%s %s, asked %d times; want %s", got.Status, got.body, len(s.issuer.asked), reason)
	}
}

func TestHeadersInOtherLettersAreTheSameHeader(t *testing.T) {
	t.Parallel()
	s := gateway(t)
	got := s.raw("GET /forward-auth HTTP/1.1\r\nHost: issuer\r\nAuthorization: Bearer " + secret + "\r\nauthorization: Bearer other\r\nConnection: close\r\n\r\n")
	if len(got) != 1 || got[0].problem(t).Reason != "parameter_repeated" || len(s.issuer.asked) != 0 {
		t.Errorf("%d answers", len(got))
	}
}

func TestATokenThatNoneCanBeIsNotJudged(t *testing.T) {
	t.Parallel()
	s := gateway(t)
	got := s.do(http.MethodGet, forwardAuth, "", "Authorization", "Bearer "+strings.Repeat("a", 32<<10+1))
	if got.problem(t).Reason != "token_too_large" || len(s.issuer.asked) != 0 {
		t.Errorf("%s %s", got.Status, got.body)
	}
}

func TestARequestOfAGatewayIsLoggedAndCountedByItsDoor(t *testing.T) {
	t.Parallel()
	m := &meter{}
	s := gateway(t, func(c *api.Config) { c.Meter = m })
	s.issuer.respond = func(context.Context, issuer.Request) (issuer.Decision, error) {
		d := decision
		d.Reused = true
		return d, nil
	}
	s.do(http.MethodGet, forwardAuth, "", "Authorization", "Bearer "+secret)
	s.do(http.MethodGet, forwardAuth, "")
	s.refuse(&issuer.Error{Reason: issuer.ReasonInternal, Err: errBroken})
	s.do(http.MethodGet, forwardAuth, "", "Authorization", "Bearer "+secret)
	lines := s.lines()
	for i, want := range []map[string]any{
		{"level": "info", "reused": true, "jti": "JTI1", "status": 200.0},
		{"level": "info", "reason": "parameter_missing", "status": 401.0},
		{"level": "error", "reason": "internal", "status": 503.0},
	} {
		want["message"], want["door"], want["route"] = "exchange", "forward_auth", forwardAuth
		for name, value := range want {
			if lines[i][name] != value {
				t.Errorf("line %d: %s is %v, want %v", i, name, lines[i][name], value)
			}
		}
	}
	want := []api.Outcome{
		{Door: "forward_auth", Result: api.Granted, Reason: api.ReasonNone},
		{Door: "forward_auth", Result: api.Refused, Reason: "parameter_missing"},
		{Door: "forward_auth", Result: api.Failed, Reason: "internal"},
	}
	if diff := cmp.Diff(want, m.outcomes); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

func TestAPanicBehindADoorIsNoStatusOfItsOwn(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]int{forwardAuth: 503, webhook: 401} {
		s := gateway(t)
		s.issuer.door = map[string]string{forwardAuth: issuer.DoorForwardAuth, webhook: issuer.DoorWebhook}[path]
		s.issuer.respond = func(context.Context, issuer.Request) (issuer.Decision, error) { panic("a fault") }
		got := s.do(http.MethodGet, path, "", "Authorization", "Bearer "+secret)
		if got.StatusCode != want || got.problem(t).Reason != "internal" {
			t.Errorf("%s: %s %s", path, got.Status, got.body)
		}
		if line := s.line(); line["level"] != "error" || line["stack"] == nil {
			t.Errorf("log line: %v", line)
		}
	}
}

// TestAGatewaysAddressIsNobodys: everybody comes by it, so only whom a trusted one speaks for is counted.
func TestAGatewaysAddressIsNobodys(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		alter           []func(*api.Config)
		address, origin string
	}{
		"a gateway that is not trusted": {nil, "127.0.0.1", ""},
		"a gateway that is trusted":     {[]func(*api.Config){trust("127.0.0.0/8")}, "2001:db8::7", "2001:db8::/64"},
	} {
		s := gateway(t, c.alter...)
		s.do(http.MethodGet, forwardAuth, "", "Authorization", "Bearer "+secret, "X-Forwarded-For", "2001:db8::7")
		if got := s.issuer.asked[0]; got.Address != c.address || got.Origin != c.origin {
			t.Errorf("%s: address %q, counted by %q", name, got.Address, got.Origin)
		}
		h := hook(t, c.alter...)
		h.do(http.MethodGet, webhook, "", "Authorization", "Bearer "+secret, "X-Forwarded-For", "2001:db8::7")
		if got := h.issuer.asked[0].Origin; got != "" {
			t.Errorf("%s, to an engine: counted by %q", name, got)
		}
	}
}

func TestWhoAsksAGatewayTooOftenIsToldWhen(t *testing.T) {
	t.Parallel()
	s := gateway(t)
	s.refuse(&issuer.Error{Reason: issuer.ReasonRateLimited, RetryAfter: 6500 * time.Millisecond, Err: errBroken})
	got := s.do(http.MethodGet, forwardAuth, "", "Authorization", "Bearer "+secret)
	if got.StatusCode != http.StatusTooManyRequests || got.problem(t).Reason != "rate_limited" {
		t.Errorf("%s %s", got.Status, got.body)
	}
	wantHeaders(t, got, map[string]string{"Retry-After": "7", "Authorization": ""})
}
