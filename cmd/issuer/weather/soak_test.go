//go:build soak

package weather

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/proctest"
	"github.com/hasura-issuer/hasura-issuer/hasura/hasuratest"
)

const (
	soakRate  = 20               // tokens a second
	soakLook  = 5 * time.Second  // between two looks at memory
	soakSpare = 5 * time.Second  // of a token's life, left when it is shown for the last time
	v2Phase   = 13 * time.Second // between the starts of two v2 engines, so that they fetch at different times
)

// TestSoak mints with the shortest settings there are, so that keys change every few minutes, and shows each token to
// engines at once and again shortly before its end. One that is refused is a failure, and so is memory that grows.
func TestSoak(t *testing.T) {
	span := 15 * time.Minute
	if text := os.Getenv("SOAK"); text != "" {
		var err error
		if span, err = time.ParseDuration(text); err != nil || span < time.Minute {
			t.Fatalf("SOAK is %q; it wants a duration of a minute or more, such as 15m", text)
		}
	}
	s := newSoak(t)
	ctx, cancel := context.WithTimeout(t.Context(), span)
	defer cancel()
	s.running.Go(func() { s.every(ctx, soakLook, s.look) })
	s.running.Go(func() { s.every(ctx, v2Phase, s.another) })
	s.every(ctx, time.Second/soakRate, s.mint)
	s.running.Wait()
	s.report(span)
}

// soak is two replicas, the engines that follow them, and what has come of it.
type soak struct {
	*world
	replicas []*replica
	secret   string // HASURA_GRAPHQL_JWT_SECRET
	running  sync.WaitGroup

	minted, shown, failed atomic.Int64

	mu      sync.Mutex
	engines []shownTo
	first   int // generation of the key that signed first
	last    int
	memory  []float64 // of both replicas together
}

// shownTo is an engine with the place where it takes questions.
type shownTo struct {
	*hasuratest.Engine
	path string
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	w := newWorld(t, "ISSUER_JWKS_MAX_AGE=60s", "ISSUER_KEYS_LEAD=4m", "ISSUER_ROTATE_EVERY=4m", "ISSUER_TOKEN_TTL=1m",
		"ISSUER_ENTRA_TOKEN_CACHE=100", "ISSUER_TOKEN_CACHE=100") // full soon, so that they do not grow
	w.settings = slices.DeleteFunc(w.settings, func(s string) bool { return strings.HasPrefix(s, "ISSUER_RATE_LIMIT_ROLES=") })
	s := &soak{world: w}
	for range 2 {
		r := proctest.Serve(t, w.settings)
		w.awaitFair(r)
		s.replicas = append(s.replicas, r)
	}
	var printed struct{ V2, V3 json.RawMessage }
	if err := json.Unmarshal([]byte(proctest.Run(t, w.settings, "hasura-config", "--json")), &printed); err != nil {
		t.Fatal(err)
	}
	s.secret = string(printed.V2)
	for i := range s.replicas {
		s.follow(i, "/graphql", hasuratest.Options{V3: true, JWTSecret: string(printed.V3)})
	}
	s.another(0)
	return s
}

// follow starts an engine that fetches its key set from one of the replicas.
func (s *soak) follow(n int, path string, o hasuratest.Options) {
	o.Client = &http.Client{Transport: toward(strings.TrimPrefix(s.replicas[n%len(s.replicas)].Base, "http://"))}
	e, err := hasuratest.New(o)
	if err != nil {
		s.Errorf("start an engine: %v", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.engines = append(s.engines, shownTo{e, path})
}

// another starts a v2 engine, until there are five.
func (s *soak) another(n int) {
	if n < 5 {
		s.follow(n, "/v1/graphql", hasuratest.Options{AdminSecret: "secret", JWTSecret: s.secret})
	}
}

// toward sends every request to one address.
type toward string

// RoundTrip is http.RoundTripper's.
func (to toward) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = "http", string(to)
	return client.Transport.RoundTrip(r)
}

func (s *soak) every(ctx context.Context, pause time.Duration, do func(n int)) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-tick.C:
			do(n)
		case <-ctx.Done():
			return
		}
	}
}

// mint has a fresh Entra token exchanged, and shows what came of it.
func (s *soak) mint(n int) {
	s.running.Go(func() {
		subject, err := s.tenant.Token([]string{"reader", "editor", "crowded", "daemon"}[n%4])
		if err != nil {
			s.fail("sign a token: %v", err)
			return
		}
		began := time.Now()
		r, err := tokenEndpoint.question(context.WithoutCancel(s.Context()), s.replicas[n%len(s.replicas)].Base, subject)
		if err != nil {
			s.fail("ask for a token: %v", err)
			return
		}
		s.minted.Add(1)
		response, body, err := fetch(r)
		var said struct {
			Token string `json:"access_token"`
			TTL   int    `json:"expires_in"`
		}
		if err != nil || response.StatusCode != http.StatusOK || json.Unmarshal(body, &said) != nil {
			s.fail("no token: %v %s", err, body)
			return
		}
		s.show(said.Token)
		end := time.NewTimer(time.Until(began.Add(time.Duration(said.TTL)*time.Second - soakSpare)))
		defer end.Stop()
		<-end.C
		s.show(said.Token)
	})
}

// show shows a token to every engine there is.
func (s *soak) show(token string) {
	s.mu.Lock()
	engines := slices.Clone(s.engines)
	s.mu.Unlock()
	for _, e := range engines {
		r := httptest.NewRequest(http.MethodPost, e.path, strings.NewReader(`{"query":"query Q { __typename }"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		answer := httptest.NewRecorder()
		e.ServeHTTP(answer, r)
		s.shown.Add(1)
		if !strings.Contains(answer.Body.String(), `"data":{`) {
			s.fail("an engine at %s refuses a token: %d %s", e.path, answer.Code, answer.Body)
		}
	}
}
