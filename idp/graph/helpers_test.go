package graph_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/idp/graph"
)

// What the fake's Graph demands, and what the room's documentation tells operators to grant.
var permissions = []string{"GroupMember.Read.All", "User.ReadBasic.All", "Application.Read.All"}

const (
	fresh = 5 * time.Minute
	stale = 15 * time.Minute
)

// microsoft is one tenant for all tests: its keys take long to make. Each test has its own app, users and transport.
var microsoft = sync.OnceValues(func() (*faketenant.Tenant, error) { return faketenant.New(faketenant.Options{}) })

// stage is a test's own view of Microsoft, without a network, so that time may be faked around it: the global cloud's
// hosts, and a record of who asked what. Any other host is nowhere.
type stage struct {
	*faketenant.Tenant
	app, secret string
	graph       http.Handler

	mu       sync.Mutex
	instead  func(http.ResponseWriter, *http.Request) bool
	requests map[string]int // by the last part of the path
	strayed  []string       // requests to other hosts
	outcomes map[string]int
}

func newStage(t *testing.T) *stage {
	t.Helper()
	tenant, err := microsoft()
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{Tenant: tenant, graph: tenant.Graph(), requests: map[string]int{}, outcomes: map[string]int{}}
	s.app = uuid.NewString()
	tenant.Register(faketenant.App{ID: s.app, GraphRoles: permissions})
	s.secret = tenant.AddSecret(s.app, 100*365*24*time.Hour)
	return s
}

func (s *stage) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.requests[path.Base(r.URL.Path)]++
	instead := s.instead
	s.mu.Unlock()
	received := r.Clone(r.Context())
	received.RequestURI, received.TLS = r.URL.RequestURI(), &tls.ConnectionState{}
	if received.Body == nil {
		received.Body = http.NoBody
	}
	recorder := httptest.NewRecorder()
	switch {
	case instead != nil && instead(recorder, received):
	case r.URL.Host == "login.microsoftonline.com":
		s.ServeHTTP(recorder, received)
	case r.URL.Host == "graph.microsoft.com":
		s.graph.ServeHTTP(recorder, received)
	default:
		s.mu.Lock()
		s.strayed = append(s.strayed, r.URL.String())
		s.mu.Unlock()
		return nil, errors.New("no such host")
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	response := recorder.Result()
	if length := recorder.Header().Get("Content-Length"); length != "" && length != strconv.Itoa(recorder.Body.Len()) {
		response.Body = io.NopCloser(io.MultiReader(recorder.Body, iotest.ErrReader(io.ErrUnexpectedEOF)))
	}
	return response, nil
}

// answer lets instead see every request first; true means that it answered.
func (s *stage) answer(instead func(http.ResponseWriter, *http.Request) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.instead = instead
}

// graphAnswers answers what Graph is asked, and leaves the sign-in alone.
func (s *stage) graphAnswers(instead http.HandlerFunc) {
	s.answer(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Host != "graph.microsoft.com" {
			return false
		}
		instead(w, r)
		return true
	})
}

// count returns how many requests there were for a path that ends in last.
func (s *stage) count(last string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[last]
}

// Answered and Requested make the stage an Observer.
func (s *stage) Answered(from graph.Source) { s.note("answer " + string(from)) }

func (s *stage) Requested(endpoint graph.Endpoint, ended graph.Outcome) {
	s.note(string(endpoint) + " " + string(ended))
}

func (s *stage) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outcomes[what]++
}

// observed returns what was observed since it was last asked.
func (s *stage) observed() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := maps.Clone(s.outcomes)
	clear(s.outcomes)
	return seen
}

func (s *stage) config() graph.Config {
	return graph.Config{
		ClientID: s.app, ClientSecret: s.secret, TTL: fresh, Stale: stale,
		HTTPClient: &http.Client{Transport: s}, Observer: s,
	}
}

func (s *stage) open(t *testing.T, change ...func(*graph.Config)) *graph.Client {
	t.Helper()
	config := s.config()
	for _, c := range change {
		c(&config)
	}
	client, err := graph.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// user returns a new user who is a member of groups.
func (s *stage) user(groups ...string) graph.Caller {
	id := uuid.NewString()
	s.SetGroups(id, groups...)
	return graph.Caller{TenantID: faketenant.TenantID, ObjectID: id}
}

// groups are n groups, from the first on, in order.
func groups(first, n int) []string {
	all := []string{}
	for i := range n {
		all = append(all, fmt.Sprintf("d5000000-aaaa-4bbb-8ccc-%012d", first+i))
	}
	return all
}

// refused returns the error as what it must be, and sees to it that it shows nothing it must not.
func (s *stage) refused(t *testing.T, got []string, err error) *graph.UnavailableError {
	t.Helper()
	problem, ok := errors.AsType[*graph.UnavailableError](err)
	if !ok || got != nil {
		t.Fatalf("got %v, %v; want nothing but an UnavailableError", got, err)
	}
	s.discreet(t, err)
	return problem
}

// canary stands in bodies that must not get into errors.
const canary = "canary-in-the-body"

func (s *stage) discreet(t *testing.T, err error) {
	t.Helper()
	for _, text := range []string{err.Error(), fmt.Sprintf("%+v %#v", err, err)} {
		for _, taboo := range []string{s.secret, canary, "eyJ", "<html"} {
			if strings.Contains(text, taboo) {
				t.Errorf("the error shows %q: %s", taboo, text)
			}
		}
	}
}

// write answers with a body.
func write(w http.ResponseWriter, status int, body string) {
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func graphError(w http.ResponseWriter, status int, code string) {
	write(w, status, fmt.Sprintf(`{"error":{"code":%q,"message":%q,"innerError":{}}}`, code, canary))
}
