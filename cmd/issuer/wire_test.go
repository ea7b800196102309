package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// TestEverySettingReachesItsRoom gives no setting its default: one that is dropped on its way would fall open in silence.
func TestEverySettingReachesItsRoom(t *testing.T) {
	t.Parallel()
	const tenant, customers, client = "c41b9a70-58de-4f0b-8a37-61d2e9f3b802", "e57a3f18-6b4d-49c2-8d70-b2c9f0a1d805", "5d4c3b2a-1908-47f6-9e5d-4c3b2a190833"
	s, err := load(fileSettings(
		"ISSUER_ENTRA_AUTHORITY=https://login.microsoftonline.us", "ISSUER_ENTRA_TENANTS="+tenant, "ISSUER_ENTRA_AUDIENCES=a,b",
		"ISSUER_ENTRA_CLIENTS="+client, "ISSUER_ENTRA_SCOPES=read", "ISSUER_ENTRA_APP_ROLES=Run", "ISSUER_ENTRA_ALLOW_GUESTS=false",
		"ISSUER_ENTRA_ISSUERS="+customers+"=https://login.example.com/a, "+customers+"=https://b.example.com https://b.example.com/keys?p=b",
		"ISSUER_ENTRA_ISSUER_V1=https://v1.example.com/{tenantid}/", "ISSUER_ENTRA_ISSUER_V2=https://v2.example.com/{tenantid}",
		"ISSUER_ENTRA_SIGNING_KEY_APP="+client, "ISSUER_ENTRA_TOKEN_CACHE=12",
		"ISSUER_CLOCK_LEEWAY=7s", "ISSUER_ALLOW_ADMIN_ROLE=true", "ISSUER_SESSION_CLAIMS=x-hasura-me=sub", "ISSUER_TOKEN_TTL=2m",
		"ISSUER_TOKEN_AUDIENCE=data", "ISSUER_CLAIMS_NAMESPACE_PATH=$.hasura", "ISSUER_CLAIMS_FORMAT=stringified_json", "ISSUER_ARRAY_FORMAT=json",
		"ISSUER_TOKEN_CACHE=13",
	), needService)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(idp.Config{
		Authority: "https://login.microsoftonline.us", Tenants: []string{tenant}, Audiences: []string{"a", "b"}, Clients: []string{client},
		Scopes: []string{"read"}, AppRoles: []string{"Run"}, RefuseGuests: true, Leeway: 7 * time.Second, KeepClaims: []string{"sub"},
		Issuers: []idp.Issuer{
			{TenantID: customers, URL: "https://login.example.com/a"},
			{TenantID: customers, URL: "https://b.example.com", Metadata: "https://b.example.com/keys?p=b"},
		},
		V1Issuer: "https://v1.example.com/{tenantid}/", V2Issuer: "https://v2.example.com/{tenantid}", SigningKeyAppID: client, CacheSize: 12,
	}, idpConfig(s)); diff != "" {
		t.Errorf("idp (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(issuer.Config{
		URL: testURL, Audience: "data", TTL: 2 * time.Minute, ClaimsNamespacePath: "$.hasura", StringifiedClaims: true,
		ArrayFormat: issuer.ArrayJSON, SessionClaims: []issuer.SessionClaim{{Variable: "x-hasura-me", Claim: "sub"}}, Remember: 13,
	}, issuerConfig(s), cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Now" }, cmp.Ignore())); diff != "" {
		t.Errorf("issuer (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(rolestore.Rules{AllowAdmin: true, ReservedVariables: []string{"x-hasura-me"}}, s.roleRules()); diff != "" {
		t.Errorf("rolestore (-want +got):\n%s", diff)
	}
}
