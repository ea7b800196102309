package graph_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/idp/graph"
)

// Everything an operator can get wrong has a code to look up and a sentence on what to do, here and in the check.
func TestOperatorsAreToldTheCure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(t *testing.T, s *stage, c *graph.Config)
		code   string
		hint   string
	}{
		"a wrong secret": {func(_ *testing.T, _ *stage, c *graph.Config) { c.ClientSecret = "wrong-" + canary }, "AADSTS7000215", "not its id"},
		"an expired secret": {
			func(_ *testing.T, s *stage, c *graph.Config) { c.ClientSecret = s.AddSecret(s.app, -time.Hour) },
			"AADSTS7000222", "make a new one",
		},
		"an app that is not there": {func(_ *testing.T, _ *stage, c *graph.Config) { c.ClientID = uuid.NewString() }, "AADSTS700016", "check the client id"},
		"a certificate that is not uploaded": {
			func(t *testing.T, s *stage, c *graph.Config) {
				t.Helper()
				other := newStage(t)
				made, err := other.NewCertificate(other.app)
				if err != nil {
					t.Fatal(err)
				}
				c.ClientSecret, c.ClientCertificate = "", made
			},
			"AADSTS700027", "uploaded",
		},
		"a workload that is not federated": {
			func(t *testing.T, _ *stage, c *graph.Config) {
				t.Helper()
				c.ClientSecret, c.FederatedTokenFile = "", tokenFile(t, assertion(t, newKey(t), time.Hour))
			},
			"AADSTS70021", "federated credential",
		},
		"a token file that is not there": {
			func(t *testing.T, _ *stage, c *graph.Config) {
				t.Helper()
				c.ClientSecret, c.FederatedTokenFile = "", filepath.Join(t.TempDir(), "token")
			},
			"", "mounted",
		},
		"a token file that is empty": {
			func(t *testing.T, _ *stage, c *graph.Config) {
				t.Helper()
				c.ClientSecret, c.FederatedTokenFile = "", tokenFile(t, " \n")
			},
			"", "mounted",
		},
		"a token file that is anything": {
			func(t *testing.T, _ *stage, c *graph.Config) {
				t.Helper()
				c.ClientSecret, c.FederatedTokenFile = "", tokenFile(t, strings.Repeat(canary, 10_000))
			},
			"", "mounted",
		},
		"a Graph URL of no resource": {
			func(_ *testing.T, _ *stage, c *graph.Config) { c.GraphURL = "https://graph.example" }, "AADSTS500011", "same cloud",
		},
		"no permission": {
			func(_ *testing.T, s *stage, _ *graph.Config) { s.GrantGraph(s.app) },
			"Authorization_RequestDenied", "grant our app the application permissions GroupMember.Read.All and User.Read.All",
		},
		"half of the permissions": {
			func(_ *testing.T, s *stage, _ *graph.Config) { s.GrantGraph(s.app, "GroupMember.Read.All") },
			"Authorization_RequestDenied", "administrator's consent",
		},
		"the other half": {
			func(_ *testing.T, s *stage, _ *graph.Config) { s.GrantGraph(s.app, "User.ReadBasic.All") },
			"Authorization_RequestDenied", "administrator's consent",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			client := s.open(t, func(config *graph.Config) { c.change(t, s, config) })
			_, err := client.Groups(t.Context(), s.user(), nil)
			for what, err := range map[string]error{
				"groups": err, "check": client.Check(t.Context(), faketenant.TenantID), "health": client.Health(),
			} {
				problem, ok := errors.AsType[*graph.UnavailableError](err)
				if !ok || problem.Code != c.code || !strings.Contains(problem.Hint, c.hint) || !strings.Contains(err.Error(), problem.Hint) {
					t.Errorf("%s: %v\nwant code %q and %q", what, err, c.code, c.hint)
					continue
				}
				if c.code != "" && problem.Trace == "" {
					t.Errorf("%s: no trace for Microsoft's support: %v", what, err)
				}
				s.discreet(t, err)
			}
			if len(s.strayed) > 0 {
				t.Errorf("strayed to %v", s.strayed)
			}
		})
	}
}

func TestATenantThatIsNotThere(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	got, err := s.open(t).Groups(t.Context(), graph.Caller{TenantID: uuid.NewString(), ObjectID: uuid.NewString()}, nil)
	if problem := s.refused(t, got, err); problem.Code != "AADSTS90002" || problem.Hint == "" {
		t.Error(err)
	}
}

