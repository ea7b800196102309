package faketenant_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant/rsatest"
)

const (
	v2Keys = "/" + faketenant.TenantID + "/discovery/v2.0/keys"
	v1Keys = "/" + faketenant.TenantID + "/discovery/keys"
)

// served is a tenant behind real TLS, with a client that trusts it.
type served struct {
	*faketenant.Tenant
	url    string
	client *http.Client
}

func serve(t *testing.T, o faketenant.Options) served {
	t.Helper()
	o.Key = rsatest.Lender(t)
	tenant, err := faketenant.New(o)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(tenant)
	server.TLS = tenant.TLS()
	server.StartTLS()
	t.Cleanup(server.Close)
	tenant.SetAuthority(server.URL + "/")
	client := tenant.Client()
	t.Cleanup(client.CloseIdleConnections)
	return served{tenant, server.URL, client}
}

func (s served) get(t *testing.T, path string) (*http.Response, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := s.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, body
}

func (s served) getJSON(t *testing.T, path string, status int, into any) http.Header {
	t.Helper()
	response, body := s.get(t, path)
	if response.StatusCode != status {
		t.Fatalf("%s: status %d, want %d", path, response.StatusCode, status)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return response.Header
}

// keySet is the tenant's set at path as go-jose reads it: wholly or not at all.
func (s served) keySet(t *testing.T, path string) *jose.JSONWebKeySet {
	t.Helper()
	set := &jose.JSONWebKeySet{}
	s.getJSON(t, path, http.StatusOK, set)
	return set
}

func (s served) published(t *testing.T, k faketenant.Key) bool {
	t.Helper()
	return len(s.keySet(t, v2Keys).Key(s.KID(k))) == 1
}

// verify checks token with the published set as it is now, and gives its claims.
func (s served) verify(t *testing.T, token string) (map[string]any, error) {
	t.Helper()
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatalf("parse token: %v", err)
	}
	payload, err := signed.Verify(s.keySet(t, v2Keys))
	if err != nil {
		return nil, err
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatalf("parse claims: %v", err)
	}
	return claims, nil
}

// part decodes the header (0), payload (1) or signature (2) of a token.
func part(t *testing.T, token string, i int) []byte {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("a token of %d parts", len(parts))
	}
	decoded, err := decode(parts[i])
	if err != nil {
		t.Fatalf("part %d: %v", i, err)
	}
	return decoded
}

// clock is one that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
