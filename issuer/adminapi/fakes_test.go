package adminapi_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rs/zerolog"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/history"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// The cast of these tests.
const (
	contoso  = "7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901"
	fabrikam = "0c9e8d7f-6a5b-4c3d-8e2f-1a0b9c8d7e6f"
	alice    = "11d3e5f7-0a1b-4c2d-8e3f-4a5b6c7d8e9f"
	bob      = "22e4f6a8-1b2c-4d3e-8f4a-5b6c7d8e9fa0"
	editors  = "d1000001-0000-4000-8000-000000000001"
	boss     = "b0550000-0000-4000-8000-000000000001" // an operator
	client   = "c11e0000-0000-4000-8000-000000000001"

	adminRole   = "Issuer.Admin"
	bossToken   = "entra.token.of-the-boss"
	staticToken = "a token that the settings name by its hash"
)

// verifier knows tokens by heart, and fails the test where it is asked without a deadline.
type verifier struct {
	t     testing.TB
	known map[string]idp.Subject
	fails map[string]error
}

func (v verifier) Verify(ctx context.Context, raw string) (idp.Subject, error) {
	if _, ok := ctx.Deadline(); !ok {
		v.t.Error("the verifier is asked without a deadline")
	}
	if err := v.fails[raw]; err != nil {
		return idp.Subject{}, err
	}
	if subject, ok := v.known[raw]; ok {
		return subject, nil
	}
	return idp.Subject{}, &idp.TokenError{Reason: idp.ReasonTokenMalformed, Err: errors.New("three parts")}
}

// operator is a subject who may come in, changed by each change.
func operator(changes ...func(*idp.Subject)) idp.Subject {
	s := idp.Subject{TenantID: contoso, ObjectID: boss, Kind: idp.KindUser, ClientID: client, AppRoles: []string{"Other", adminRole}, Expiry: time.Now().Add(time.Hour)}
	for _, change := range changes {
		change(&s)
	}
	return s
}

// signer makes something of the form of a token.
type signer struct{}

func (signer) Sign(_ context.Context, payload []byte) (jws, kid string, err error) {
	return "e30." + encoded(payload) + ".c2ln", "kid", nil
}

func (signer) Holds(string) bool { return true }

// verbosity is a log level, and by whom it was set.
type verbosity struct{ level, actor string }

func (v *verbosity) Level() (now, configured string) { return v.level, "info" }

func (v *verbosity) SetLevel(level, actor string) { v.level, v.actor = level, actor }

// stand is a service on a database of its own.
type stand struct {
	*httptest.Server
	t         *testing.T
	pool      *pgxpool.Pool
	store     *rolestore.Postgres
	api       *adminapi.API
	verifier  verifier
	verbosity verbosity
	logs      *bytes.Buffer // read only after Close
}

// start runs the service. alter may change its parts.
func start(t *testing.T, alter ...func(*stand, *adminapi.Config)) *stand {
	t.Helper()
	pool, err := database.Open(t.Context(), pgtest.New(t))
	must(t, err)
	t.Cleanup(pool.Close)
	s := &stand{t: t, pool: pool, store: rolestore.NewPostgres(pool, rolestore.Rules{}), verbosity: verbosity{level: "info"}, logs: &bytes.Buffer{}}
	s.verifier = verifier{t: t, known: map[string]idp.Subject{bossToken: operator()}, fails: map[string]error{}}
	explainer, err := issuer.New(issuer.Config{
		URL: "https://auth.example.com", Audience: "hasura", TTL: 5 * time.Minute, ClaimsNamespace: "claims", ArrayFormat: issuer.ArrayPostgres,
		SessionClaims: []issuer.SessionClaim{{Variable: "x-hasura-user-id", Claim: "oid"}},
	}, s.verifier, nil, s.store, signer{})
	must(t, err)
	config := adminapi.Config{
		Guard: adminapi.NewGuard(s.verifier, adminRole, sha256.Sum256([]byte("one that is on its way out")), sha256.Sum256([]byte(staticToken)), sha256.Sum256([]byte("one that is to come"))),
		Roles: s.store, Editor: s.store, Explainer: explainer,
		History: func(ctx context.Context, q history.Query) (history.Page, error) {
			return history.ListPage(ctx, pool, q)
		},
		Keys:      func(context.Context) (adminapi.Ring, error) { return ring(), nil },
		Replica:   replica,
		Verbosity: &s.verbosity,
	}
	for _, f := range alter {
		f(s, &config)
	}
	s.api = adminapi.New(config)
	front := api.New(api.Config{URL: "https://auth.example.com", Logger: zerolog.New(zerolog.SyncWriter(s.logs))}, nil, nil)
	s.Server = httptest.NewServer(front.AdminHandler(http.NotFoundHandler(), map[string]api.Operations{"/admin/v1/": s.api}))
	t.Cleanup(s.Close)
	return s
}

