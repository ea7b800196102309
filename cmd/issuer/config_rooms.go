package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/graph"
	"github.com/hasura-issuer/hasura-issuer/issuer"
)

// The settings that the rooms' own settings come from, by field.
var (
	idpSettings = map[string]string{
		"Authority": "ISSUER_ENTRA_AUTHORITY", "Tenants": "ISSUER_ENTRA_TENANTS", "Audiences": "ISSUER_ENTRA_AUDIENCES",
		"Issuers": "ISSUER_ENTRA_ISSUERS", "V1Issuer": "ISSUER_ENTRA_ISSUER_V1", "V2Issuer": "ISSUER_ENTRA_ISSUER_V2",
		"SigningKeyAppID": "ISSUER_ENTRA_SIGNING_KEY_APP", "CacheSize": "ISSUER_ENTRA_TOKEN_CACHE",
		"Clients": "ISSUER_ENTRA_CLIENTS", "Scopes": "ISSUER_ENTRA_SCOPES", "AppRoles": "ISSUER_ENTRA_APP_ROLES",
		"Leeway": "ISSUER_CLOCK_LEEWAY", "KeepClaims": "ISSUER_SESSION_CLAIMS",
	}
	issuerSettings = map[string]string{
		"URL": "ISSUER_URL", "Audience": "ISSUER_TOKEN_AUDIENCE", "TTL": "ISSUER_TOKEN_TTL", "ArrayFormat": "ISSUER_ARRAY_FORMAT",
		"ClaimsNamespace": "ISSUER_CLAIMS_NAMESPACE", "ClaimsNamespacePath": "ISSUER_CLAIMS_NAMESPACE_PATH",
		"StringifiedClaims": "ISSUER_CLAIMS_FORMAT", "SessionClaims": "ISSUER_SESSION_CLAIMS", "Remember": "ISSUER_TOKEN_CACHE",
	}
)

// validateRooms records what the rooms find wrong with what is set, by the names of the settings. Nothing is asked over
// the network.
func (s *settings) validateRooms(f *faults, given map[string]string) {
	_, err := idp.New(idpConfig(*s))
	err = errors.Join(err, issuerConfig(*s).Validate())
	for _, fault := range each(err) {
		name := ""
		if at, ok := errors.AsType[*idp.ConfigError](fault); ok {
			name, fault = idpSettings[at.Field], at.Err
		} else if at, ok := errors.AsType[*issuer.ConfigError](fault); ok {
			name, fault = issuerSettings[at.Field], at.Err
		}
		if given[name] != "" && !f.named[name] { // what is missing, or wrong in itself, was said already
			f.addf("%s: %v", name, fault)
		}
	}
}

// validateGraph records why the identity that the settings name could not ask Microsoft Graph. What is wrong in itself was
// said.
func (s *settings) validateGraph(f *faults) {
	if s.EntraManagedIdentity != "" && s.KeyVaultTenant == "" {
		f.add("ISSUER_KEYVAULT_TENANT", "")
	}
	s.validateIdentity(f)
	if len(f.list) > 0 {
		return
	}
	if ways := s.waysToGraph(); s.asksGraph() && len(ways) > 1 {
		f.addf("%s are set at once: each says by itself how Microsoft Graph is to know us; keep one", strings.Join(ways, " and "))
		return
	}
	if _, err := s.newGraph(graph.Config{}); err != nil {
		f.addf("%v", err)
	}
}

// validateIdentity records half an identity: a credential of nobody, or an app that has none.
func (s *settings) validateIdentity(f *faults) {
	const id, secret, certificate = "ISSUER_ENTRA_CLIENT_ID", "ISSUER_ENTRA_CLIENT_SECRET", "ISSUER_ENTRA_CLIENT_CERTIFICATE_FILE" //nolint:gosec // G101: names, and no secret
	ways := s.waysToGraph()
	switch {
	case f.named[id] || f.named[secret] || f.named[certificate]:
	case guid.MatchString(s.EntraClientSecret.reveal()):
		f.addf("%s has the form of a Secret ID; it wants the secret's Value, which the portal shows once, beside it", secret)
	case s.EntraManagedIdentity != "" || s.KeysEncryptionKey.anyWrapped(): // what the vault lacks is said for it
	case s.EntraClientID == "" && (slices.Contains(ways, secret) || slices.Contains(ways, certificate)):
		f.addf("%s is set without %s, the client id of the app that it belongs to", ways[0], id)
	case s.EntraClientID != "" && len(ways) == 0:
		f.addf("%s is set without a credential: set %s, %s or (as Azure does by itself) AZURE_FEDERATED_TOKEN_FILE", id, secret, certificate)
	}
}

// each takes joined errors apart.
func each(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := errors.AsType[interface {
		error
		Unwrap() []error
	}](err)
	if !ok {
		return []error{err}
	}
	var all []error
	for _, one := range joined.Unwrap() {
		all = append(all, each(one)...)
	}
	return all
}
