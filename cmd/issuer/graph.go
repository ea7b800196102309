package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/graph"
	"github.com/hasura-issuer/hasura-issuer/issuer"
)

// systemIdentity stands for the identity of the machine itself, which is known by no client id.
const systemIdentity = "system"

// waysToGraph names the settings that say how Microsoft Graph is to know us.
func (s *settings) waysToGraph() []string {
	var ways []string
	for _, way := range []struct {
		set  bool
		name string
	}{
		{s.EntraManagedIdentity != "", "ISSUER_ENTRA_MANAGED_IDENTITY"},
		{s.EntraClientSecret.reveal() != "", "ISSUER_ENTRA_CLIENT_SECRET"},
		{s.EntraCertificateFile != "", "ISSUER_ENTRA_CLIENT_CERTIFICATE_FILE"},
		{s.FederatedTokenFile != "", "AZURE_FEDERATED_TOKEN_FILE"},
	} {
		if way.set {
			ways = append(ways, way.name)
		}
	}
	return ways
}

// asksGraph reports whether the settings name an identity that can ask Microsoft Graph for groups.
func (s *settings) asksGraph() bool {
	return s.EntraManagedIdentity != "" || s.EntraClientID != "" && len(s.waysToGraph()) > 0
}

// newGraph returns a client that asks Microsoft Graph, nil where the settings name nobody to ask as. config holds what is
// no setting. It asks for nothing.
func (s *settings) newGraph(config graph.Config) (*graph.Client, error) {
	if !s.asksGraph() {
		return nil, nil
	}
	config.Authority, config.GraphURL, config.ClientID = s.EntraAuthority, s.GraphURL, s.EntraClientID
	config.ClientSecret, config.FederatedTokenFile = s.EntraClientSecret.reveal(), s.FederatedTokenFile
	config.TTL, config.Stale = s.GroupsTTL, s.GroupsStale
	if s.EntraManagedIdentity != "" {
		config.ManagedIdentity = &graph.ManagedIdentity{TenantID: s.KeyVaultTenant}
		if s.EntraManagedIdentity != systemIdentity {
			config.ManagedIdentity.ClientID = s.EntraManagedIdentity
		}
	}
	if s.EntraCertificateFile != "" {
		pem, err := os.ReadFile(s.EntraCertificateFile)
		if err != nil {
			return nil, errors.New("ISSUER_ENTRA_CLIENT_CERTIFICATE_FILE names no file that can be read")
		}
		config.ClientCertificate = pem
	}
	asked, err := graph.New(config)
	if errors.Is(err, graph.ErrNoGraphURL) {
		return nil, fmt.Errorf("ISSUER_GRAPH_URL is not set; it wants the base URL of Microsoft Graph, since ISSUER_ENTRA_AUTHORITY is no cloud whose Graph we know, and %s is there to ask it",
			strings.Join(s.waysToGraph(), " and "))
	}
	if err != nil {
		return nil, fmt.Errorf("%s does not do to ask Microsoft Graph: %w", strings.Join(s.waysToGraph(), " and "), err)
	}
	return asked, nil
}

// graphMeter counts how Microsoft Graph is asked.
type graphMeter struct {
	answers, requests *prometheus.CounterVec
	used              *uses // of the memory
}

// graph returns a meter whose counters are shown from the start, so that a rate can be 0.
func (m *metrics) graph(used *uses) graphMeter {
	g := graphMeter{
		used: used,
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "issuer_graph_answers_total", Help: "Callers whose groups were asked for, by where the answer came from.",
		}, []string{"source"}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "issuer_graph_requests_total", Help: "Questions to Microsoft Graph and sign-ins for them, by how they ended.",
		}, []string{"endpoint", "outcome"}),
	}
	m.registry.MustRegister(g.answers, g.requests)
	for _, source := range []graph.Source{graph.SourceMemory, graph.SourceShared, graph.SourceGraph, graph.SourceStale, graph.SourceNone} {
		g.answers.WithLabelValues(string(source))
	}
	for _, endpoint := range []graph.Endpoint{graph.EndpointToken, graph.EndpointGraph} {
		for _, ended := range []graph.Outcome{graph.OutcomeOK, graph.OutcomeThrottled, graph.OutcomeRefused, graph.OutcomeFailed} {
			g.requests.WithLabelValues(string(endpoint), string(ended))
		}
	}
	return g
}

// Answered is graph.Observer's.
func (g graphMeter) Answered(from graph.Source) {
	g.answers.WithLabelValues(string(from)).Inc()
	g.used.count(from == graph.SourceMemory)
}

// Requested is graph.Observer's.
func (g graphMeter) Requested(endpoint graph.Endpoint, ended graph.Outcome) {
	g.requests.WithLabelValues(string(endpoint), string(ended)).Inc()
}

// openGraph makes the client of Microsoft Graph, if the settings name somebody to ask as, and returns who is asked for
// groups: nil for nobody.
func (svc *service) openGraph() (issuer.Groups, error) {
	if !svc.settings.asksGraph() {
		return nil, nil
	}
	used := &uses{}
	config := graph.Config{HTTPClient: svc.azure, Observer: svc.metrics.graph(used), Around: svc.tracing.Around("graph")}
	if svc.shared != nil {
		config.Shared = svc.shared("groups")
	}
	client, err := svc.settings.newGraph(config)
	if err != nil {
		return nil, usageError{err}
	}
	svc.graph = client
	svc.metrics.caches["groups"] = used.state(client.Entries)
	return graphGroups{client}, nil
}

// graphGroups is issuer.Groups on a client of Graph.
type graphGroups struct{ client *graph.Client }

// Groups is issuer.Groups's.
func (g graphGroups) Groups(ctx context.Context, caller idp.Subject, among []string) ([]string, error) {
	groups, err := g.client.Groups(ctx, graph.Caller{TenantID: caller.TenantID, ObjectID: caller.ObjectID, App: caller.Kind == idp.KindApp}, among)
	if unavailable, ok := errors.AsType[*graph.UnavailableError](err); ok {
		return nil, laterError{unavailable, unavailable.RetryAfter}
	}
	return groups, err
}

// laterError says when another try can succeed.
type laterError struct {
	error
	after time.Duration
}

func (e laterError) Unwrap() error             { return e.error }
func (e laterError) RetryAfter() time.Duration { return e.after }
