package api_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

const (
	webhook = "/hasura/webhook"
	session = `{"X-Hasura-Role":"editor","X-Hasura-Org-Id":"4\"2","X-Hasura-Regions":"{\"eu\",\"us\"}","X-Hasura-User-Id":"object-1","Cache-Control":"max-age=300"}`
)

// hook starts the service for requests by the door of engines.
func hook(t *testing.T, alter ...func(*api.Config)) *service {
	t.Helper()
	s := start(t, alter...)
	s.issuer.door = issuer.DoorWebhook
	s.issuer.respond = func(context.Context, issuer.Request) (issuer.Decision, error) {
		d := decision
		d.Role = "editor"
		d.Session = map[string]string{"x-hasura-user-id": "object-1", "x-hasura-regions": `{"eu","us"}`, "x-hasura-org-id": `4"2`}
		return d, nil
	}
	return s
}

func TestAnEngineIsToldTheSession(t *testing.T) {
	t.Parallel()
	token := `"Authorization":"Bearer ` + secret + `"`
	for name, c := range map[string]struct {
		body    string // "" for GET
		headers []string
		role    string
	}{
		"by GET":                               {headers: []string{"Authorization", "Bearer " + secret}},
		"by GET with a role":                   {headers: []string{"authorization", "Bearer " + secret, "x-hasura-role", "reader"}, role: "reader"},
		"by POST as v2 sends it":               {body: `{"headers":{` + token + `,"Cookie":"a=b"},"request":{"operationName":"q","query":"query q { a }","variables":{"x":[1,{"y":null}]}}}`},
		"by POST as v3 sends it":               {body: `{"headers":{"authorization":"Bearer ` + secret + `","x-hasura-role":"reader"}}`, role: "reader"},
		"a query that is no JSON, or a socket": {body: `{"headers":{` + token + `},"request":null}`},
		"a batch of queries":                   {body: `{"headers":{` + token + `},"request":[{"query":"{a}"},{"query":"{b}"}]}`},
		"the query first":                      {body: `{"request":{"query":"{a}"},"headers":{` + token + `}}`},
		"names in any letters":                 {body: `{"headers":{"AUTHORIZATION":"Bearer ` + secret + `","X-HASURA-ROLE":"reader"}}`, role: "reader"},
		"the engine's own headers mean nothing": {
			body: `{"headers":{` + token + `}}`, headers: []string{"Authorization", "Bearer other", "X-Hasura-Role", "admin"},
		},
		"what an engine may add one day":      {body: `{"version":2,"headers":{` + token + `},"extra":{"headers":{"Authorization":"Bearer other"}}}`},
		"names that look alike are others":    {body: `{"headers":{` + token + `,"X-Haſura-Role":"admin","Authorization ":"Bearer other"}}`},
		"blanks and escapes as JSON has them": {body: " {\n\"\\u0068eaders\" : { \"\\u0041uthorization\" : \"Bearer " + secret + "\" } }\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := hook(t)
			method := http.MethodGet
			if c.body != "" {
				method = http.MethodPost
			}
			got := s.do(method, webhook, c.body, append(c.headers, "X-Request-Id", "req-7")...)
			if got.StatusCode != http.StatusOK || got.body != session {
				t.Fatalf("%s\n%s", got.Status, cmp.Diff(session, got.body))
			}
			wantHeaders(t, got, map[string]string{
				"Content-Type": "application/json", "Cache-Control": "no-store", "Authorization": "", "Set-Cookie": "", "Access-Control-Allow-Origin": "",
			})
			want := []issuer.Request{{SubjectToken: secret, Role: c.role, Reuse: true, Door: "webhook", Address: "127.0.0.1", RequestID: "req-7"}}
			if diff := cmp.Diff(want, s.issuer.asked); diff != "" {
				t.Errorf("asked for (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWhatAClientWroteIsNotItsAddress: by GET an engine hands on its client's headers, and the engine may stand where
// proxies are trusted.
func TestWhatAClientWroteIsNotItsAddress(t *testing.T) {
	t.Parallel()
	for method, body := range map[string]string{http.MethodGet: "", http.MethodPost: `{"headers":{"Authorization":"Bearer ` + secret + `"}}`} {
		s := hook(t, trust("127.0.0.0/8"))
		got := s.do(method, webhook, body, "Authorization", "Bearer "+secret, "X-Forwarded-For", "203.0.113.7")
		if got.StatusCode != http.StatusOK || s.issuer.asked[0].Address != "127.0.0.1" {
			t.Errorf("%s: %s, asked for %s", method, got.Status, s.issuer.asked[0].Address)
		}
		if line := s.line(); line["peer"] != "127.0.0.1" || line["address"] != nil {
			t.Errorf("%s: %v", method, line)
		}
	}
}

func TestAnEngineHearsNothingButYesAndNo(t *testing.T) {
	t.Parallel()
	for _, reason := range issuer.Reasons() {
		s := hook(t)
		s.refuse(&issuer.Error{Reason: reason, RetryAfter: time.Minute, Err: errBroken})
		want, challenged := http.StatusUnauthorized, true
		if reason == issuer.ReasonMethodNotAllowed { // which no exchange says
			want, challenged = http.StatusMethodNotAllowed, false
		}
		got := s.do(http.MethodGet, webhook, "", "Authorization", "Bearer "+secret)
		if p := got.problem(t); got.StatusCode != want || p.Reason != string(reason) || (got.Header.Get("WWW-Authenticate") != "") != challenged {
			t.Errorf("%s: %s %s", reason, got.Status, got.body)
		}
		wantHeaders(t, got, map[string]string{"Cache-Control": "no-store"})
	}
}

func TestOnlyGETAndPOSTReachTheWebhook(t *testing.T) {
	t.Parallel()
	s := hook(t)
	for _, method := range []string{http.MethodPut, http.MethodHead, http.MethodOptions, http.MethodDelete, "post"} {
		got := s.do(method, webhook, "", "Authorization", "Bearer "+secret, "Origin", app, "Access-Control-Request-Method", "POST")
		if got.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s: %s", method, got.Status)
		}
		wantHeaders(t, got, map[string]string{"Allow": "GET, POST", "Cache-Control": "no-store", "Access-Control-Allow-Origin": ""})
	}
	if len(s.issuer.asked) != 0 {
		t.Errorf("asked %d times", len(s.issuer.asked))
	}
}

func TestTheClientsHeadersAreReadInOneWayOnly(t *testing.T) {
	t.Parallel()
	for name, c := range spellings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := hook(t)
			var headers, members []string
			for i, value := range c.sent {
				headers = append(headers, "Authorization", value)
				spelling := []string{"Authorization", "authorization"}[i]
				members = append(members, fmt.Sprintf("%q:%q", spelling, value))
			}
			s.wantSpelling(s.do(http.MethodGet, webhook, "", headers...), c.reason)
			s.issuer.asked = nil
			s.wantSpelling(s.do(http.MethodPost, webhook, `{"headers":{`+strings.Join(members, ",")+`}}`), c.reason)
		})
	}
	token := `"Authorization":"Bearer ` + secret + `"`
	for name, c := range map[string]struct {
		body   string
		reason issuer.Reason
	}{
		"blanks around, which HTTP would have dropped": {`{"headers":{"Authorization":" Bearer ` + secret + `"}}`, issuer.ReasonParameterMissing},
		"a name that comes twice":                      {`{"headers":{` + token + `,` + token + `}}`, issuer.ReasonBodyMalformed},
		"headers that come twice":                      {`{"headers":{` + token + `},"headers":{` + token + `}}`, issuer.ReasonBodyMalformed},
		"headers that come twice, by an escape":        {`{"headers":{` + token + `},"header\u0073":{` + token + `}}`, issuer.ReasonBodyMalformed},
		"two roles":                                    {`{"headers":{` + token + `,"X-Hasura-Role":"a","x-hasura-role":"a"}}`, issuer.ReasonParameterRepeated},
		"an empty role":                                {`{"headers":{` + token + `,"X-Hasura-Role":""}}`, issuer.ReasonRoleNotGranted},
		"no headers":                                   {`{"request":null}`, issuer.ReasonBodyMalformed},
		"headers that are null":                        {`{"headers":null}`, issuer.ReasonBodyMalformed},
		"headers in a list":                            {`{"headers":[{` + token + `}]}`, issuer.ReasonBodyMalformed},
		"headers under another name":                   {`{"Headers":{` + token + `}}`, issuer.ReasonBodyMalformed},
		"a header that is no text":                     {`{"headers":{` + token + `,"X-A":1}}`, issuer.ReasonBodyMalformed},
		"a header with several values":                 {`{"headers":{"Authorization":["Bearer ` + secret + `"]}}`, issuer.ReasonBodyMalformed},
		"no JSON":                                      {`Authorization=Bearer`, issuer.ReasonBodyMalformed},
		"an empty body":                                {"", issuer.ReasonBodyMalformed},
		"half a body":                                  {`{"headers":{` + token + `},"request":{"query":"{`, issuer.ReasonBodyMalformed},
		"half of the headers":                          {`{"headers":{` + token, issuer.ReasonBodyMalformed},
		"something behind":                             {`{"headers":{` + token + `}}{}`, issuer.ReasonBodyMalformed},
		"bytes that are no text":                       {"{\"headers\":{" + token + ",\"X-A\":\"\xff\"}}", issuer.ReasonBodyMalformed},
		"half a character":                             {`{"headers":{` + token + `,"X-A":"\ud800"}}`, issuer.ReasonBodyMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := hook(t)
			s.wantSpelling(s.do(http.MethodPost, webhook, c.body), c.reason)
			if s.line(); strings.Contains(s.logs.String(), "subject") {
				t.Errorf("the log repeats what was sent: %s", s.logs)
			}
		})
	}
	s := hook(t)
	twice := s.do(http.MethodGet, webhook, "", "Authorization", "Bearer "+secret, "X-Hasura-Role", "a", "X-Hasura-Role", "b")
	s.wantSpelling(twice, issuer.ReasonParameterRepeated)
}

