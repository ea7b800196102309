package api_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

// wire is how a reason looks to a client.
type wire struct {
	status int
	code   string
}

func wires() map[issuer.Reason]wire {
	bad := wire{400, "invalid_request"}
	unavailable := wire{503, "temporarily_unavailable"}
	return map[issuer.Reason]wire{
		"body_malformed": bad, "parameter_missing": bad, "parameter_repeated": bad, "parameter_unsupported": bad,
		"token_too_large": bad, "token_malformed": bad, "token_encrypted": bad, "algorithm_not_allowed": bad, "key_unknown": bad,
		"signature_invalid": bad, "token_expired": bad, "token_not_yet_valid": bad, "issuer_unknown": bad, "key_issuer_mismatch": bad,
		"tenant_not_allowed": bad, "audience_not_ours": bad, "graph_token": bad, "arm_token": bad, "id_token": bad, "bound_token": bad,
		"client_not_allowed": bad, "scope_missing": bad, "app_role_missing": bad, "app_only_refused": bad, "guest_refused": bad,
		"agent_refused": bad, "claim_missing": bad, "claim_invalid": bad,
		"grant_type_unsupported": {400, "unsupported_grant_type"}, "role_not_granted": {400, "invalid_scope"},
		"too_many_roles": {400, "invalid_scope"}, "audience_unknown": {400, "invalid_target"},
		"rate_limited": {429, "temporarily_unavailable"},
		"no_roles":     {403, "access_denied"}, "blocked": {403, "access_denied"}, "policy_denied": {403, "access_denied"},
		"not_found": {404, "invalid_request"}, "method_not_allowed": {405, "invalid_request"},
		"body_too_large": {413, "invalid_request"}, "content_type_unsupported": {415, "invalid_request"},
		"keys_unavailable": unavailable, "roles_unavailable": unavailable, "groups_unavailable": unavailable, "idp_unavailable": unavailable,
		"policy_unavailable": unavailable, "audit_unavailable": unavailable, "overloaded": unavailable,
		"internal": {500, "server_error"},
	}
}

// describable are the characters that RFC 6749 §5.2 allows in error_description.
var describable = regexp.MustCompile(`^[\x20-\x21\x23-\x5B\x5D-\x7E]{10,160}$`)

func TestEveryReasonHasItsAnswer(t *testing.T) {
	t.Parallel()
	table := wires()
	if len(table) != len(issuer.Reasons()) {
		t.Errorf("%d reasons in the table of the test, %d in the program", len(table), len(issuer.Reasons()))
	}
	said := map[string]issuer.Reason{}
	for _, reason := range issuer.Reasons() {
		want, ok := table[reason]
		if !ok {
			t.Errorf("%s is not in the table of the test", reason)
		}
		s := start(t)
		s.refuse(fmt.Errorf("exchange: %w", &issuer.Error{Reason: reason, RetryAfter: 1500 * time.Millisecond, Err: errBroken}))
		got := s.exchange(form())
		p := got.problem(t)
		if got.StatusCode != want.status || p.Error != want.code || p.Reason != string(reason) {
			t.Errorf("%s: got %d %+v, want %+v", reason, got.StatusCode, p, want)
		}
		if other, again := said[p.Description]; again || !describable.MatchString(p.Description) {
			t.Errorf("%s: the description %q is not fit, or the one of %q", reason, p.Description, other)
		}
		said[p.Description] = reason
		retry := ""
		if want.code == "temporarily_unavailable" {
			retry = "2"
		}
		wantHeaders(t, got, map[string]string{
			"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache", "Retry-After": retry,
			"X-Content-Type-Options": "nosniff", "Vary": "Origin",
		})
		if strings.Contains(got.body, "10.0.0.7") {
			t.Errorf("%s: the answer shows internals: %s", reason, got.body)
		}
	}
}

