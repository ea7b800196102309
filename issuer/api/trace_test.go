package api_test

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

// tracer keeps what it is told, and wants each request that begins to end once, in its own context.
type tracer struct {
	t       *testing.T
	mu      sync.Mutex
	begun   []string
	trusted []bool
	ended   []api.Answered
}

type traceKey struct{}

func (tr *tracer) Begin(ctx context.Context, r *http.Request, route string, trusted bool) (context.Context, string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.begun, tr.trusted = append(tr.begun, r.Method+" "+route), append(tr.trusted, trusted)
	return context.WithValue(ctx, traceKey{}, len(tr.begun)), "trace-1"
}

func (tr *tracer) End(ctx context.Context, _ string, a api.Answered) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if ctx.Value(traceKey{}) != len(tr.begun) {
		tr.t.Errorf("request %v ends, %d was begun", ctx.Value(traceKey{}), len(tr.begun))
	}
	tr.ended = append(tr.ended, a)
}

func TestEveryRequestIsFollowedFromBeginningToEnd(t *testing.T) {
	t.Parallel()
	tr := &tracer{t: t}
	s := start(t, func(c *api.Config) { c.Tracer = tr })
	s.issuer.respond = func(ctx context.Context, r issuer.Request) (issuer.Decision, error) {
		if ctx.Value(traceKey{}) == nil || r.TraceID != "trace-1" {
			t.Errorf("the exchange is in no trace, or in another: %q", r.TraceID)
		}
		return decision, nil
	}
	s.exchange(form())
	s.exchange(form("grant_type", "password"))
	s.refuse(&issuer.Error{Reason: issuer.ReasonRolesUnavailable, Err: errBroken})
	s.exchange(form())
	s.issuer.respond = func(context.Context, issuer.Request) (issuer.Decision, error) { panic("a fault") }
	s.exchange(form())
	s.do(http.MethodGet, "/"+secret, "")
	s.keys.err = errBroken
	s.do(http.MethodGet, "/.well-known/jwks.json", "")
	s.do(http.MethodGet, "/livez", "")
	s.do(http.MethodGet, "/readyz", "")
	if lines := s.lines(); lines[0]["trace_id"] != "trace-1" || lines[4]["trace_id"] != "trace-1" || lines[6]["trace_id"] != nil {
		t.Errorf("the log: %v", lines)
	}
	post := "POST /oauth2/token"
	if want := []string{post, post, post, post, "GET ", "GET /.well-known/jwks.json"}; !slices.Equal(tr.begun, want) {
		t.Errorf("begun: %q, want %q", tr.begun, want)
	}
	want := []api.Answered{
		{Route: token, Status: 200, Outcome: api.Outcome{Door: "token", Result: api.Granted, Reason: api.ReasonNone}},
		{Route: token, Status: 400, Outcome: api.Outcome{Door: "token", Result: api.Refused, Reason: "grant_type_unsupported"}},
		{Route: token, Status: 503, Failed: true, Outcome: api.Outcome{Door: "token", Result: api.Failed, Reason: "roles_unavailable"}},
		{Route: token, Status: 500, Failed: true, Outcome: api.Outcome{Door: "token", Result: api.Failed, Reason: "internal"}},
		{Status: 404},
		{Route: "/.well-known/jwks.json", Status: 503, Failed: true},
	}
	if diff := cmp.Diff(want, tr.ended); diff != "" {
		t.Errorf("ended (-want +got):\n%s", diff)
	}
}

// TestThePeerIsTrustedNotWhomItNames: nobody becomes trusted by a header.
func TestThePeerIsTrustedNotWhomItNames(t *testing.T) {
	t.Parallel()
	for networks, want := range map[string]bool{"": false, "127.0.0.0/8": true, "10.0.0.0/8": false} {
		tr := &tracer{t: t}
		s := start(t, func(c *api.Config) {
			c.Tracer = tr
			if networks != "" {
				c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(networks)}
			}
		})
		s.exchange(form(), "X-Forwarded-For", "10.0.0.1")
		s.Close()
		if !slices.Equal(tr.trusted, []bool{want}) {
			t.Errorf("%q: %v", networks, tr.trusted)
		}
	}
}
