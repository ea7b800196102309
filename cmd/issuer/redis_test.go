package main

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/redisconn"
	"github.com/hasura-issuer/hasura-issuer/redisconn/redistest"
)

// fleet are replicas that ask one tenant's Graph and share one Redis.
type fleet struct {
	tenant *faketenant.Tenant
	server *httptest.Server
	redis  *redistest.Server
	kept   *redisconn.Client // looks at what they keep in it
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	tenant, server := entraTLS(t)
	f := &fleet{tenant: tenant, server: server, redis: redistest.Start(t)}
	client, err := redisconn.OpenPatiently(f.redis.URL(), func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	f.kept = client
	t.Cleanup(func() { _ = client.Close() })
	return f
}

// replica starts one that is ready in every part. More settings win over these.
func (f *fleet) replica(t *testing.T, more ...string) served {
	t.Helper()
	settings := onFiles(t, f.server.URL, append([]string{
		"ISSUER_ENTRA_CLIENT_ID=" + faketenant.APIClientID, "ISSUER_ENTRA_CLIENT_SECRET=" + f.tenant.ClientSecret(faketenant.APIClientID),
		"ISSUER_GRAPH_URL=" + f.server.URL + "/graph", "ISSUER_REDIS_URL=" + f.redis.URL(), "ISSUER_KEYS_ENCRYPTION_KEY=" + goodKEK,
	}, more...)...)
	s := listening(t, startProgram(t, program{environ: settings, azure: f.tenant.Client()}, "serve"))
	s.awaitReady(t)
	return s
}

// entries awaits that groups are kept in Redis, and returns under which names.
func (f *fleet) entries(t *testing.T) []string {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		names, err := f.kept.Keys(t.Context(), "issuer:groups:*").Result()
		if err != nil {
			t.Fatal(err)
		}
		if len(names) > 0 {
			return names
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("nothing is kept in Redis")
		}
	}
}

// wantEditor exchanges a token whose groups Entra left out, and wants the role that one of them has.
func (f *fleet) wantEditor(t *testing.T, s served) {
	t.Helper()
	if got := s.exchange(t, personaToken(t, f.tenant, "crowded")); got.Status != http.StatusOK || got.Scope != "editor" {
		t.Errorf("got %d %q %q", got.Status, got.Reason, got.Scope)
	}
}

// wantMetric wants a line of the metrics.
func wantMetric(t *testing.T, s served, line string) {
	t.Helper()
	if _, body := get(t, s.admin+"/metrics"); !strings.Contains(string(body), "\n"+line+"\n") {
		t.Errorf("the metrics lack %q", line)
	}
}

func TestReplicasShareWhatGraphSaid(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	one, other := f.replica(t), f.replica(t)
	f.wantEditor(t, one)
	names := f.entries(t)
	asked := f.tenant.Hits("/graph/")
	f.wantEditor(t, other)
	if again := f.tenant.Hits("/graph/"); asked == 0 || again != asked {
		t.Errorf("Graph was asked %d times for one replica and %d times for both", asked, again)
	}
	for line, s := range map[string]served{
		`issuer_graph_answers_total{source="graph"} 1`:                     one,
		`issuer_graph_requests_total{endpoint="token",outcome="ok"} 1`:     one,
		`issuer_graph_answers_total{source="shared"} 1`:                    other,
		`issuer_graph_requests_total{endpoint="graph",outcome="ok"} 0`:     other,
		`issuer_shared_cache_total{outcome="miss",purpose="groups"} 1`:     one,
		`issuer_shared_cache_total{outcome="hit",purpose="groups"} 1`:      other,
		`issuer_shared_cache_total{outcome="forged",purpose="groups"} 0`:   other,
		`issuer_shared_cache_total{outcome="oversize",purpose="groups"} 0`: other,
	} {
		wantMetric(t, s, line)
	}

	// Whoever can write to Redis, but has no key of ours, is not believed.
	if err := f.kept.SetRange(t.Context(), names[0], 40, "x").Err(); err != nil {
		t.Fatal(err)
	}
	third := f.replica(t)
	f.wantEditor(t, third)
	if again := f.tenant.Hits("/graph/"); again == asked {
		t.Error("Graph was not asked although the entry was altered")
	}
	wantMetric(t, third, `issuer_shared_cache_total{outcome="forged",purpose="groups"} 1`)
	otherKEK := "k1:" + base64.StdEncoding.EncodeToString([]byte("fedcba9876543210fedcba9876543210"))
	f.wantEditor(t, f.replica(t, "ISSUER_KEYS_ENCRYPTION_KEY="+otherKEK))
}

