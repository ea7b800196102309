package idp_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// TestProblemsThatUsersReport has what people ask about in the issue trackers of the libraries for Entra, in their words,
// and the answer they get here. Other tests of this package have the details.
func TestProblemsThatUsersReport(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t)
	listed := e.warm(t, func(c *idp.Config) { c.Clients = []string{faketenant.SPAClientID} })
	guest := altered(e.V1Claims("guest"), map[string]any{"upn": nil, "email": nil, "unique_name": nil, "name": nil})
	tests := map[string]struct {
		verifier *idp.Verifier
		raw      string
		want     string
	}{
		// AzureAD/azure-activedirectory-identitymodel-extensions-for-dotnet #609, microsoft-identity-web #452: Graph signs
		// over another header than it sends.
		"invalid signature, of a token for Graph": {
			verifier, e.Sign(e.user(nil), faketenant.WithHeader("nonce", "x"), faketenant.SignedBy(faketenant.KeyStranger)), "graph_token",
		},
		// microsoft-authentication-library-for-js #4702, #5672
		"scopes of two APIs in one request": {
			verifier, e.Sign(e.user(map[string]any{"aud": "https://graph.microsoft.com/", "scp": "User.Read access_as_user"})), "graph_token",
		},
		// coreos/go-oidc #121, #344
		"the issuer of `common` with its braces": {
			verifier, e.Sign(e.user(map[string]any{"iss": globalCloud + "/{tenantid}/v2.0"})), "issuer_unknown",
		},
		// microsoft-authentication-library-for-js #560, microsoft-authentication-library-for-python #600
		"a v1.0 token from the v2.0 endpoint": {verifier, e.Sign(e.V1Claims("reader")), "accepted"},
		// microsoft-identity-web #559, microsoft/fhir-server #272
		"the audience by client id":   {verifier, e.Sign(altered(e.V1Claims("reader"), map[string]any{"aud": faketenant.APIClientID})), "accepted"},
		"the audience with a slash":   {verifier, e.Sign(altered(e.V1Claims("reader"), map[string]any{"aud": "api://" + faketenant.APIClientID + "/"})), "audience_not_ours"},
		"the audience with spn:":      {verifier, e.Sign(altered(e.V1Claims("reader"), map[string]any{"aud": "spn:" + faketenant.APIClientID})), "audience_not_ours"},
		"the audience that is listed": {e.warm(t, func(c *idp.Config) { c.Audiences = []string{"spn:x"} }), e.Sign(e.user(map[string]any{"aud": "spn:x"})), "accepted"},
		// microsoft-identity-web #1038: IDW10201 says the same of both
		"neither scp nor roles, of a user": {verifier, e.Sign(e.user(map[string]any{"scp": nil})), "scope_missing"},
		"neither scp nor roles, of an app": {verifier, e.Sign(e.daemon(map[string]any{"roles": nil})), "app_role_missing"},
		// Azure-Samples/active-directory-dotnetcore-daemon-v2 #10, #35
		"any app of the tenant gets a token": {verifier, e.Sign(e.daemon(map[string]any{"roles": nil, "idtyp": nil})), "app_role_missing"},
		"an app nobody has listed":           {listed, e.Sign(e.daemon(nil)), "client_not_allowed"},
		// jenkinsci/azure-ad #679 and others: a client library that gave up on the issuer
		"the issuer is null": {verifier, e.Sign(e.user(map[string]any{"iss": any(nil)})), "claim_missing"},
		"the issuer is another cloud's": {
			verifier, e.Sign(e.user(map[string]any{"iss": "https://login.partner.microsoftonline.cn/" + faketenant.TenantID + "/v2.0"})), "issuer_unknown",
		},
		// zitadel #12421: nOAuth. A tenant of the attacker's has the victim's address in its tokens.
		"the victim's address, from the attacker's tenant": {
			verifier, e.Sign(e.user(map[string]any{"tid": faketenant.OtherTenantID, "iss": e.V2Issuer(faketenant.OtherTenantID), "email": "alice@contoso.example"})),
			"tenant_not_allowed",
		},
		// voucher/vouch-proxy #314, Azure/az-hop #1776
		"a guest without upn, mail and name": {verifier, e.Sign(guest), "accepted"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantVerdict(t, test.verifier, test.raw, test.want)
		})
	}
}

