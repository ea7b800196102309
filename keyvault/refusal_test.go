package keyvault_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/keyvault"
	"github.com/hasura-issuer/hasura-issuer/keyvault/fakevault"
)

func forbidden(inner string) string {
	return `{"error":{"code":"Forbidden","message":"` + string(secret[:]) + `","innererror":{"code":"` + inner + `"}}}`
}

// move has the vault be at another host from now on.
func (s *scene) move(base string) {
	s.reparse(base + strings.TrimPrefix(s.wrapped.String(), azure))
}

func (s *scene) reparse(text string) {
	wrapped, err := keyvault.ParseWrapped(text)
	if err != nil {
		panic(err)
	}
	s.wrapped = wrapped
}

// answer has the vault say one thing to whoever has a token.
func (s *scene) answer(status int, body string) {
	s.fake.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") == "" {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
		return true
	})
}

// provoke asks for both operations and returns the errors that it was given.
func provoke(t *testing.T, s *scene, only string) map[string]error {
	t.Helper()
	vault := open(t, s.config)
	errs := map[string]error{}
	if only != "wrapKey" {
		_, errs["unwrapKey"] = vault.Unwrap(t.Context(), s.wrapped)
	}
	if only != "unwrapKey" {
		_, errs["wrapKey"] = vault.Wrap(t.Context(), s.wrapped.Key, secret)
	}
	return errs
}

func set(t *testing.T) *scene {
	t.Helper()
	s := &scene{fake: start(t)}
	s.config = bySecret(s.fake)
	s.wrapped = wrap(t, open(t, s.config), azure+"/keys/kek")
	return s
}

func TestEveryRefusalHasItsSentence(t *testing.T) {
	t.Parallel()
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := set(t)
			c.trouble(t, s)
			for operation, err := range provoke(t, s, c.only) {
				if err == nil {
					t.Errorf("%s worked", operation)
					continue
				}
				want := strings.ReplaceAll(c.want, "OPERATION", operation)
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %v\nwant: %s", operation, err, want)
				}
				if errors.Is(err, keyvault.ErrUnavailable) != c.again {
					t.Errorf("%s: worth trying again is %t, want %t: %v", operation, !c.again, c.again, err)
				}
				fit(t, s, err)
			}
		})
	}
}

// fit holds every error to what all must be: one line that names the key and
// hides what is secret, however it is printed.
func fit(t *testing.T, s *scene, err error) {
	t.Helper()
	all := fmt.Sprintf("%v %+v %#v", err, err, errors.Unwrap(err))
	_, wrapped, _ := strings.Cut(s.wrapped.String(), "#")
	for what, hidden := range map[string]string{
		"the secret":            string(secret[:]),
		"the secret's start":    string(secret[:16]),
		"the secret in base64":  base64.RawURLEncoding.EncodeToString(secret[:])[:20],
		"the client secret":     fakevault.ClientSecret,
		"the federated token":   fakevault.FederatedToken,
		"a token":               "fake-token-",
		"the wrapped bytes":     wrapped[:20],
		"what the vault said":   "Caller is not authorized",
		"what the sign-in said": "Invalid client secret provided",
	} {
		if strings.Contains(all, hidden) {
			t.Errorf("the error shows %s: %s", what, all)
		}
	}
	if !strings.Contains(err.Error(), s.wrapped.Key.String()) || strings.ContainsAny(err.Error(), "\r\n") {
		t.Errorf("the error is not one line that names the key: %v", err)
	}
}

func TestHiccupsAreBridged(t *testing.T) {
	t.Parallel()
	s := set(t)
	failures := make(chan struct{}, 2) // how many requests with a token still fail
	failures <- struct{}{}
	failures <- struct{}{}
	s.fake.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") == "" {
			return false
		}
		select {
		case <-failures:
			http.Error(w, "busy", http.StatusServiceUnavailable)
			return true
		default:
			return false
		}
	})
	unwraps(t, open(t, s.config), s.wrapped)
}

func TestTheLastAnswerCounts(t *testing.T) {
	t.Parallel()
	s := set(t)
	s.fake.Deny("unwrapkey")
	failures := make(chan struct{}, 1)
	failures <- struct{}{}
	s.fake.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("Authorization") == "" {
			return false
		}
		select {
		case <-failures:
			panic(http.ErrAbortHandler)
		default:
			return false
		}
	})
	_, err := open(t, s.config).Unwrap(t.Context(), s.wrapped)
	if err == nil || !strings.Contains(err.Error(), "grant it the role") || errors.Is(err, keyvault.ErrUnavailable) {
		t.Errorf("got %v, want what the vault said in the end", err)
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := set(t)
	ctx, cancel := context.WithCancel(t.Context())
	s.fake.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		cancel()
		<-r.Context().Done()
		return true
	})
	_, err := open(t, s.config).Unwrap(ctx, s.wrapped)
	if !errors.Is(err, context.Canceled) || errors.Is(err, keyvault.ErrUnavailable) {
		t.Errorf("got %v, want the context's error", err)
	}
	fit(t, s, err)
}
