package api_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

const authenticate = "/v1/authenticate"

// chooser answers as it is told, and keeps what it was asked.
type chooser struct {
	role  string
	err   error
	roles [][]string
	asked []string
}

func (c *chooser) Choose(_ context.Context, roles []string, request []byte) (string, error) {
	c.roles, c.asked = append(c.roles, roles), append(c.asked, string(request))
	return c.role, c.err
}

// asker is a running service whose engine asks for roles of queries.
func asker(t testing.TB, alter ...func(*api.Config)) (*service, *chooser) {
	t.Helper()
	c := &chooser{role: "reader"}
	s := start(t, append(alter, func(config *api.Config) { config.Chooser = c })...)
	s.issuer.door = issuer.DoorAuthenticate
	return s, c
}

// ofEngine is a body as engines write it.
func ofEngine(request string) string {
	return `{"headers":{"Authorization":"Bearer ` + secret + `","X-Hasura-Role":"admin"},"request":` + request + `}`
}

func TestAnEngineIsToldTheRoleOfAQuery(t *testing.T) {
	t.Parallel()
	s, c := asker(t)
	const query = `{"query":"{ sales { id } }","variables":{"a":[1]},"operationName":null}`
	for _, request := range []string{query, "null", "[" + query + "]"} {
		got := s.do(http.MethodPost, authenticate, ofEngine(request), "X-Request-Id", "req-7", "Authorization", "Bearer other")
		if want := `{"X-Hasura-User-Id":"object-1","X-Hasura-Role":"reader"}`; got.StatusCode != http.StatusOK || got.body != want {
			t.Errorf("%s: %s %s", request, got.Status, got.body)
		}
		wantHeaders(t, got, map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "Access-Control-Allow-Origin": ""})
	}
	if diff := cmp.Diff([]string{query, "null", "[" + query + "]"}, c.asked); diff != "" {
		t.Errorf("chosen for (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"editor", "reader"}, c.roles[0]); diff != "" {
		t.Errorf("chosen of (-want +got):\n%s", diff)
	}
	want := issuer.Request{SubjectToken: secret, Reuse: true, Door: "authenticate", Address: "127.0.0.1", RequestID: "req-7"}
	if diff := cmp.Diff(want, s.issuer.asked[0]); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
}

// TestTheQueryIsLookedAtOnceTheCallerIsKnown: what a stranger wrote is not even read to its end.
func TestTheQueryIsLookedAtOnceTheCallerIsKnown(t *testing.T) {
	t.Parallel()
	s, c := asker(t)
	s.refuse(&issuer.Error{Reason: issuer.ReasonSignatureInvalid, Err: errBroken})
	got := s.do(http.MethodPost, authenticate, ofEngine(`{"query":"`+strings.Repeat("{", 1<<20)+`"`))
	if got.StatusCode != http.StatusUnauthorized || got.body != `"Unauthorized"` || len(c.asked) != 0 {
		t.Errorf("%s %s, chosen %d times", got.Status, got.body, len(c.asked))
	}
}

func TestEveryReasonHasItsAnswerToAnEngine(t *testing.T) {
	t.Parallel()
	for _, reason := range issuer.Reasons() {
		s, _ := asker(t)
		s.refuse(&issuer.Error{Reason: reason, RetryAfter: 7 * time.Second, Err: errBroken})
		want := http.StatusUnauthorized
		switch reason { //nolint:exhaustive // everything else is 401
		case issuer.ReasonBodyMalformed:
			want = http.StatusBadRequest
		case issuer.ReasonMethodNotAllowed:
			want = http.StatusMethodNotAllowed
		case issuer.ReasonBodyTooLarge:
			want = http.StatusRequestEntityTooLarge
		case issuer.ReasonRateLimited:
			want = http.StatusTooManyRequests
		case issuer.ReasonInternal:
			want = http.StatusInternalServerError
		case issuer.ReasonKeysUnavailable, issuer.ReasonRolesUnavailable, issuer.ReasonGroupsUnavailable, issuer.ReasonIDPUnavailable,
			issuer.ReasonPolicyUnavailable, issuer.ReasonAuditUnavailable, issuer.ReasonOverloaded:
			want = http.StatusServiceUnavailable // an outage must not look like a refusal
		}
		got := s.do(http.MethodPost, authenticate, ofEngine("null"))
		isUnauthorized := got.body == `"Unauthorized"` && got.Header.Get("WWW-Authenticate") != ""
		if got.StatusCode != want || isUnauthorized != (want == http.StatusUnauthorized) {
			t.Errorf("%s: %s %s, want %d", reason, got.Status, got.body, want)
		}
		if (got.Header.Get("Retry-After") == "7") != (want == http.StatusServiceUnavailable || want == http.StatusTooManyRequests) {
			t.Errorf("%s: Retry-After %q", reason, got.Header.Get("Retry-After"))
		}
	}
}

