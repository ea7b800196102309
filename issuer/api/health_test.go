package api_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	const (
		well = `"keys":"ok","roles":"ok","redis":"off"}}`
		ill  = `"keys":"ok","roles":"does not work at the moment, see the log","redis":"off"}}`
	)
	for name, c := range map[string]struct {
		keys, roles error
		drain       bool
		path        string
		status      int
		body        string
	}{
		"all is well":                             {path: "/readyz", status: 200, body: `{"ready":true,"checks":{` + well},
		"all is well, in full":                    {path: "/readyz?full", status: 200, body: `{"ready":true,"checks":{` + well},
		"a dead database keeps the key set up":    {path: "/readyz", roles: errBroken, status: 200, body: `{"ready":true,"checks":{` + ill},
		"but in full it is not ready":             {path: "/readyz?full=1", roles: errBroken, status: 503, body: `{"ready":false,"checks":{` + ill},
		"no key set that may be published":        {path: "/readyz", keys: errBroken, status: 503, body: `{"ready":false,"checks":{` + well},
		"draining":                                {path: "/readyz", drain: true, status: 503, body: `{"ready":false,"checks":{` + well},
		"alive while draining":                    {path: "/livez", drain: true, status: 200, body: `{"ready":false,"checks":{` + well},
		"alive with all parts down":               {path: "/livez", roles: errBroken, keys: errBroken, status: 200, body: `{"ready":false,"checks":{` + ill},
		"another parameter is not full":           {path: "/readyz?fully", roles: errBroken, status: 200, body: `{"ready":true,"checks":{` + ill},
		"draining does not make the rest unsound": {path: "/readyz?full", drain: true, status: 503, body: `{"ready":false,"checks":{` + well},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, func(config *api.Config) {
				config.Checks = []api.Check{
					{Name: "keys", Health: func() error { return nil }},
					{Name: "roles", Health: func() error { return c.roles }},
					{Name: "redis", Off: true},
				}
			})
			s.keys.err = c.keys
			if c.drain {
				s.api.Drain()
			}
			got := s.do(http.MethodGet, c.path, "")
			if got.StatusCode != c.status || got.body != c.body {
				t.Errorf("%s\n got %s\nwant %s", got.Status, got.body, c.body)
			}
			wantHeaders(t, got, map[string]string{"Cache-Control": "no-store", "Content-Type": "application/json"})
			if head := s.do(http.MethodHead, c.path, ""); head.StatusCode != c.status || head.body != "" {
				t.Errorf("HEAD: %s %q", head.Status, head.body)
			}
			if line := s.lines()[0]; line["level"] != "debug" {
				t.Errorf("log line: %v", line)
			}
		})
	}
}

func TestAnAlarmIsShownAndIsNoOutage(t *testing.T) {
	t.Parallel()
	s := start(t, func(config *api.Config) {
		config.Checks = []api.Check{
			{Name: "keys", Health: func() error { return nil }, Alarms: func() []string { return []string{"a rotation is overdue", "and \"more\""} }},
			{Name: "roles", Health: func() error { return nil }, Alarms: func() []string { return nil }},
		}
	})
	const want = `{"ready":true,"checks":{"keys":"a rotation is overdue; and \"more\"","roles":"ok"}}`
	if got := s.do(http.MethodGet, "/readyz?full", ""); got.StatusCode != http.StatusOK || got.body != want {
		t.Errorf("%s\n got %s\nwant %s", got.Status, got.body, want)
	}
}

func TestHealthIsToldPartByPart(t *testing.T) {
	t.Parallel()
	s := start(t, func(config *api.Config) {
		config.Checks = []api.Check{
			{Name: "keys", Health: func() error { return nil }, Alarms: func() []string { return []string{"a rotation is overdue"} }},
			{Name: "roles", Health: func() error { return nil }},
			{Name: "entra", Health: func() error { return told{errBroken} }},
			{Name: "policy", Health: func() error { return errBroken }},
			{Name: "redis", Off: true},
		}
	})
	ready, parts := s.api.Health()
	want := []api.Part{
		{"keys", api.Alarmed, "a rotation is overdue"},
		{"roles", api.Well, ""},
		{"entra", api.Down, "there is no ring yet"},
		{"policy", api.Down, "does not work at the moment, see the log"},
		{"redis", api.Off, ""},
	}
	if diff := cmp.Diff(want, parts); diff != "" || !ready {
		t.Errorf("ready %v (-want +got):\n%s", ready, diff)
	}
	s.api.Drain()
	if ready, _ := s.api.Health(); ready {
		t.Error("ready while it is draining")
	}
}

// told is an error that anybody may be told of.
type told struct{ error }

func (told) Public() string { return "there is no ring yet" }

func TestAFaultThatHoldsNoSecretIsNamed(t *testing.T) {
	t.Parallel()
	s := start(t, func(config *api.Config) {
		config.Checks = []api.Check{{Name: "keys", Health: func() error {
			return fmt.Errorf("sync: %w", told{errors.New("of the inside")})
		}}}
	})
	const want = `{"ready":false,"checks":{"keys":"there is no ring yet"}}`
	if got := s.do(http.MethodGet, "/readyz?full", ""); got.StatusCode != http.StatusServiceUnavailable || got.body != want {
		t.Errorf("%s\n got %s\nwant %s", got.Status, got.body, want)
	}
}

func TestADrainingServiceGoesOnAnswering(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.api.Drain()
	if got := s.exchange(form()); got.StatusCode != http.StatusOK {
		t.Errorf("the token endpoint: %s", got.Status)
	}
	if got := s.do(http.MethodGet, "/.well-known/jwks.json", ""); got.StatusCode != http.StatusOK {
		t.Errorf("the key set: %s", got.Status)
	}
}