// TestRedisGoneInTheMiddleChangesNoAnswer: it is no reason not to be ready either.
func TestRedisGoneInTheMiddleChangesNoAnswer(t *testing.T) {
	t.Parallel()
	f := newFleet(t)
	s := f.replica(t, "ISSUER_GROUPS_TTL=0s", "ISSUER_GROUPS_STALE=1m") // so that every exchange asks it
	wantMetric(t, s, "issuer_redis_up 1")
	f.wantEditor(t, s)
	f.redis.Stop()
	for range 3 {
		f.wantEditor(t, s)
	}
	s.awaitStatus(t, "/readyz?full", http.StatusServiceUnavailable)
	s.awaitBody(t, "/readyz", `"redis":"does not work`)
	s.awaitStatus(t, "/readyz", http.StatusOK)
	wantMetric(t, s, "issuer_redis_up 0")
	s.stderr.await(t, `"message":"Redis is gone, the service goes on without it"`, s.ended)
	f.redis.Restart()
	s.awaitReady(t)
	s.stderr.await(t, `"message":"Redis is back"`, s.ended)
	f.wantEditor(t, s)
	if strings.Contains(s.stderr.String(), f.tenant.ClientSecret(faketenant.APIClientID)) {
		t.Error("a secret stands in the log")
	}
}

// TestARedisThatNobodyUsesIsMissedToo: without Graph nothing is shared yet, and health must still be true.
func TestARedisThatNobodyUsesIsMissedToo(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	redis := redistest.Start(t)
	s := serve(t, onFiles(t, server.URL, "ISSUER_REDIS_URL="+redis.URL()))
	if log := s.stderr.String(); strings.Count(log, "replicas share no groups and roles by Redis") != 1 {
		t.Errorf("without a key-encryption key the log says:\n%s", log)
	}
	redis.Stop()
	s.awaitStatus(t, "/readyz?full", http.StatusServiceUnavailable)
	if _, body := s.get(t, "/readyz"); !strings.Contains(string(body), `"ready":true`) {
		t.Errorf("%s", body)
	}
}

func TestARedisURLThatIsWrongIsAFaultAndNotShown(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"cache.example.com:6379", "redis://:hunter2@cache/x?skip_verify=true", "redis://:hun/ter2@cache", "https://:hunter2@cache"} {
		code, _, stderr := execute(t, onFiles(t, "https://login.microsoftonline.com", "ISSUER_REDIS_URL="+url), "check")
		if code != exitUsage || !strings.HasPrefix(stderr, "issuer: ISSUER_REDIS_URL: the Redis URL") || strings.Contains(stderr, "ter2") {
			t.Errorf("%s: exit code %d, %s", url, code, stderr)
		}
	}
	good := "rediss://issuer:hunter2@cache.example.com:6380"
	code, stdout, stderr := execute(t, onFiles(t, "https://login.microsoftonline.com", "ISSUER_REDIS_URL="+good), "check")
	if code != exitDone || strings.Contains(stdout+stderr, "hunter2") {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
}

// TestNothingIsSharedBeforeTheKeysAreThere: those that Azure Key Vault opens come later than the first exchange may.
func TestNothingIsSharedBeforeTheKeysAreThere(t *testing.T) {
	t.Parallel()
	client, err := redisconn.OpenPatiently(redistest.New(t), func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	key := [32]byte{1, 2, 3}
	sealer, err := keys.NewSealer(keys.KEK{ID: "k1", Fetch: func(context.Context) ([32]byte, error) { return key, nil }})
	if err != nil {
		t.Fatal(err)
	}
	memory := newMetrics(nil).share(client, sealer)("groups")
	name := filepath.Base(t.TempDir()) // of this test's own
	memory.Set(t.Context(), name, []byte("early"), time.Minute)
	if value, found := memory.Get(t.Context(), name); found {
		t.Errorf("%q was kept by no key", value)
	}
	if err := sealer.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	memory.Set(t.Context(), name, []byte("late"), time.Minute)
	if value, found := memory.Get(t.Context(), name); !found || string(value) != "late" {
		t.Errorf("got %q %v", value, found)
	}
}
