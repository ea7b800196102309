package probe_test

import (
	"context"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/hasura/hasuratest"
	"github.com/hasura-issuer/hasura-issuer/hasura/probe"
)

const (
	secret      = "the-admin-secret"
	unknownHost = "engine.invalid"
)

// world is an issuer, whose key set is served.
type world struct {
	*hasuratest.Issuer
	jwks string // its URL
}

func newWorld(t testing.TB) world {
	t.Helper()
	issuer, err := hasuratest.NewIssuer()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(issuer)
	t.Cleanup(server.Close)
	return world{issuer, server.URL}
}

func (w world) tokens(t testing.TB, role string) *probe.Tokens {
	t.Helper()
	token := func(change map[string]any) string {
		token, err := w.Token(change, role)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	return &probe.Tokens{
		Role: role, Good: token(nil),
		OtherAudience: token(map[string]any{"aud": "elsewhere"}),
		OtherIssuer:   token(map[string]any{"iss": "https://elsewhere.example"}),
		Expired:       token(map[string]any{"exp": time.Now().Add(-time.Hour).Unix(), "iat": 1, "nbf": 1}),
	}
}

// secret is HASURA_GRAPHQL_JWT_SECRET as it should be, but for what change sets; nil takes away.
func (w world) secret(t testing.TB, change map[string]any) string {
	t.Helper()
	return changed(t, map[string]any{"jwk_url": w.jwks, "issuer": hasuratest.IssuerURL, "audience": hasuratest.Audience, "claims_format": "json"}, change,
		func(config map[string]any) any { return config })
}

// authConfig is v3's counterpart.
func (w world) authConfig(t testing.TB, change map[string]any) string {
	t.Helper()
	jwt := map[string]any{
		"key": map[string]any{"jwkFromUrl": w.jwks}, "issuer": hasuratest.IssuerURL, "audience": []string{hasuratest.Audience},
		"tokenLocation": map[string]any{"type": "BearerAuthorization"},
		"claimsConfig":  map[string]any{"namespace": map[string]any{"claimsFormat": "Json", "location": "/https:~1~1hasura.io~1jwt~1claims"}},
	}
	return changed(t, jwt, change, func(jwt map[string]any) any {
		return map[string]any{"kind": "AuthConfig", "version": "v4", "definition": map[string]any{"mode": map[string]any{"jwt": jwt}}}
	})
}

func changed(t testing.TB, config, change map[string]any, wrap func(map[string]any) any) string {
	t.Helper()
	maps.Copy(config, change)
	maps.DeleteFunc(config, func(_ string, v any) bool { return v == nil })
	text, err := json.Marshal(wrap(config))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// run starts the engine and returns its URL. Its contract is held against what it was asked at the end.
func run(t testing.TB, o hasuratest.Options, front func(http.Handler) http.Handler) string {
	t.Helper()
	engine, err := hasuratest.New(o)
	if err != nil {
		t.Fatalf("the engine does not start: %v", err)
	}
	var handler http.Handler = engine
	if front != nil {
		handler = front(engine)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.Close()
		for _, fault := range engine.Faults() {
			t.Error(fault)
		}
	})
	return server.URL
}

// client follows no redirects, has a deadline and no proxy, and asks nobody about the one name that it does not know.
func client() *http.Client {
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		if host, _, _ := net.SplitHostPort(address); host == unknownHost {
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Name: unknownHost, IsNotFound: true}}
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	return &http.Client{
		Timeout:       time.Minute, // far more than an answer takes
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{DialContext: dial},
	}
}