func TestRetryAfterIsRoundedUpAndNeverZero(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]string{
		0: "1", time.Millisecond: "1", time.Second: "1", time.Second + 1: "2", 30 * time.Second: "30",
	} {
		for _, reason := range []issuer.Reason{issuer.ReasonIDPUnavailable, issuer.ReasonRateLimited} {
			s := start(t)
			s.refuse(&issuer.Error{Reason: reason, RetryAfter: wait, Err: errBroken})
			wantHeaders(t, s.exchange(form()), map[string]string{"Retry-After": want})
		}
	}
}

func TestWhatNobodyExpectedIsAFaultOfOurs(t *testing.T) {
	t.Parallel()
	for name, respond := range map[string]func(context.Context, issuer.Request) (issuer.Decision, error){
		"an error of another kind": func(context.Context, issuer.Request) (issuer.Decision, error) {
			return issuer.Decision{}, errors.New("no such kind: " + "10.0.0.7")
		},
		"a reason nobody knows": func(context.Context, issuer.Request) (issuer.Decision, error) {
			return issuer.Decision{}, &issuer.Error{Reason: "made_up", Err: errBroken}
		},
		"a token beside an error": func(context.Context, issuer.Request) (issuer.Decision, error) { return decision, errBroken },
		"neither a token nor an error": func(context.Context, issuer.Request) (issuer.Decision, error) {
			return issuer.Decision{}, nil
		},
		"a panic": func(context.Context, issuer.Request) (issuer.Decision, error) { panic("at 10.0.0.7") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.issuer.respond = respond
			got := s.exchange(form(), "Origin", app)
			if p := got.problem(t); got.StatusCode != 500 || p.Error != "server_error" || p.Reason != "internal" {
				t.Errorf("%d %+v", got.StatusCode, p)
			}
			if strings.Contains(got.body, "10.0.0.7") || strings.Contains(got.body, decision.Token) {
				t.Errorf("the answer says too much: %s", got.body)
			}
			wantHeaders(t, got, map[string]string{"Cache-Control": "no-store", "Access-Control-Allow-Origin": app})
			line := s.line()
			if name == "a panic" && line["error"] != "panic with a string" {
				t.Errorf("the log says %v: what the panic holds may come from the request", line["error"])
			}
			if line["level"] != "error" || line["reason"] != "internal" || line["error"] == nil || line["status"] != 500.0 {
				t.Errorf("log line: %v", line)
			}
			stack, _ := line["stack"].(string)
			if (name == "a panic") != strings.Contains(stack, "errors_test.go") {
				t.Errorf("stack: %q", stack)
			}
		})
	}
}

// open panics with a key as its argument.
//
//go:noinline
func open(sealed [32]byte) issuer.Decision {
	if sealed[0] != 0 {
		panic(sealed)
	}
	return decision
}

// TestTheStackOfAPanicShowsNothingThatFunctionsWereCalledWith: the runtime's own shows it as words of memory.
func TestTheStackOfAPanicShowsNothingThatFunctionsWereCalledWith(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.issuer.respond = func(context.Context, issuer.Request) (issuer.Decision, error) {
		return open([32]byte([]byte("sixteen letters, and 16 of them."))), nil
	}
	s.exchange(form())
	line := s.line()
	stack, _ := line["stack"].(string)
	if !strings.Contains(stack, "api_test.open\n\t") || !strings.Contains(stack, "api.(*API).exchange\n\t") {
		t.Errorf("it does not say where it was: %q", stack)
	}
	if !calls.MatchString(stack) || strings.Contains(stack, "0x") {
		t.Errorf("there is more in it than functions and places: %q", stack)
	}
	if line["error"] != "panic with a [32]uint8" {
		t.Errorf("the log shows what the panic holds: %v", line["error"])
	}
}

// calls is a stack of functions' names and the places in them.
var calls = regexp.MustCompile(`^([^\s{}]+\n\t[^\n]+\.(go|s):\d+\n)+$`)
