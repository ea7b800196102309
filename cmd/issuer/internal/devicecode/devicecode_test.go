package devicecode_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/devicecode"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant/rsatest"
)

// scene is a fake tenant whose clock a sign-in moves by waiting.
type scene struct {
	*faketenant.Tenant
	devicecode.Config
	base string

	mu    sync.Mutex
	at    time.Time
	waits []time.Duration
	shown devicecode.Prompt
}

func (s *scene) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

// newScene has act done after the n-th wait, counted from 1.
func newScene(t *testing.T, act func(s *scene, n int)) *scene {
	t.Helper()
	s := &scene{at: time.Now()}
	var err error
	if s.Tenant, err = faketenant.New(faketenant.Options{Now: s.now, Key: rsatest.Lender(t)}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.base = server.URL
	s.SetAuthority(server.URL)
	s.Config = devicecode.Config{
		Authority: server.URL, Tenant: faketenant.TenantID, Client: faketenant.NativeClientID,
		Scope: "api://" + faketenant.APIClientID + "/access_as_user", HTTP: &http.Client{},
		Show: func(p devicecode.Prompt) error { s.shown = p; return nil },
		Wait: func(_ context.Context, d time.Duration) error {
			s.mu.Lock()
			s.at = s.at.Add(d)
			s.waits = append(s.waits, d)
			n := len(s.waits)
			s.mu.Unlock()
			act(s, n)
			return nil
		},
	}
	return s
}

// visit is what the person does on the other screen.
func (s *scene) visit(t *testing.T, choice string) {
	t.Helper()
	response, err := http.Get(s.shown.Page + "?user_code=" + s.shown.Code + "&" + choice)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
}

func TestSomebodySignsInOnAnotherScreen(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(s *scene, n int) {
		if n == 3 {
			s.visit(t, "persona=editor")
		}
	})
	token, err := devicecode.SignIn(t.Context(), s.Config)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(token, ".") != 2 {
		t.Errorf("no token: %d characters", len(token))
	}
	if want := []time.Duration{5e9, 5e9, 5e9}; !slices.Equal(s.waits, want) || s.shown.Life != 15*time.Minute {
		t.Errorf("waits %v, want %v; prompt %+v", s.waits, want, s.shown)
	}
}

// TestItSlowsDownWhenToldTo also has answers that do not get through, which are asked for again: an outage is no refusal, whatever it says.
func TestItSlowsDownWhenToldTo(t *testing.T) {
	t.Parallel()
	answers := []string{"400 slow_down", "400 slow_down", "", "503", "500 server_error", "302 invalid_grant", ""}
	s := newScene(t, func(s *scene, n int) {
		if n == len(answers)+1 {
			s.visit(t, "persona=editor")
			return
		}
		s.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
			number, code, _ := strings.Cut(answers[n-1], " ")
			status, err := strconv.Atoi(number)
			if err != nil {
				return false
			}
			w.WriteHeader(status)
			if code != "" {
				_ = json.NewEncoder(w).Encode(map[string]string{"error": code})
			}
			return true
		})
	})
	if _, err := devicecode.SignIn(t.Context(), s.Config); err != nil {
		t.Fatal(err)
	}
	if want := []time.Duration{5e9, 10e9, 15e9, 15e9, 30e9, 60e9, 120e9, 120e9}; !slices.Equal(s.waits, want) {
		t.Errorf("waits %v, want %v", s.waits, want)
	}
}

