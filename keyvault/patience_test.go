package keyvault_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keyvault"
	"github.com/hasura-issuer/hasura-issuer/keyvault/fakevault"
)

// network is one without sockets, so that the clock of synctest runs.
type network func(*http.Request) (*http.Response, error)

func (n network) RoundTrip(r *http.Request) (*http.Response, error) { return n(r) }

func says(r *http.Request, status int, retryAfter string) *http.Response {
	return &http.Response{
		StatusCode: status,
		Header:     http.Header{"Retry-After": {retryAfter}},
		Body:       io.NopCloser(strings.NewReader("{}")),
		Request:    r,
	}
}

func TestACallIsBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer   network
		requests int
		within   time.Duration
		want     string
	}{
		"nobody answers": {
			func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() },
			1, 10 * time.Second, "the vault did not answer within 10s",
		},
		"an answer has no end": {
			func(r *http.Request) (*http.Response, error) {
				answer := says(r, http.StatusOK, "")
				answer.Body = io.NopCloser(stuck{r})
				return answer, nil
			},
			1, 10 * time.Second, "the vault did not answer within 10s",
		},
		"every connection breaks": {
			func(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF },
			3, time.Second, "the vault broke the connection off",
		},
		"it is always busy": {
			func(r *http.Request) (*http.Response, error) { return says(r, http.StatusServiceUnavailable, ""), nil },
			3, time.Second, "the vault answered 503",
		},
		"it wants to be left alone for a moment": {
			func(r *http.Request) (*http.Response, error) { return says(r, http.StatusTooManyRequests, "1"), nil },
			3, 3 * time.Second, "the vault answered 429",
		},
		"it wants to be left alone for long": {
			func(r *http.Request) (*http.Response, error) { return says(r, http.StatusTooManyRequests, "60"), nil },
			1, 0, "the vault answered 429",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				requests, began := 0, time.Now()
				vault := open(t, keyvault.Config{
					Authority: authority, TenantID: fakevault.TenantID,
					ClientID: fakevault.ClientID, ClientSecret: fakevault.ClientSecret,
					HTTPClient: &http.Client{Transport: network(func(r *http.Request) (*http.Response, error) {
						requests++
						return c.answer(r)
					})},
				})
				_, err := vault.Wrap(t.Context(), parseKey(t, azure+"/keys/kek"), secret)
				if !errors.Is(err, keyvault.ErrUnavailable) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %s", err, c.want)
				}
				if took := time.Since(began); requests != c.requests || took > c.within {
					t.Errorf("%d requests in %v, want %d within %v", requests, took, c.requests, c.within)
				}
			})
		})
	}
}

// A server may answer before it has read the body, and net/http go on sending
// it. So a retry must not touch the body of the try before.
func TestEachTryHasABodyOfItsOwn(t *testing.T) {
	t.Parallel()
	s := set(t)
	direct := s.config.HTTPClient.Transport
	var bodies []io.Reader
	s.config.HTTPClient.Transport = network(func(r *http.Request) (*http.Response, error) {
		if r.Header.Get("Authorization") == "" {
			return direct.RoundTrip(r)
		}
		bodies = append(bodies, r.Body)
		return says(r, http.StatusServiceUnavailable, ""), nil
	})
	if _, err := open(t, s.config).Unwrap(t.Context(), s.wrapped); !errors.Is(err, keyvault.ErrUnavailable) {
		t.Fatal(err)
	}
	for i, body := range bodies {
		if text, err := io.ReadAll(body); err != nil || !strings.Contains(string(text), `"RSA-OAEP-256"`) {
			t.Errorf("try %d of %d had the body %q, %v", i+1, len(bodies), text, err)
		}
	}
}

// stuck is a body that never comes.
type stuck struct{ request *http.Request }

func (s stuck) Read([]byte) (int, error) {
	<-s.request.Context().Done()
	return 0, s.request.Context().Err()
}