// Azure/kubelogin #411: the API's registration was switched from v1.0 to v2.0, and every login failed.
func TestAnAPIMaySwitchItsTokenVersion(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t, remembering)
	before, err := verifier.Verify(t.Context(), e.Sign(e.V1Claims("reader")))
	if err != nil {
		t.Fatal(err)
	}
	after, err := verifier.Verify(t.Context(), e.Sign(e.Claims("reader")))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after, cmpopts.IgnoreFields(idp.Subject{}, "TokenID")); diff != "" {
		t.Errorf("the same person is another one with the other version: %s", diff)
	}
	wantFetches(t, e, 1)
}

// hashicorp/vault #7510: the address in a token with too many groups is that of a service that is gone, and an address
// in a token is nothing to call.
func TestNoAddressInATokenIsEverCalled(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t)
	before := e.requests("")
	const address = globalCloud + "/evil"
	claims := e.user(map[string]any{
		"_claim_names":   map[string]string{"groups": "src1"},
		"_claim_sources": map[string]any{"src1": map[string]string{"endpoint": address}},
	})
	subject, err := verifier.Verify(t.Context(), e.Sign(claims, faketenant.WithHeader("jku", address), faketenant.WithHeader("x5u", address)))
	if err != nil || !subject.GroupsOmitted || subject.Groups != nil {
		t.Errorf("the groups are %v, left out: %v, %v", subject.Groups, subject.GroupsOmitted, err)
	}
	if n := e.requests("") - before; n != 0 {
		t.Errorf("%d requests were made for one token", n)
	}
}

// ueberauth_microsoft #98 and the rest of nOAuth: whatever a token calls its bearer, the bearer is (tid, oid).
func TestNamesAndAddressesMakeNobodySomebodyElse(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	verifier := e.warm(t)
	plain := e.user(nil)
	want, err := verifier.Verify(t.Context(), e.Sign(plain))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"email", "upn", "preferred_username", "unique_name", "name", "sub", "verified_primary_email", "xms_edov", "sid"} {
		claims := maps.Clone(plain)
		claims[name] = "alice@contoso.example"
		got, err := verifier.Verify(t.Context(), e.Sign(claims))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s makes somebody else of them: %v %s", name, err, strings.TrimSpace(diff))
		}
	}
}

// MicrosoftDocs/azure-docs #38427, #95994: several tenants, one registration.
func TestEachTenantHasItsOwnExactIssuers(t *testing.T) {
	t.Parallel()
	tenants := []string{faketenant.TenantID, faketenant.OtherTenantID}
	e := newOwnEntra(t, tenants...)
	verifier := e.warm(t, func(c *idp.Config) { c.Tenants = tenants })
	for _, tid := range tenants {
		for _, issuer := range tenants {
			want := "issuer_unknown"
			if tid == issuer {
				want = "accepted"
			}
			wantVerdict(t, verifier, e.Sign(e.user(map[string]any{"tid": tid, "iss": e.V2Issuer(issuer)})), want)
			wantVerdict(t, verifier, e.Sign(altered(e.V1Claims("reader"), map[string]any{"tid": tid, "iss": e.V1Issuer(issuer)})), want)
			wantVerdict(t, verifier, e.Sign(e.user(map[string]any{"tid": tid, "iss": e.V1Issuer(issuer)})), "issuer_unknown")
		}
	}
	consumers := e.user(map[string]any{"tid": faketenant.ConsumerTenantID, "iss": e.V2Issuer(faketenant.ConsumerTenantID)})
	wantVerdict(t, verifier, e.Sign(consumers, faketenant.SignedBy(faketenant.KeyConsumer)), "tenant_not_allowed")
}