// ring is one key that signs and one that was revoked, one party that has fetched and one that has not.
func ring() adminapi.Ring {
	at, why := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), "leaked"
	return adminapi.Ring{
		Now: at.Add(time.Hour), Period: 86400,
		Keys: []keys.Info{
			{Generation: 1, KID: "one", Alg: keys.ES256, State: keys.Revoked, PublishedAt: &at, SignsFrom: &at, RevokedAt: &at, Reason: &why},
			{Generation: 2, KID: "two", Alg: keys.ES256, State: keys.Signing, PublishedAt: &at, SignsFrom: &at},
		},
		Parties: []adminapi.Party{{Name: "prod", FetchedAt: &at, Generation: 2}, {Name: "stage", Late: true}},
	}
}

// replica is one whose policy is gone, and that has refused somebody.
func replica() adminapi.Replica {
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	return adminapi.Replica{
		Name: "one", Version: "1.0.0", StartedAt: at, Now: at.Add(time.Hour), Tenants: []string{contoso}, Ready: true,
		Checks:    []adminapi.Check{{Name: "keys", State: api.Well}, {Name: "redis", State: api.Off}, {Name: "policy", State: api.Down, Says: "gone"}},
		Exchanges: []adminapi.End{{Door: "token", Outcome: "refused", Reason: "no_roles", Cure: "grant one", Total: 1, ByMinute: append(make([]int, adminapi.Minutes-1), 1)}},
	}
}

// answer is a response with its body.
type answer struct {
	*http.Response
	body string
}

// into reads the body as JSON.
func into[T any](t testing.TB, a answer) (value T) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &value); err != nil {
		t.Fatalf("%s, and the body is no JSON: %v\n%s", a.Status, err, a.body)
	}
	return value
}

// reason is that of a problem, and "" of any other answer.
func (a answer) reason() string {
	var p struct {
		Reason string `json:"reason"`
	}
	if a.StatusCode < 400 || json.Unmarshal([]byte(a.body), &p) != nil {
		return ""
	}
	return p.Reason
}

// do sends an operator's request, with headers in pairs, and holds both it and the answer against the document.
func (s *stand) do(method, path, body string, headers ...string) answer {
	s.t.Helper()
	return s.send(method, path, body, append([]string{"Authorization", "Bearer " + bossToken}, headers...)...)
}

// send is do without credentials.
func (s *stand) send(method, path, body string, headers ...string) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+path, strings.NewReader(body))
	must(s.t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	if len(headers) > 1 && headers[len(headers)-2] == "Content-Type" {
		r.Header["Content-Type"] = headers[len(headers)-1:]
	}
	response, err := s.Client().Do(r)
	must(s.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(s.t, err)
	got := answer{response, string(text)}
	s.holdAgainstDocument(r, body, got)
	return got
}

// want sends an operator's request and wants a status, and of a refusal a reason.
func (s *stand) want(status int, reason, method, path, body string, headers ...string) answer {
	s.t.Helper()
	got := s.do(method, path, body, headers...)
	if got.StatusCode != status || got.reason() != reason {
		s.t.Errorf("%s %s: %s %s, want %d %q", method, path, got.Status, got.body, status, reason)
	}
	return got
}

// apply fills the store.
func (s *stand) apply(grants ...rolestore.Grant) {
	s.t.Helper()
	_, err := s.store.Apply(s.t.Context(), rolestore.Document{Grants: grants}, rolestore.ApplyOptions{By: "a test"})
	must(s.t, err)
}

func (s *stand) exec(sql string) {
	s.t.Helper()
	_, err := s.pool.Exec(s.t.Context(), sql)
	must(s.t, err)
}

func grant(tenant string, kind rolestore.PrincipalKind, id, role string) rolestore.Grant {
	return rolestore.Grant{Tenant: tenant, Principal: rolestore.Principal{Kind: kind, ID: id}, Role: role}
}

// grantPath is the address of a grant.
func grantPath(principal, role string) string {
	return "/admin/v1/grants/" + contoso + "/" + url.PathEscape(principal) + "/" + role
}

func blockPath(principal string) string { return "/admin/v1/blocks/" + contoso + "/" + principal }

// lines stops the service and returns its log lines.
func (s *stand) lines() (lines []map[string]any) {
	s.t.Helper()
	s.Close()
	for text := range strings.Lines(s.logs.String()) {
		var line map[string]any
		must(s.t, json.Unmarshal([]byte(text), &line))
		lines = append(lines, line)
	}
	for _, secret := range []string{bossToken, staticToken} {
		if strings.Contains(s.logs.String(), secret) {
			s.t.Error("a token stands in the log")
		}
	}
	return lines
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
