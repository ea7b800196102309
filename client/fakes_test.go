package client_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/client"
)

// issuer is one in memory, for what depends on time. It holds callers to the contract of the token endpoint.
type issuer struct {
	t    *testing.T
	life int // of tokens, in seconds

	mu      sync.Mutex
	asked   int
	flying  int
	answers []answer // for the next requests; none: a token
	took    time.Duration
}

type answer struct {
	status int
	header http.Header
	body   string
}

// RoundTrip is http.RoundTripper's.
func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	form, formErr := url.ParseQuery(string(body))
	i.mu.Lock()
	defer i.mu.Unlock()
	if err != nil || formErr != nil || r.Method != http.MethodPost || r.URL.String() != "https://issuer.example/oauth2/token" ||
		r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || form.Get("subject_token") != subject ||
		form.Get("grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange" ||
		form.Get("subject_token_type") != "urn:ietf:params:oauth:token-type:access_token" {
		i.t.Errorf("no exchange: %s %s %v", r.Method, r.URL, form)
	}
	i.asked++
	if i.flying++; i.flying > 1 {
		i.t.Error("two exchanges are under way")
	}
	a := answer{200, http.Header{}, fmt.Sprintf(`{"access_token":"hasura-%d","token_type":"Bearer","expires_in":%d,"scope":"editor"}`, i.asked, i.life)}
	if len(i.answers) > 0 {
		a, i.answers = i.answers[0], i.answers[1:]
	}
	took := i.took
	i.mu.Unlock()
	defer i.mu.Lock()
	select {
	case <-time.After(took):
	case <-r.Context().Done():
		err = r.Context().Err()
	}
	i.mu.Lock()
	i.flying--
	i.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

func (i *issuer) exchanges() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked
}

const subject = "entra.subject.token"

func refusal(status int, code, reason, retryAfter string) answer {
	header := http.Header{"X-Request-Id": {"R1"}}
	if retryAfter != "" {
		header.Set("Retry-After", retryAfter)
	}
	return answer{status, header, fmt.Sprintf(`{"error":%q,"error_description":"A sentence.","reason":%q}`, code, reason)}
}

func newIssuer(t *testing.T, answers ...answer) *issuer {
	t.Helper()
	return &issuer{t: t, life: 300, answers: answers}
}

func (i *issuer) source(change ...func(*client.Config)) *client.Source {
	i.t.Helper()
	config := client.Config{
		Issuer:       "https://issuer.example/",
		SubjectToken: func(context.Context) (string, error) { return subject, nil },
		HTTPClient:   &http.Client{Transport: i},
	}
	for _, c := range change {
		c(&config)
	}
	source, err := client.New(config)
	if err != nil {
		i.t.Fatal(err)
	}
	return source
}

func impatient(c *client.Config) { c.Patience = -1 }
