package compat_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/rs/zerolog"

	"github.com/hasura-issuer/hasura-issuer/compat"
	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolemap"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// The cast of these tests.
const (
	tenant   = "7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901"
	ada      = "11d3e5f7-0a1b-4c2d-8e3f-4a5b6c7d8e9f"
	bob      = "22e4f6a8-1b2c-4d3e-8f4a-5b6c7d8e9fa0"
	editors  = "d1000001-0000-4000-8000-000000000001"
	others   = "d1000002-0000-4000-8000-000000000002"
	sales    = "sales_orders_0_view_role"
	operator = "operator.token"
)

var errDown = errors.New("nobody answers")

// directory knows names, and fails the test when it is asked for more than it may be.
type directory struct {
	t      testing.TB
	users  map[string]string
	groups map[string][]string
	err    error
	mu     sync.Mutex
	asked  []string
}

func (d *directory) ask(ctx context.Context, of string, names []string) error {
	if _, ok := ctx.Deadline(); !ok || of != tenant || len(names) == 0 || !slices.IsSorted(names) {
		d.t.Errorf("asked without end, for another tenant, or for names in no order: %q %q", of, names)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, names...)
	return d.err
}

func (d *directory) UsersByName(ctx context.Context, of string, names []string) (map[string]string, error) {
	found := map[string]string{}
	for _, name := range names {
		if id, known := d.users[name]; known {
			found[name] = id
		}
	}
	return found, d.ask(ctx, of, names)
}

func (d *directory) GroupsByName(ctx context.Context, of string, names []string) (map[string][]string, error) {
	found := map[string][]string{}
	for _, name := range names {
		if ids, known := d.groups[name]; known {
			found[name] = ids
		}
	}
	return found, d.ask(ctx, of, names)
}

// silent answers when nobody waits any more.
type silent struct{}

func (silent) UsersByName(ctx context.Context, _ string, _ []string) (map[string]string, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (silent) GroupsByName(ctx context.Context, _ string, _ []string) (map[string][]string, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// verifier knows one operator.
type verifier struct{}

func (verifier) Verify(_ context.Context, raw string) (idp.Subject, error) {
	if raw != operator {
		return idp.Subject{}, &idp.TokenError{Reason: idp.ReasonSignatureInvalid, Err: errors.New("made up")}
	}
	return idp.Subject{TenantID: tenant, ObjectID: ada, Kind: idp.KindUser, AppRoles: []string{"Issuer.Admin"}}, nil
}

// stand is the role mapper on a listener, over a database of its own.
type stand struct {
	*httptest.Server
	t          *testing.T
	pool       *pgxpool.Pool
	directory  *directory
	logs       *bytes.Buffer // read only after Close
	refused    []string
	unresolved int
}

// start runs it. alter may change its parts.
func start(t *testing.T, alter ...func(*compat.Config)) *stand {
	t.Helper()
	pool, err := database.Open(t.Context(), pgtest.New(t))
	must(t, err)
	t.Cleanup(pool.Close)
	s := &stand{t: t, pool: pool, logs: &bytes.Buffer{}, directory: &directory{
		t: t, users: map[string]string{"ada@contoso.example": ada, "bob_b@contoso.example": bob}, groups: map[string][]string{"Editors": {editors}, "Twins": {editors, others}},
	}}
	config := compat.Config{
		Guard: adminapi.NewGuard(verifier{}, "Issuer.Admin"), Store: rolemap.New(pool, rolestore.Rules{}), Tenant: tenant,
		Resolver:   &compat.Resolver{Directory: s.directory},
		Refused:    func(why string) { s.refused = append(s.refused, why) },
		Unresolved: func(names int) { s.unresolved += names },
	}
	for _, f := range alter {
		f(&config)
	}
	front := api.New(api.Config{URL: "https://auth.example.com", JWKSMaxAge: time.Minute, Logger: zerolog.New(zerolog.SyncWriter(s.logs))}, nil, nil)
	s.Server = httptest.NewServer(front.AdminHandler(http.NotFoundHandler(), map[string]api.Operations{"/v1/": compat.New(config)}))
	t.Cleanup(s.Close)
	return s
}

func open(c *compat.Config)  { c.Open = true }
func empty(c *compat.Config) { c.AllowEmpty = true }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type answer struct {
	*http.Response
	body string
}

// do sends a request of an operator's; headers in pairs replace the usual ones, empty ones take them away.
func (s *stand) do(method, path, body string, headers ...string) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+path, strings.NewReader(body))
	must(s.t, err)
	r.Header.Set("Authorization", "Bearer "+operator)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Del(headers[i])
		if headers[i+1] != "" {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	response, err := s.Client().Do(r)
	must(s.t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(s.t, err)
	return answer{response, string(text)}
}

// put sends a PUT that has to be done.
func (s *stand) put(path, body string) {
	s.t.Helper()
	if got := s.do(http.MethodPut, path, body); got.StatusCode != http.StatusOK || got.body != body {
		s.t.Fatalf("PUT %s: %s %s", path, got.Status, got.body)
	}
}

// withRole is a stand with the role sales.
func withRole(t *testing.T, alter ...func(*compat.Config)) *stand {
	t.Helper()
	s := start(t, alter...)
	s.put("/v1/roles", `{"role_id":"`+sales+`","component_id":"urn:dmb:cmp:sales:orders:0:view","graphql_root_field_names":["orders"]}`)
	return s
}

// holders are those who are granted sales, as "kind id".
func (s *stand) holders() (found []string) {
	s.t.Helper()
	must(s.t, s.pool.QueryRow(s.t.Context(), `SELECT coalesce(array_agg(principal_kind || ' ' || principal ORDER BY 1), '{}')
FROM issuer.grants WHERE role = $1 AND tenant = $2`, sales, tenant).Scan(&found))
	return found
}

// whys are the names nobody was found by, with the reason.
func (s *stand) whys() map[string]string {
	s.t.Helper()
	var text []byte
	must(s.t, s.pool.QueryRow(s.t.Context(), `SELECT coalesce(json_object_agg(name, unresolved), '{}') FROM issuer.mapped_holders WHERE principal IS NULL`).Scan(&text))
	found := map[string]string{}
	must(s.t, json.Unmarshal(text, &found))
	return found
}