func TestASignInThatIsRefusedSaysWhy(t *testing.T) {
	t.Parallel()
	decline := func(s *scene, _ int) { s.visit(t, "decline=1") }
	nothing := func(*scene, int) {}
	for name, c := range map[string]struct {
		act    func(*scene, int)
		change func(*devicecode.Config)
		code   string
		number string
		said   string
	}{
		"declined":               {decline, func(*devicecode.Config) {}, "authorization_declined", "AADSTS65004", "declined"},
		"nobody came":            {nothing, func(*devicecode.Config) {}, "expired_token", "AADSTS70020", "run this again"},
		"no public client flows": {nothing, func(c *devicecode.Config) { c.Client = faketenant.SPAClientID }, "invalid_client", "AADSTS7000218", "Authentication"},
		"no such app":            {nothing, func(c *devicecode.Config) { c.Client = faketenant.OtherTenantID }, "unauthorized_client", "AADSTS700016", "client id"},
		"no such tenant":         {nothing, func(c *devicecode.Config) { c.Tenant = faketenant.OtherTenantID }, "invalid_request", "AADSTS90002", "tenant's id"},
		"no such scope":          {nothing, func(c *devicecode.Config) { c.Scope += "x" }, "invalid_client", "AADSTS650053", "Expose an API"},
		"a number nobody knows":  {nothing, func(c *devicecode.Config) { c.Scope = "" }, "invalid_request", "AADSTS900144", "(invalid_request, AADSTS900144)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, c.act)
			c.change(&s.Config)
			_, err := devicecode.SignIn(t.Context(), s.Config)
			refusal, refused := errors.AsType[*devicecode.Error](err)
			if !refused || refusal.Code != c.code || refusal.Number != c.number || !strings.Contains(err.Error(), c.said) || strings.Contains(err.Error(), "Trace ID") {
				t.Errorf("%v, want %s %s with %q", err, c.code, c.number, c.said)
			}
		})
	}
}

// TestNoAnswerHasItAskWithoutRestOrEnd: seconds times a billion can be nothing at all.
func TestNoAnswerHasItAskWithoutRestOrEnd(t *testing.T) {
	t.Parallel()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/devicecode") {
			fmt.Fprint(w, `{"device_code":"d","user_code":"u","verification_uri":"https://entra.example","expires_in":36028797018963968,"interval":36028797018963968}`)
			return
		}
		asked++
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"authorization_pending"}`)
	}))
	t.Cleanup(server.Close)
	var waits []time.Duration
	_, err := devicecode.SignIn(t.Context(), devicecode.Config{
		Authority: server.URL, Tenant: "t", Client: "c", Scope: "s", HTTP: server.Client(), Show: func(devicecode.Prompt) error { return nil },
		Wait: func(_ context.Context, d time.Duration) error {
			if waits = append(waits, d); d != time.Minute || len(waits) > 60 {
				return fmt.Errorf("wait %d is of %v", len(waits), d)
			}
			return nil
		},
	})
	if refusal, ok := errors.AsType[*devicecode.Error](err); !ok || refusal.Code != "expired_token" || asked != 60 {
		t.Errorf("%v after %d questions", err, asked)
	}
}

func TestAnAnswerThatIsNoneIsNotQuoted(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"no JSON": "<p>hunter2</p>", "another JSON": `{"device_code":"hunter2"}`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }))
			t.Cleanup(server.Close)
			_, err := devicecode.SignIn(t.Context(), devicecode.Config{Authority: server.URL, Tenant: "t", Client: "c", Scope: "s", HTTP: server.Client()})
			if err == nil || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestANumberIsEntrasOwn: a description begins with it, and goes on with what others chose.
func TestANumberIsEntrasOwn(t *testing.T) {
	t.Parallel()
	for description, want := range map[string]string{"AADSTS90002: Tenant 'x' not found.": "AADSTS90002", "Tenant 'AADSTS90002' not found.": "", "AADSTS90002x": ""} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_request", "error_description": description})
		}))
		_, err := devicecode.SignIn(t.Context(), devicecode.Config{Authority: server.URL, Tenant: "t", Client: "c", Scope: "s", HTTP: server.Client()})
		server.Close()
		if refusal, ok := errors.AsType[*devicecode.Error](err); !ok || refusal.Number != want {
			t.Errorf("%q: %v, want number %q", description, err, want)
		}
	}
}

func TestASignInEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := newScene(t, func(*scene, int) {})
	ctx, cancel := context.WithCancel(t.Context())
	s.Wait, s.Show = nil, func(devicecode.Prompt) error { cancel(); return nil }
	if _, err := devicecode.SignIn(ctx, s.Config); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