func TestTheCheckPassesWhereGroupsCanBeRead(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	client := s.open(t)
	if err := errors.Join(client.Check(t.Context(), faketenant.TenantID), client.Health()); err != nil {
		t.Error(err)
	}
	if s.count("getMemberGroups") != 1 {
		t.Error("Graph was not asked")
	}
}

// One tenant's trouble does not hide behind another's good health.
func TestHealthIsPerTenant(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	client := s.open(t)
	stranger := graph.Caller{TenantID: faketenant.OtherTenantID, ObjectID: uuid.NewString()}
	got, err := client.Groups(t.Context(), stranger, nil)
	s.refused(t, got, err)
	if _, err := client.Groups(t.Context(), s.user(), nil); err != nil {
		t.Fatal(err)
	}
	health := client.Health()
	if health == nil || !strings.Contains(health.Error(), faketenant.OtherTenantID) || strings.Contains(health.Error(), faketenant.TenantID) {
		t.Errorf("got %v, want one about the other tenant", health)
	}
}

// A refusal about one caller is nobody else's. What says something of the tenant is, and stays so until Graph has answered.
func TestOneCallersRefusalIsNoIllHealth(t *testing.T) {
	t.Parallel()
	const own = `{"error":{"code":"Request_BadRequest","message":"` + canary + `"}}`
	for name, c := range map[string]struct {
		status int
		body   string
		ill    bool
	}{
		"a question that Graph does not like": {http.StatusBadRequest, own, false},
		"a conflict":                          {http.StatusConflict, own, false},
		"something else that is not there":    {http.StatusNotFound, own, false},
		"no sign-in":                          {http.StatusUnauthorized, own, true},
		"no permission":                       {http.StatusForbidden, own, true},
		"not Graph's words":                   {http.StatusBadRequest, "<html>" + canary, true},
		"not Graph at all":                    {http.StatusNotFound, "", true},
		"too much":                            {http.StatusTooManyRequests, own, true},
		"an outage":                           {http.StatusServiceUnavailable, own, true},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, s *stage) {
				client := s.open(t)
				s.graphAnswers(func(w http.ResponseWriter, _ *http.Request) { write(w, c.status, c.body) })
				got, err := client.Groups(t.Context(), s.user(), nil)
				s.refused(t, got, err)
				if health := client.Health(); (health != nil) != c.ill {
					t.Errorf("health is %v, want an ill one: %v", health, c.ill)
				}
				s.graphAnswers(down)
				got, err = client.Groups(t.Context(), s.user(), nil)
				s.refused(t, got, err)
				s.graphAnswers(func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusBadRequest, own) })
				got, err = client.Groups(t.Context(), s.user(), nil)
				s.refused(t, got, err)
				if client.Health() == nil {
					t.Error("a refusal made it well")
				}
			})
		})
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAMachineOffTheNetworkIsToldSo(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	const nowhere = "https://127.0.0.1:1"
	for name, c := range map[string]struct {
		change     func(*graph.Config)
		text, hint string
	}{
		"nobody listens": {
			func(c *graph.Config) {
				c.Authority, c.GraphURL = nowhere, nowhere
				c.HTTPClient = nil
			},
			"connection refused", "reaches",
		},
		"a certificate of nobody's": {
			func(c *graph.Config) {
				_, config := served(t)
				c.Authority, c.GraphURL = config.Authority, config.GraphURL
				c.HTTPClient = &http.Client{Transport: &http.Transport{}}
				c.HTTPClient.Transport.(*http.Transport).TLSClientConfig = trusting(x509.NewCertPool())
			},
			"not to be trusted", "intercepts",
		},
		"a transport that quotes what it got": {
			func(c *graph.Config) {
				c.HTTPClient = &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
					return nil, errors.New("malformed HTTP response " + canary)
				})}
			},
			"the connection broke", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := s.open(t, c.change).Groups(t.Context(), s.user(), nil)
			problem := s.refused(t, got, err)
			if !strings.Contains(err.Error(), c.text) || !strings.Contains(problem.Hint, c.hint) {
				t.Errorf("got %v, want %q and %q", err, c.text, c.hint)
			}
			if name == "nobody listens" && !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("%v does not wrap its cause", err)
			}
		})
	}
}

func TestWhoLeavesIsToldWhy(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the shop is closed")
	cancel(why)
	got, err := s.open(t).Groups(ctx, s.user(), nil)
	s.refused(t, got, err)
	if !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}