func TestWhatComesOfTheChoice(t *testing.T) {
	t.Parallel()
	m := &meter{}
	for name, c := range map[string]struct {
		role   string
		err    error
		status int
		body   string
	}{
		"no role":          {"", nil, 401, `"Unauthorized"`},
		"no query":         {"", &api.QueryError{Text: "the query is no GraphQL"}, 400, `{"errors":["the query is no GraphQL"]}`},
		"nobody can tell":  {"", &issuer.Error{Reason: issuer.ReasonRolesUnavailable, Err: errBroken}, 503, ""},
		"a fault of ours":  {"", errors.New("nobody foresaw this"), 500, ""},
		"a role with odds": {`a"b`, nil, 200, `{"X-Hasura-User-Id":"object-1","X-Hasura-Role":"a\"b"}`},
	} {
		s, choice := asker(t, func(config *api.Config) { config.Meter = m })
		choice.role, choice.err = c.role, c.err
		s.issuer.respond = func(context.Context, issuer.Request) (issuer.Decision, error) {
			d := decision
			d.Role = "editor" // the default one, which is said to nobody
			return d, nil
		}
		got := s.do(http.MethodPost, authenticate, ofEngine("null"))
		if got.StatusCode != c.status || c.body != "" && got.body != c.body {
			t.Errorf("%s: %s %s", name, got.Status, got.body)
		}
		line := s.line()
		if line["door"] != "authenticate" || line["message"] != "exchange" || (line["role"] == nil) != (c.status != 200) {
			t.Errorf("%s: logged as %v", name, line)
		}
	}
	results := map[api.Outcome]int{}
	for _, one := range m.outcomes {
		results[one]++
	}
	want := map[api.Outcome]int{
		{Door: "authenticate", Result: api.Granted, Reason: api.ReasonNone}:     1,
		{Door: "authenticate", Result: api.Refused, Reason: "role_not_granted"}: 1, {Door: "authenticate", Result: api.Refused, Reason: "body_malformed"}: 1,
		{Door: "authenticate", Result: api.Failed, Reason: "roles_unavailable"}: 1, {Door: "authenticate", Result: api.Failed, Reason: "internal"}: 1,
	}
	if diff := cmp.Diff(want, results); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

func TestABodyThatIsNoneOfAnEngines(t *testing.T) {
	t.Parallel()
	head := `{"headers":{"Authorization":"Bearer ` + secret + `"}`
	for name, c := range map[string]struct {
		body    string
		headers []string
		status  int
		asked   int
	}{
		"nothing":                    {"", nil, 400, 0},
		"no headers":                 {`{"request":null}`, nil, 400, 0},
		"no token":                   {`{"headers":{},"request":null}`, nil, 401, 0},
		"two tokens":                 {`{"headers":{"Authorization":"Bearer a","authorization":"Bearer b"},"request":null}`, nil, 401, 0},
		"half a body":                {head + `,"request":{"query":"` + strings.Repeat("a", 70<<10), nil, 400, 1},
		"something behind":           {head + `,"request":null}{}`, nil, 400, 0},
		"a request that comes twice": {head + `,"a":"` + strings.Repeat("a", 70<<10) + `","request":null,"request":null}`, nil, 400, 1},
		"more than two megabytes":    {head + `,"request":{"query":"` + strings.Repeat("a", 2<<20) + `"}}`, nil, 413, 0},
		"packed":                     {head + `,"request":null}`, []string{"Content-Encoding", "gzip"}, 400, 0},
	} {
		s, _ := asker(t)
		got := s.do(http.MethodPost, authenticate, c.body, c.headers...)
		if got.StatusCode != c.status || len(s.issuer.asked) != c.asked {
			t.Errorf("%s: %s %s, asked %d times", name, got.Status, got.body, len(s.issuer.asked))
		}
		if got.StatusCode == http.StatusRequestEntityTooLarge && !strings.Contains(got.body, "2 MiB at /v1/authenticate") {
			t.Errorf("%s: the answer does not say what would do: %s", name, got.body)
		}
		if strings.Contains(got.body, secret) {
			t.Errorf("%s: the answer repeats the token", name)
		}
	}
}

func TestTheRouteIsThereOnBothListenersOrOnNone(t *testing.T) {
	t.Parallel()
	with, _ := asker(t)
	for name, c := range map[string]struct {
		s    *service
		want int
	}{"with a chooser": {with, http.StatusOK}, "without": {start(t), http.StatusNotFound}} {
		admin := httptest.NewServer(c.s.api.AdminHandler(http.NotFoundHandler(), nil))
		t.Cleanup(admin.Close)
		for _, url := range []string{c.s.URL, admin.URL} {
			c.s.URL = url
			if got := c.s.do(http.MethodPost, authenticate, ofEngine("null")); got.StatusCode != c.want {
				t.Errorf("%s: %s", name, got.Status)
			}
		}
	}
	if got := with.do(http.MethodGet, authenticate, ""); got.StatusCode != http.StatusMethodNotAllowed || got.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %s", got.Status)
	}
}
