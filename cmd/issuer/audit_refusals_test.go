package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/policy/policytest"
)

// noGuests is a policy without mercy.
const noGuests = `package issuer

default decision := {"allow": true}

decision := {"allow": false, "reason": "guests stay outside"} if "guest" in input.roles
`

// TestARefusalOfSomebodyKnownIsOnRecord, and what anybody can send as often as they like is not.
func TestARefusalOfSomebodyKnownIsOnRecord(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	policytest.Write(t, dir, "policy.rego", noGuests)
	tenant, server := entra(t)
	settings := append(stores(t, server.URL)["postgres"], "ISSUER_POLICY_DIR="+dir, "ISSUER_POLICY_TIMEOUT=5s", "ISSUER_RATE_LIMIT_ROLES=service=1/h",
		"ISSUER_ADMIN_TOKEN_SHA256="+hashOf(operatorToken))
	reader := personaObject(t, tenant, "reader")
	must(t, settings, "roles", "block", "--user", reader, "--reason", "left")
	s := serve(t, settings)
	editor, blocked := personaToken(t, tenant, "editor"), personaToken(t, tenant, "reader")
	guest, nobody, daemon := personaToken(t, tenant, "guest"), personaToken(t, tenant, "nobody"), personaToken(t, tenant, "daemon")
	for _, c := range []struct{ door, token, more, reason string }{
		{"token", editor[:len(editor)-12] + "AAAAAAAAAAAA", "", "signature_invalid"}, // of nobody known, and none of these is on record
		{"webhook", "no token", "", "token_malformed"},
		{"forward_auth", editor[:len(editor)-12], "", "token_malformed"},
		{"token", nobody, "", "no_roles"},
		{"forward_auth", nobody, "", "no_roles"},
		{"webhook", blocked, "", "blocked"},
		{"token", editor, "owner", "role_not_granted"},
		{"webhook", personaToken(t, tenant, "editor"), "owner", "role_not_granted"},
		{"token", guest, "", "policy_denied"},
		{"token", daemon, "", ""},
		{"token", daemon, "", "rate_limited"}, // too often, which says nothing about rights
	} {
		if got := s.knock(t, c.door, c.door+"."+c.reason, c.token, c.more); got.reason != c.reason {
			t.Errorf("%s: %d %q, want %q", c.door, got.status, got.reason, c.reason)
		}
	}
	if status, text := s.operate(t, operatorToken, http.MethodPost, "explain", `{"subject_token":"`+editor+`"}`); status != http.StatusOK {
		t.Errorf("explain by the operators' API: %d %s", status, text)
	}
	must(t, settings, "roles", "explain", "--user", reader)
	s.end()

	var got []string
	for _, r := range records(t, settings, "--kind", "exchange") {
		if r.Outcome == "refused" && (r.JTI != "" || r.ExpiresAt != nil || r.TenantID == "" || r.ObjectID == "") {
			t.Errorf("a refusal: %+v", r)
		}
		got = append(got, fmt.Sprintf("%s %s %s %v%s", r.RequestID, r.Outcome, r.Reason, r.AskedRoles, r.AskedRole))
	}
	want := []string{
		"token.no_roles refused no_roles []", "forward_auth.no_roles refused no_roles []", "webhook.blocked refused blocked []",
		"token.role_not_granted refused role_not_granted [owner]", "webhook.role_not_granted refused role_not_granted []owner",
		"token.policy_denied refused policy_denied []", "token. granted none []",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the records:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if text := strings.Join(lists(t, settings), ""); strings.Contains(text, "guests stay outside") {
		t.Error("what the policy wrote is on record")
	}
}

// TestAnswersFromMemoryAddToTheRecordOfTheFirst at the doors that have one.
func TestAnswersFromMemoryAddToTheRecordOfTheFirst(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	settings := stores(t, server.URL)["postgres"]
	s := serve(t, settings)
	for door, times := range map[string]int{"webhook": 4, "forward_auth": 3, "token": 2} {
		token := personaToken(t, tenant, "editor")
		for i := range times {
			if got := s.knock(t, door, fmt.Sprintf("%s-%d", door, i), token, ""); got.status != http.StatusOK {
				t.Fatalf("%s: %d %s", door, got.status, got.reason)
			}
		}
	}
	wantMetric(t, s, `issuer_audit_records_total{outcome="lost"} 0`)
	s.awaitAdmin(t, `issuer_audit_records_total{outcome="kept"} 4`)
	s.awaitAdmin(t, "issuer_audit_waiting 0")
	s.end()
	for door, want := range map[string][]int64{"webhook": {3}, "forward_auth": {2}, "token": {0, 0}} {
		var got []int64
		for _, r := range records(t, settings, "--door", door) {
			got = append(got, r.Repeats)
			if again := r.RepeatedAt != nil; again != (r.Repeats > 0) || again && r.RepeatedAt.Before(r.At) {
				t.Errorf("%s: decided at %v, last repeated at %v", door, r.At, r.RepeatedAt)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: records with %v repeats, want %v", door, got, want)
		}
	}
	if _, stdout, _ := execute(t, settings, "audit", "search", "--door", "webhook"); !strings.Contains(stdout, "editor reader (and 3 times again)") {
		t.Errorf("for people:\n%s", stdout)
	}
}
