package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

func TestAGrantedTokenIsAnsweredAsRFC8693Says(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ asked, want string }{
		"an access token unless asked": {"", accessToken},
		"an access token":              {accessToken, accessToken},
		"a JWT":                        {jwtType, jwtType},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := start(t).exchange(form("requested_token_type", c.asked))
			want := `{"access_token":"minted.hasura.jwt","issued_token_type":"` + c.want + `","token_type":"Bearer","expires_in":300,"scope":"editor reader"}`
			if got.StatusCode != http.StatusOK || got.body != want {
				t.Errorf("%s\n%s", got.Status, cmp.Diff(want, got.body))
			}
			wantHeaders(t, got, map[string]string{
				"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache", "X-Content-Type-Options": "nosniff",
				"Retry-After": "", "Vary": "Origin", "Access-Control-Allow-Origin": "",
			})
		})
	}
}

func wantHeaders(t *testing.T, got answer, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if given := strings.Join(got.Header.Values(name), "|"); given != value {
			t.Errorf("%s: %q, want %q", name, given, value)
		}
	}
}

func TestTheExchangeIsAskedForWhatTheFormSays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		alter []string
		want  issuer.Request
	}{
		"nothing but a token":                {nil, issuer.Request{}},
		"a scope":                            {[]string{"scope", "reader"}, issuer.Request{Scope: []string{"reader"}}},
		"a scope with blanks to spare":       {[]string{"scope", "  reader  editor "}, issuer.Request{Scope: []string{"editor", "reader"}}},
		"a scope that says a thing twice":    {[]string{"scope", "reader editor reader"}, issuer.Request{Scope: []string{"editor", "reader"}}},
		"blanks alone, which is not all":     {[]string{"scope", "  "}, issuer.Request{Scope: []string{""}}},
		"an empty scope, which is none":      {[]string{"scope", ""}, issuer.Request{}},
		"an audience":                        {[]string{"audience", "hasura"}, issuer.Request{Audience: "hasura"}},
		"empty parameters that we serve not": {[]string{"resource", "", "actor_token", "", "actor_token_type", ""}, issuer.Request{}},
		"parameters nobody knows":            {[]string{"client_id", "spa", "foo", "bar", "Scope", "x"}, issuer.Request{}},
		"a JWT":                              {[]string{"subject_token_type", jwtType}, issuer.Request{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			if got := s.exchange(form(c.alter...), "X-Request-Id", "req-7"); got.StatusCode != http.StatusOK {
				t.Fatalf("%s %s", got.Status, got.body)
			}
			c.want.SubjectToken, c.want.Door, c.want.RequestID = secret, "token", "req-7"
			c.want.Address, c.want.Origin = "127.0.0.1", "127.0.0.1"
			if diff := cmp.Diff([]issuer.Request{c.want}, s.issuer.asked, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestATokenOfAnySizeReachesTheVerifier(t *testing.T) {
	t.Parallel()
	s := start(t)
	long := strings.Repeat("a", 40<<10)
	if got := s.exchange(form("subject_token", long)); got.StatusCode != http.StatusOK || s.issuer.asked[0].SubjectToken != long {
		t.Errorf("a token of 40 KiB: %s", got.Status)
	}
}

func TestASlowExchangeIsEndedByTheDeadline(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.issuer.respond = func(ctx context.Context, _ issuer.Request) (issuer.Decision, error) {
		<-ctx.Done()
		return issuer.Decision{}, &issuer.Error{Reason: issuer.ReasonRolesUnavailable, RetryAfter: time.Second, Err: ctx.Err()}
	}
	var got answer
	synctest.Test(t, func(t *testing.T) { // without a connection, so that time passes by itself
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/oauth2/token", strings.NewReader(form().Encode()))
		r.Header.Set("Content-Type", formType)
		w, began := httptest.NewRecorder(), time.Now()
		s.api.Handler().ServeHTTP(w, r)
		if took := time.Since(began); took != 8*time.Second {
			t.Errorf("it took %v", took)
		}
		got = answer{w.Result(), w.Body.String()}
	})
	if got.StatusCode != http.StatusServiceUnavailable || got.problem(t).Reason != "roles_unavailable" {
		t.Errorf("%s %s", got.Status, got.body)
	}
	if line := s.line(); line["level"] != "warn" || line["cancelled"] != nil {
		t.Errorf("a deadline of ours is not the client's doing: %v", line)
	}
}
