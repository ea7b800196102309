package api_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/rs/zerolog"

	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
)

const (
	grantType   = "urn:ietf:params:oauth:grant-type:token-exchange"
	accessToken = "urn:ietf:params:oauth:token-type:access_token"
	jwtType     = "urn:ietf:params:oauth:token-type:jwt"
	formType    = "application/x-www-form-urlencoded"
	secret      = "subject.token.of-a-caller"
	app         = "https://app.example.com"
)

var decision = issuer.Decision{
	Token: "minted.hasura.jwt", KID: "kid-1", JTI: "JTI1", Lifetime: 5 * time.Minute, Roles: []string{"editor", "reader"},
	TenantID: "tenant-1", ObjectID: "object-1", Kind: "user", ClientID: "client-1", SubjectTokenID: "uti-1", TokenHash: "0123456789abcdef",
}

// exchanger answers as it is told, and fails the test when it is asked in a way that its contract forbids.
type exchanger struct {
	t       testing.TB
	respond func(context.Context, issuer.Request) (issuer.Decision, error)
	door    string // by which every request has to come

	mu    sync.Mutex
	asked []issuer.Request
}

var safeID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

func (x *exchanger) Exchange(ctx context.Context, r issuer.Request) (issuer.Decision, error) {
	if r.Door == issuer.DoorWebhook || r.Role != "" || r.Reuse != (r.Door == issuer.DoorForwardAuth) {
		x.t.Errorf("a token is asked for by the door %q with the role %q, one that was minted before would do: %v", r.Door, r.Role, r.Reuse)
	}
	return x.answer(ctx, r)
}

func (x *exchanger) Decide(ctx context.Context, r issuer.Request) (issuer.Decision, error) {
	if r.Door != issuer.DoorWebhook && r.Door != issuer.DoorAuthenticate || r.Scope != nil || r.Audience != "" || r.Origin != "" || !r.Reuse {
		x.t.Errorf("a decision is asked for by the door %q: %+v", r.Door, r)
	}
	d, err := x.answer(ctx, r)
	d.Token, d.KID, d.JTI = "", "", ""
	return d, err
}

func (x *exchanger) Shuts(context.Context, string, int) error { return nil }

func (x *exchanger) answer(ctx context.Context, r issuer.Request) (issuer.Decision, error) {
	if _, ok := ctx.Deadline(); !ok {
		x.t.Error("the exchange has no deadline")
	}
	if _, err := netip.ParseAddr(r.Address); err != nil {
		x.t.Errorf("the address %q is none", r.Address)
	}
	if r.Door != x.door || !safeID.MatchString(r.RequestID) || r.SubjectToken == "" {
		x.t.Errorf("door %q, request id %q, a subject token of %d bytes", r.Door, r.RequestID, len(r.SubjectToken))
	}
	x.mu.Lock()
	x.asked = append(x.asked, r)
	x.mu.Unlock()
	return x.respond(ctx, r)
}

// keySet is a ring that can be made to fail.
type keySet struct {
	err   error
	asked []string // by which names, one after the other
}

const (
	jwks = `{"keys":[{"kty":"EC","use":"sig","kid":"kid-1","alg":"ES256"}]}`
	etag = `"v1-abc"`
)

func (k *keySet) JWKS(party string) ([]byte, string, error) {
	k.asked = append(k.asked, party)
	if k.err != nil {
		return nil, "", k.err
	}
	return []byte(jwks), etag, nil
}

// service is a running server over fakes.
type service struct {
	*httptest.Server
	t      testing.TB
	api    *api.API
	issuer *exchanger
	keys   *keySet
	logs   *bytes.Buffer // read only after Close
}

// start runs the service. alter may change its configuration.
func start(t testing.TB, alter ...func(*api.Config)) *service {
	t.Helper()
	s := &service{t: t, keys: &keySet{}, logs: &bytes.Buffer{}}
	s.issuer = &exchanger{t: t, door: issuer.DoorToken, respond: func(context.Context, issuer.Request) (issuer.Decision, error) { return decision, nil }}
	config := api.Config{
		URL: "https://auth.example.com", JWKSMaxAge: 5 * time.Minute, CORSOrigins: []string{app},
		Logger: zerolog.New(zerolog.SyncWriter(s.logs)).Level(zerolog.DebugLevel),
	}
	for _, f := range alter {
		f(&config)
	}
	s.api = api.New(config, s.issuer, s.keys)
	s.Server = httptest.NewServer(s.api.Handler())
	t.Cleanup(s.Close)
	return s
}

// refuse makes every exchange fail.
func (s *service) refuse(err error) {
	s.issuer.respond = func(context.Context, issuer.Request) (issuer.Decision, error) { return issuer.Decision{}, err }
}

// answer is a response with its body.
type answer struct {
	*http.Response
	body string
}

// problem is the body of an error.
type problem struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Reason      string `json:"reason"`
}

func (a answer) problem(t testing.TB) problem {
	t.Helper()
	var p problem
	if err := json.Unmarshal([]byte(a.body), &p, json.RejectUnknownMembers(true)); err != nil {
		t.Fatalf("status %d, and the body is no error: %v\n%s", a.StatusCode, err, a.body)
	}
	return p
}

// do sends a request with headers in pairs.
func (s *service) do(method, path, body string, headers ...string) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	return s.send(r, headers...)
}

func (s *service) send(r *http.Request, headers ...string) answer {
	s.t.Helper()
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	client := *s.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{response, string(body)}
}

// form is a good request, altered by name and value in pairs.
func form(alter ...string) url.Values {
	values := url.Values{"grant_type": {grantType}, "subject_token": {secret}, "subject_token_type": {accessToken}}
	for i := 0; i < len(alter); i += 2 {
		values.Set(alter[i], alter[i+1])
	}
	return values
}

// exchange posts a form to the token endpoint.
func (s *service) exchange(values url.Values, headers ...string) answer {
	s.t.Helper()
	return s.do(http.MethodPost, "/oauth2/token", values.Encode(), append([]string{"Content-Type", formType}, headers...)...)
}

// lines stops the service and returns its log lines.
func (s *service) lines() []map[string]any {
	s.t.Helper()
	s.Close()
	var lines []map[string]any
	for text := range strings.Lines(s.logs.String()) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			s.t.Fatalf("a log line is no JSON: %v\n%s", err, text)
		}
		lines = append(lines, line)
	}
	if strings.Contains(s.logs.String(), secret) || strings.Contains(s.logs.String(), decision.Token) {
		s.t.Error("a token stands in the log")
	}
	return lines
}

// line stops the service and returns its only log line.
func (s *service) line() map[string]any {
	s.t.Helper()
	lines := s.lines()
	if len(lines) != 1 {
		s.t.Fatalf("%d log lines, want 1: %v", len(lines), lines)
	}
	return lines[0]
}

var errBroken = errors.New("dial tcp 10.0.0.7:5432: connection refused")
