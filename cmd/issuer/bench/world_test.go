package bench

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/jackc/pgx/v5"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/proctest"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/redisconn/redistest"
)

const (
	remembered = 1000 // tokens and decisions, as the programs are set
	firstSight = 2500 // tokens that are shown in turn, more than are remembered, so that each is new when it comes again
	people     = 100  // who shows them
)

// world is what the program stands on: an Entra that publishes a few keys, and a Postgres with a few grants.
type world struct {
	*testing.B
	tenant   *faketenant.Tenant
	settings []string // of a program as its users run it: with roles and keys in Postgres, audit, metrics, log and limits
	database string
	folder   string
}

// newWorld makes one whose Entra has these directories; none: faketenant.TenantID.
func newWorld(b *testing.B, directories ...string) *world {
	b.Helper()
	tenant, err := faketenant.New(faketenant.Options{TenantIDs: directories})
	if err != nil {
		b.Fatal(err)
	}
	tenant.SetTokenLifetime(24 * time.Hour)
	entra := httptest.NewUnstartedServer(tenant)
	entra.TLS, entra.EnableHTTP2 = tenant.TLS(), true
	entra.Config.ErrorLog = log.New(io.Discard, "", 0) // connections that are given up while very many are opened
	entra.StartTLS()
	b.Cleanup(entra.Close)
	tenant.SetAuthority(entra.URL)
	w := &world{B: b, tenant: tenant, database: pgtest.Start(b).URL(), folder: b.TempDir()}
	w.settings = []string{
		"ISSUER_URL=https://issuer.example", "ISSUER_LISTEN=127.0.0.1:0", "ISSUER_ADMIN_LISTEN=127.0.0.1:0", "ISSUER_DRAIN_DELAY=0s",
		"SSL_CERT_FILE=" + w.write("ca.pem", tenant.CAPEM()),
		"ISSUER_ENTRA_AUTHORITY=" + entra.URL, "ISSUER_ENTRA_TENANTS=" + faketenant.TenantID, "ISSUER_ENTRA_AUDIENCES=" + faketenant.APIClientID,
		"ISSUER_DATABASE_URL=" + w.database, "ISSUER_KEYS_ENCRYPTION_KEY=k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
		fmt.Sprintf("ISSUER_ENTRA_TOKEN_CACHE=%d", remembered), fmt.Sprintf("ISSUER_TOKEN_CACHE=%d", remembered),
		// So high that nobody is refused; each request is counted all the same.
		"ISSUER_RATE_LIMIT_IP=100000/s", "ISSUER_RATE_LIMIT_SUBJECT=100000/s", "ISSUER_RATE_LIMIT_FAILURES=100000/s",
	}
	w.settings = append(w.settings, strings.Fields(os.Getenv("BENCH_SETTINGS"))...) // of two, the later one counts
	w.grant()
	return w
}

// grant gives each person a role, and the groups of the directory another.
func (w *world) grant() {
	w.Helper()
	w.exec(w.database, `INSERT INTO issuer.grants (tenant, principal_kind, principal, role, priority)
		SELECT $1::uuid, 'user', '00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'), 'editor', 10 FROM generate_series(0, $2::int - 1) AS n
		UNION ALL SELECT $1::uuid, 'group', $3, 'reader', 0`, faketenant.TenantID, people, faketenant.GroupOne)
	w.exec(w.database, `VACUUM ANALYZE issuer.grants`)
}

func (w *world) exec(database, statement string, args ...any) {
	w.Helper()
	conn, err := pgx.Connect(w.Context(), database)
	if err != nil {
		w.Fatal(err)
	}
	defer conn.Close(w.Context())
	if _, err := conn.Exec(w.Context(), statement, args...); err != nil {
		w.Fatal(err)
	}
}

func person(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012x", n%people) }

// tokens are that many different ones of the people, with so many groups in each.
func (w *world) tokens(count, groups int) []string {
	w.Helper()
	tokens := make([]string, count)
	for n := range tokens {
		tokens[n] = w.token(faketenant.TenantID, person(n), n, groups)
	}
	return tokens
}

// token is one of somebody in a directory, the nth of all. The first of their groups has a grant, the others are those of nobody else.
func (w *world) token(directory, object string, n, groups int) string {
	claims := w.tenant.Claims("editor")
	claims["tid"], claims["iss"], claims["oid"] = directory, w.tenant.V2Issuer(directory), object
	in := []string{}
	for g := range groups {
		in = append(in, fmt.Sprintf("11111111-0000-4000-8000-%06x%06x", n%people, g-1))
	}
	if groups > 0 {
		in[0] = faketenant.GroupOne
	}
	claims["groups"] = in
	return w.tenant.Sign(claims)
}

// serve starts the program with those settings besides and returns once it is ready. Its log goes down a pipe, as it would to
// a collector.
func (w *world) serve(more ...string) *proctest.Program {
	w.Helper()
	p := proctest.Serve(w, append(append([]string{}, w.settings...), more...))
	p.Stderr.Enough()
	proctest.Await(w, "the program is ready", func() bool {
		r, err := http.Get(p.Base + "/readyz")
		if err != nil {
			return false
		}
		defer r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
	return p
}

// reference starts the servers of the floor. bytes is what they hand out as it is.
func (w *world) reference(bytes []byte) *proctest.Program {
	w.Helper()
	block := pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(w.entraKey())})
	p := proctest.Start(w, proctest.Build(w, "cmd/issuer/bench/reference"), nil,
		"-key", w.write("entra.pem", block), "-bytes", w.write("bytes", bytes), "-database", w.database)
	p.Listens(w)
	return p
}

// entraKey is the one that Entra signs with.
func (w *world) entraKey() *rsa.PublicKey {
	w.Helper()
	answer := httptest.NewRecorder()
	w.tenant.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/"+faketenant.TenantID+"/discovery/v2.0/keys", http.NoBody))
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(answer.Body.Bytes(), &set); err != nil {
		w.Fatal(err)
	}
	for _, key := range set.Key(w.tenant.KID(faketenant.KeyFirst)) {
		if public, ok := key.Key.(*rsa.PublicKey); ok {
			return public
		}
	}
	w.Fatal("the tenant publishes no key that it signs with")
	return nil
}

// redis starts a Redis and returns its URL.
func (w *world) redis() string {
	w.Helper()
	return redistest.Start(w).URL()
}

func (w *world) write(name string, data []byte) string {
	w.Helper()
	path := filepath.Join(w.folder, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		w.Fatal(err)
	}
	return path
}

// exchangeOf is a request for a token at path.
func (w *world) exchangeOf(path, subject string) []byte {
	w.Helper()
	form := url.Values{
		"grant_type":    {"urn:ietf:params:oauth:grant-type:token-exchange"},
		"subject_token": {subject}, "subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"},
	}
	return raw(w.B, http.MethodPost, path, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, form.Encode())
}
