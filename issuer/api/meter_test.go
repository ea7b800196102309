package api_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

// meter keeps what it is told.
type meter struct {
	mu       sync.Mutex
	outcomes []api.Outcome
	fetches  []string
}

func (m *meter) Exchanged(_ context.Context, o api.Outcome, took time.Duration) {
	if took <= 0 {
		panic("a request took no time")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.outcomes = append(m.outcomes, o)
}

func (m *meter) KeySetFetched(party string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fetches = append(m.fetches, party)
}

func TestEveryRequestForATokenIsCountedOnce(t *testing.T) {
	t.Parallel()
	m := &meter{}
	s := start(t, func(c *api.Config) { c.Meter = m })
	s.exchange(form())
	s.exchange(form("grant_type", "password"))
	s.refuse(&issuer.Error{Reason: issuer.ReasonRolesUnavailable, Err: errBroken})
	s.exchange(form())
	s.refuse(errors.New("nobody foresaw this"))
	s.exchange(form())
	s.refuse(&issuer.Error{Reason: issuer.ReasonRateLimited, Err: errBroken})
	s.exchange(form())
	s.do(http.MethodGet, "/oauth2/token", "")
	s.do(http.MethodGet, "/livez", "")
	s.Close()
	want := []api.Outcome{
		{Door: "token", Result: api.Granted, Reason: api.ReasonNone},
		{Door: "token", Result: api.Refused, Reason: "grant_type_unsupported"},
		{Door: "token", Result: api.Failed, Reason: "roles_unavailable"},
		{Door: "token", Result: api.Failed, Reason: "internal"},
		{Door: "token", Result: api.Refused, Reason: "rate_limited"},
	}
	if diff := cmp.Diff(want, m.outcomes); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
}

func TestEnginesAreCountedByTheNamesInTheSettingsAlone(t *testing.T) {
	t.Parallel()
	m := &meter{}
	s := start(t, func(c *api.Config) { c.Meter, c.RelyingParties = m, []string{"v2", "v3"} })
	for _, test := range []struct{ query, counted, told string }{
		{"", api.PartyNone, ""},
		{"?", api.PartyNone, ""},
		{"?v=1", api.PartyNone, ""},
		{"?rp=v2", "v2", "v2"},
		{"?v=1&rp=v3", "v3", "v3"},
		{"?rp=v4", api.PartyUnknown, ""},
		{"?rp=", api.PartyUnknown, ""},
		{"?rp=none", api.PartyUnknown, ""},
		{"?rp=v2&rp=v3", api.PartyUnknown, ""},
		{"?rp=v2&%", api.PartyUnknown, ""},
	} {
		m.fetches, s.keys.asked = nil, nil
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			if got := s.do(method, "/.well-known/jwks.json"+test.query, ""); got.StatusCode != http.StatusOK {
				t.Errorf("%s %q: %s", method, test.query, got.Status)
			}
		}
		if diff := cmp.Diff([]string{test.counted}, m.fetches); diff != "" {
			t.Errorf("%q is counted (-want +got):\n%s", test.query, diff)
		}
		if diff := cmp.Diff([]string{test.told, ""}, s.keys.asked); diff != "" { // HEAD takes no keys home
			t.Errorf("%q asks the ring for (-want +got):\n%s", test.query, diff)
		}
	}
	m.fetches = nil
	if got := s.do(http.MethodGet, "/.well-known/jwks.json?rp=v2", "", "If-None-Match", etag); got.StatusCode != http.StatusNotModified || len(m.fetches) != 1 {
		t.Errorf("who still has the key set: %s, counted %q", got.Status, m.fetches)
	}
	m.fetches, s.keys.err = nil, errBroken
	if got := s.do(http.MethodGet, "/.well-known/jwks.json?rp=v2", ""); got.StatusCode != http.StatusServiceUnavailable || len(m.fetches) != 0 {
		t.Errorf("without keys: %s, counted %q", got.Status, m.fetches)
	}
}

func TestOperatorsFindTheMetricsAndTheHealthAndNothingElse(t *testing.T) {
	t.Parallel()
	s := start(t)
	admin := httptest.NewServer(s.api.AdminHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "issuer_up 1\n")
	}), nil))
	t.Cleanup(admin.Close)
	s.URL = admin.URL
	if got := s.do(http.MethodGet, "/metrics", "", "Origin", app); got.StatusCode != http.StatusOK || got.body != "issuer_up 1\n" || got.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%s %q %v", got.Status, got.body, got.Header)
	}
	if got := s.do(http.MethodPost, "/metrics", ""); got.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %s", got.Status)
	}
	for _, path := range []string{"/livez", "/readyz"} {
		if got := s.do(http.MethodGet, path, ""); got.StatusCode != http.StatusOK || got.body != `{"ready":true,"checks":{}}` {
			t.Errorf("%s: %s %s", path, got.Status, got.body)
		}
	}
	for _, path := range []string{"/", "/oauth2/token", "/.well-known/jwks.json", "/metrics/", "/debug/pprof/"} {
		if got := s.do(http.MethodGet, path, ""); got.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", path, got.Status)
		}
	}
}
