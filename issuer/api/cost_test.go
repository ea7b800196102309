package api_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestWhatCostsMoreThanItIsWorthIsRefusedUnread: before anybody knows who asks.
func TestWhatCostsMoreThanItIsWorthIsRefusedUnread(t *testing.T) {
	t.Parallel()
	s := start(t)
	query := s.do(http.MethodPost, "/oauth2/token?"+strings.Repeat("a&", 2100), form().Encode(), "Content-Type", formType)
	if p := query.problem(t); query.StatusCode != http.StatusBadRequest || p.Reason != "body_malformed" {
		t.Errorf("a query of 4,200 bytes: %s %s", query.Status, query.body)
	}
	scope := s.exchange(form("scope", strings.Repeat("a ", 2048)+"a"))
	if p := scope.problem(t); scope.StatusCode != http.StatusBadRequest || p.Error != "invalid_scope" || p.Reason != "too_many_roles" {
		t.Errorf("a scope of 2,049 names: %s %s", scope.Status, scope.body)
	}
	if len(s.issuer.asked) != 0 {
		t.Errorf("%d exchanges were asked for", len(s.issuer.asked))
	}
	if got := s.exchange(form("scope", strings.Repeat("a ", 2047)+"a")); got.StatusCode != http.StatusOK {
		t.Errorf("a scope of 2,048 names: %s %s", got.Status, got.body)
	}
}
