package weather

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/proctest"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/hasura"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/redisconn/redistest"
)

// world is all that the program stands on, each part behind a proxy. Graph is Entra's neighbour and has weather of its own
// in the fake tenant.
type world struct {
	testing.TB
	postgres                                 *pgtest.Server
	redis                                    *redistest.Server
	tenant                                   *faketenant.Tenant
	opa                                      *opa
	toPostgres, toRedis, toEntra, toPolicies *proxy

	settings []string
	engine   hasura.V3Config // as the settings would have one
	keys     sync.Map        // the key set of each program, by where it answers
	callers  []caller
}

// newWorld starts everything but the program itself. more settings win over those that all share.
func newWorld(t testing.TB, more ...string) *world {
	t.Helper()
	w := &world{TB: t, postgres: pgtest.Start(t), redis: redistest.Start(t), opa: &opa{}}
	tenant, err := faketenant.New(faketenant.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.tenant = tenant
	entra := httptest.NewUnstartedServer(tenant)
	entra.TLS = tenant.TLS()
	entra.StartTLS()
	t.Cleanup(entra.Close)
	policies := httptest.NewServer(w.opa)
	t.Cleanup(policies.Close)

	database, err := url.Parse(w.postgres.URL())
	if err != nil {
		t.Fatal(err)
	}
	w.toPostgres = newProxy(t, "unix", filepath.Join(database.Query().Get("host"), ".s.PGSQL.5432"))
	w.toRedis = newProxy(t, "unix", strings.TrimPrefix(w.redis.URL(), "unix://"))
	w.toEntra = newProxy(t, "tcp", entra.Listener.Addr().String())
	w.toPolicies = newProxy(t, "tcp", policies.Listener.Addr().String())
	authority := "https://" + w.toEntra.address()
	tenant.SetAuthority(authority)

	folder := t.TempDir()
	w.settings = append([]string{
		"ISSUER_URL=https://issuer.example", "ISSUER_LISTEN=127.0.0.1:0", "ISSUER_ADMIN_LISTEN=127.0.0.1:0", "ISSUER_DRAIN_DELAY=0s",
		"SSL_CERT_FILE=" + write(t, filepath.Join(folder, "ca.pem"), tenant.CAPEM()),
		"ISSUER_ENTRA_AUTHORITY=" + authority, "ISSUER_GRAPH_URL=" + authority + "/graph", "ISSUER_ENTRA_TENANTS=" + faketenant.TenantID,
		"ISSUER_ENTRA_AUDIENCES=" + faketenant.APIClientID, "ISSUER_ENTRA_APP_ROLES=Hasura.Exchange",
		"ISSUER_ENTRA_CLIENT_ID=" + faketenant.APIClientID, "ISSUER_ENTRA_CLIENT_SECRET=" + tenant.ClientSecret(faketenant.APIClientID),
		"ISSUER_DATABASE_URL=postgres://postgres@" + w.toPostgres.address() + database.Path + "?sslmode=disable",
		"ISSUER_KEYS_ENCRYPTION_KEY=k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
		"ISSUER_REDIS_URL=redis://" + w.toRedis.address(),
		"ISSUER_POLICY_URL=http://" + w.toPolicies.address() + "/v1/data/issuer/decision",
		"ISSUER_RATE_LIMIT_IP=100000/m", "ISSUER_RATE_LIMIT_SUBJECT=100000/m", "ISSUER_RATE_LIMIT_FAILURES=100000/m",
		"ISSUER_RATE_LIMIT_ROLES=service=30/m",
		// Short, so that a fault shows soon.
		"ISSUER_ROLES_TTL=1s", "ISSUER_ROLES_STALE=3s", "ISSUER_GROUPS_TTL=1s", "ISSUER_GROUPS_STALE=3s",
		"ISSUER_POLICY_TIMEOUT=3s", // and this longer than usual, for a machine that is busy
	}, more...)
	proctest.Run(t, w.settings, "roles", "apply", "--yes", "-f", write(t, filepath.Join(folder, "roles.yaml"), roles(tenant)))
	w.engine = engine(t, w.settings)
	w.callers = cast(t, tenant)
	return w
}

func write(t testing.TB, path string, data []byte) string {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// roles are who may what. The guest may, and is blocked.
func roles(tenant *faketenant.Tenant) []byte {
	object := map[string]string{}
	for _, p := range tenant.Personas() {
		object[p.Name] = p.ObjectID
	}
	return fmt.Appendf(nil, `grants:
  - { tenant: %[1]s, app_role: Hasura.Reader, role: reader }
  - { tenant: %[1]s, group: %[2]s, role: editor, priority: 10 }
  - { tenant: %[1]s, group: %[3]s, role: reader }
  - { tenant: %[1]s, user: %[4]s, role: guest }
  - { tenant: %[1]s, app: %[5]s, role: service }
blocks:
  - { tenant: %[1]s, user: %[4]s, reason: left }
`, faketenant.TenantID, faketenant.GroupOne, faketenant.GroupTwo, object["guest"], faketenant.DaemonClientID)
}

// engine is a v3 engine as the program itself would have it set up.
func engine(t testing.TB, settings []string) hasura.V3Config {
	t.Helper()
	var printed struct {
		V3 json.RawMessage `json:"v3"`
	}
	if err := json.Unmarshal([]byte(proctest.Run(t, settings, "hasura-config", "--json")), &printed); err != nil {
		t.Fatal(err)
	}
	config, err := hasura.ParseV3Config(printed.V3)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// opa stands for a policy server that allows everything, with weather of its own.
type opa struct {
	broken  atomic.Pointer[spoilt]
	gate    atomic.Pointer[chan struct{}] // questions wait until it is closed; nil: they do not
	waiting atomic.Int32
}

// ServeHTTP answers as OPA's data API does.
func (o *opa) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	if gate := o.gate.Load(); gate != nil {
		o.waiting.Add(1)
		defer o.waiting.Add(-1)
		select {
		case <-*gate:
		case <-r.Context().Done():
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	if broken := o.broken.Load(); broken != nil {
		w.WriteHeader(broken.status)
		_, _ = io.WriteString(w, broken.body)
		return
	}
	_, _ = io.WriteString(w, `{"result": true}`)
}

// hold has questions wait from now on, until release is called.
func (o *opa) hold() (release func()) {
	gate := make(chan struct{})
	o.gate.Store(&gate)
	return func() {
		o.gate.Store(nil)
		close(gate)
	}
}

// spoilt is an answer that is none.
type spoilt struct {
	status int
	body   string
}