func TestALargeQueryCostsNoMemoryAndAnEnormousOneIsRefused(t *testing.T) {
	t.Parallel()
	headers := `{"headers":{"Authorization":"Bearer ` + secret + `"`
	query := func(size int) string { return `},"request":{"query":"` + strings.Repeat("a", size) + `"}}` }
	for name, c := range map[string]struct {
		body   string
		more   []string
		reason issuer.Reason
	}{
		"a megabyte":                     {headers + query(1<<20), nil, ""},
		"eight megabytes":                {headers + query(8<<20-len(headers)-len(query(0))), nil, ""},
		"a byte more":                    {headers + query(8<<20-len(headers)-len(query(0))+1), nil, issuer.ReasonBodyTooLarge},
		"headers that do not fit":        {headers + `,"X-A":"` + strings.Repeat("a", 64<<10) + `"` + query(1), nil, issuer.ReasonBodyMalformed},
		"headers behind a large query":   {`{"request":{"query":"` + strings.Repeat("a", 64<<10) + `"},` + headers[1:] + "}}", nil, issuer.ReasonBodyMalformed},
		"a body that is packed":          {headers + query(1), []string{"Content-Encoding", "gzip"}, issuer.ReasonBodyMalformed},
		"headers and a name after those": {headers + `},"headers":{},"request":"` + strings.Repeat("a", 64<<10) + `"}`, nil, issuer.ReasonBodyMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := hook(t)
			s.wantSpelling(s.do(http.MethodPost, webhook, c.body, c.more...), c.reason)
		})
	}
}

