package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/graph"
)

// asksGraph reports whether the settings name an app that can ask Microsoft Graph for groups.
func (s *settings) asksGraph() bool {
	return s.EntraClientID != "" && (s.EntraClientSecret.reveal() != "" || s.EntraCertificateFile != "" || s.FederatedTokenFile != "")
}

// newGraph returns a client that asks Microsoft Graph, nil where the settings name no app to ask as. It asks for nothing.
func (s *settings) newGraph(client *http.Client) (*graph.Client, error) {
	if !s.asksGraph() {
		return nil, nil
	}
	config := graph.Config{
		Authority: s.EntraAuthority, GraphURL: s.GraphURL, ClientID: s.EntraClientID,
		ClientSecret: s.EntraClientSecret.reveal(), FederatedTokenFile: s.FederatedTokenFile,
		TTL: s.GroupsTTL, Stale: s.GroupsStale, HTTPClient: client,
	}
	if s.EntraCertificateFile != "" {
		pem, err := os.ReadFile(s.EntraCertificateFile)
		if err != nil {
			return nil, errors.New("ISSUER_ENTRA_CLIENT_CERTIFICATE_FILE names no file that can be read")
		}
		config.ClientCertificate = pem
	}
	asked, err := graph.New(config)
	if err != nil {
		return nil, fmt.Errorf("the app of ISSUER_ENTRA_CLIENT_ID cannot ask Microsoft Graph: %w", err)
	}
	return asked, nil
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