func TestAnEnginesRequestIsLoggedAndCountedByItsDoor(t *testing.T) {
	t.Parallel()
	m := &meter{}
	s := hook(t, func(c *api.Config) { c.Meter = m })
	s.do(http.MethodGet, webhook, "", "Authorization", "Bearer "+secret)
	s.refuse(&issuer.Error{Reason: issuer.ReasonRolesUnavailable, Err: errBroken})
	s.do(http.MethodGet, webhook, "", "Authorization", "Bearer "+secret)
	lines := s.lines()
	for i, want := range []map[string]any{
		{"level": "info", "role": "editor", "status": 200.0, "lifetime": 300.0, "kid": nil, "token_sha256": "0123456789abcdef"},
		{"level": "warn", "reason": "roles_unavailable", "status": 401.0}, // it failed, whatever the engine is told
	} {
		want["message"], want["door"], want["route"] = "exchange", "webhook", webhook
		for name, value := range want {
			if lines[i][name] != value {
				t.Errorf("line %d: %s is %v, want %v", i, name, lines[i][name], value)
			}
		}
	}
	if strings.Contains(s.logs.String(), "x-hasura") {
		t.Error("session variables stand in the log")
	}
	want := []api.Outcome{
		{Door: "webhook", Result: api.Granted, Reason: api.ReasonNone},
		{Door: "webhook", Result: api.Failed, Reason: "roles_unavailable"},
	}
	if diff := cmp.Diff(want, m.outcomes); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}
