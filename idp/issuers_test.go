package idp_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// The customers' tenants of the recorded tokens.
const (
	ciamTenant = "e57a3f18-6b4d-49c2-8d70-b2c9f0a1d805"
	ciamIssuer = "https://" + ciamTenant + ".ciamlogin.com/" + ciamTenant + "/v2.0"
	b2cTenant  = "40c8d2e6-1f95-4e3a-9b07-7d6a5c4b3806"
	b2cHost    = "https://contosob2c.b2clogin.com"
	b2cIssuer  = b2cHost + "/" + b2cTenant + "/v2.0/"
	b2cPolicy  = b2cHost + "/contosob2c.onmicrosoft.com/B2C_1_signupsignin1/v2.0/.well-known/openid-configuration"
	tfpIssuer  = b2cHost + "/tfp/" + b2cTenant + "/b2c_1_signupsignin1/v2.0/"
)

// publishes makes the fake answer for a named issuer too: its discovery document at metadata, its keys beside it. These
// are the tenant's, without owners, as B2C has them; with an owner they say that they are that issuer's.
func (e *entra) publishes(t *testing.T, metadata, issuer, owner string) {
	t.Helper()
	origin, path, _ := strings.Cut(strings.TrimPrefix(metadata, "https://"), "/")
	keys := answerOf(t, e.Tenant, "/common/discovery/keys")
	if owner != "" {
		keys = strings.ReplaceAll(keys, `"use":`, `"issuer":"`+owner+`","use":`)
	}
	e.mu.Lock()
	before := e.instead
	e.mu.Unlock()
	e.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.Host == origin && r.URL.RequestURI() == "/"+path:
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":"https://%s/named/keys"}`, issuer, origin)
		case r.Host == origin && r.URL.Path == "/named/keys":
			fmt.Fprint(w, keys)
		default:
			return before != nil && before(w, r)
		}
		return true
	})
}

// payloadOf returns the claims of a recorded token.
func payloadOf(t *testing.T, name string) map[string]any {
	t.Helper()
	for _, token := range readRecorded(t).Tokens {
		if token.Name == name {
			return token.Payload
		}
	}
	t.Fatalf("no recorded token %s", name)
	return nil
}

// customers returns an entra that plays both customers' tenants, and a verifier that trusts their issuers by name.
func customers(t *testing.T, changes ...func(*idp.Config)) (*entra, *idp.Verifier) {
	t.Helper()
	e := newEntra(t)
	e.publishes(t, ciamIssuer+"/.well-known/openid-configuration", ciamIssuer, ciamIssuer)
	e.publishes(t, b2cPolicy, b2cIssuer, "")
	e.publishes(t, tfpIssuer+".well-known/openid-configuration", tfpIssuer, "")
	return e, e.warm(t, append([]func(*idp.Config){func(c *idp.Config) {
		for _, text := range []string{ciamTenant + "=" + ciamIssuer, b2cTenant + "=" + b2cIssuer + " " + b2cPolicy, strings.ToUpper(b2cTenant) + "=" + tfpIssuer} {
			issuer, err := idp.ParseIssuer(text)
			if err != nil {
				t.Fatal(err)
			}
			c.Issuers = append(c.Issuers, issuer)
		}
	}}, changes...)...)
}

func TestCustomersComeFromIssuersThatAreTrustedByName(t *testing.T) {
	t.Parallel()
	e, verifier := customers(t)
	stranger := faketenant.SignedBy(faketenant.KeyStranger)
	forged := faketenant.WithHeader("kid", e.KID(faketenant.KeyFirst))
	tests := map[string]struct {
		token   string
		change  map[string]any
		options []faketenant.SignOption
		want    string // the tenant of an accepted one, or the verdict
	}{
		"External ID":                            {"external_id_ciam_user", nil, nil, ciamTenant},
		"External ID without tid":                {"external_id_ciam_user", map[string]any{"tid": nil}, nil, ciamTenant},
		"External ID, tid in upper case":         {"external_id_ciam_user", map[string]any{"tid": strings.ToUpper(ciamTenant)}, nil, ciamTenant},
		"another tenant's tid":                   {"external_id_ciam_user", map[string]any{"tid": b2cTenant}, nil, "tenant_not_allowed"},
		"the tid of a tenant of ours":            {"external_id_ciam_user", map[string]any{"tid": faketenant.TenantID}, nil, "tenant_not_allowed"},
		"a tid that is no GUID":                  {"external_id_ciam_user", map[string]any{"tid": "contoso"}, nil, "claim_invalid"},
		"an issuer with a slash too many":        {"external_id_ciam_user", map[string]any{"iss": ciamIssuer + "/"}, nil, "tenant_not_allowed"},
		"the issuer by the tenant's name":        {"external_id_ciam_user", map[string]any{"iss": "https://contoso.ciamlogin.com/" + ciamTenant + "/v2.0"}, nil, "tenant_not_allowed"},
		"its issuer at our own tenant":           {"v2_user_delegated", map[string]any{"iss": ciamIssuer}, nil, "tenant_not_allowed"},
		"our issuer at its tenant":               {"external_id_ciam_user", map[string]any{"iss": globalCloud + "/" + faketenant.TenantID + "/v2.0"}, nil, "tenant_not_allowed"},
		"our tenant at its issuer's form":        {"v2_user_delegated", map[string]any{"iss": strings.ReplaceAll(ciamIssuer, ciamTenant, faketenant.TenantID)}, nil, "issuer_unknown"},
		"no ver":                                 {"external_id_ciam_user", map[string]any{"ver": nil}, nil, "claim_missing"},
		"no ver, key unknown":                    {"external_id_ciam_user", map[string]any{"ver": nil}, []faketenant.SignOption{stranger}, "issuer_unknown"},
		"a key nobody published":                 {"external_id_ciam_user", nil, []faketenant.SignOption{stranger}, "key_unknown"},
		"a key in another's name":                {"external_id_ciam_user", nil, []faketenant.SignOption{stranger, forged}, "signature_invalid"},
		"a foreign audience":                     {"external_id_ciam_user", map[string]any{"aud": "api://other"}, nil, "audience_not_ours"},
		"B2C, all policies":                      {"b2c_user_default_issuer", nil, nil, b2cTenant},
		"B2C, one policy":                        {"b2c_user_tfp_issuer", nil, nil, b2cTenant},
		"B2C, its policy in another case":        {"b2c_user_default_issuer", map[string]any{"tfp": "b2c_1_SIGNUPsignin1"}, nil, b2cTenant},
		"B2C, its policy by the older claim":     {"b2c_user_default_issuer", map[string]any{"tfp": nil, "acr": "b2c_1_signupsignin1"}, nil, b2cTenant},
		"B2C, another policy of this issuer":     {"b2c_user_default_issuer", map[string]any{"tfp": "B2C_1_weak"}, nil, "issuer_unknown"},
		"B2C, another by the older claim":        {"b2c_user_default_issuer", map[string]any{"tfp": nil, "acr": "b2c_1_weak"}, nil, "issuer_unknown"},
		"B2C, the older claim says otherwise":    {"b2c_user_default_issuer", map[string]any{"tfp": "B2C_1_weak", "acr": "b2c_1_signupsignin1"}, nil, "issuer_unknown"},
		"B2C, no policy":                         {"b2c_user_default_issuer", map[string]any{"tfp": nil}, nil, "claim_missing"},
		"B2C, a policy that is no name":          {"b2c_user_default_issuer", map[string]any{"tfp": []string{"B2C_1_signupsignin1"}, "acr": "b2c_1_signupsignin1"}, nil, "claim_invalid"},
		"B2C, another policy":                    {"b2c_user_tfp_issuer", map[string]any{"iss": strings.Replace(tfpIssuer, "signin1", "signin2", 1)}, nil, "claim_missing"},
		"B2C without slash at the end":           {"b2c_user_default_issuer", map[string]any{"iss": strings.TrimSuffix(b2cIssuer, "/")}, nil, "claim_missing"},
		"B2C with a tid":                         {"b2c_user_default_issuer", map[string]any{"tid": b2cTenant}, nil, b2cTenant},
		"B2C with the tid of ours":               {"b2c_user_default_issuer", map[string]any{"tid": faketenant.TenantID}, nil, "tenant_not_allowed"},
		"B2C with a null tid":                    {"b2c_user_default_issuer", map[string]any{"tid": []string{}}, nil, "claim_invalid"},
		"B2C without the oid claim":              {"b2c_user_default_issuer", map[string]any{"oid": nil}, nil, "claim_missing"},
		"B2C, subject given in another way":      {"b2c_user_default_issuer", map[string]any{"sub": "Not supported currently. Use oid claim."}, nil, b2cTenant},
		"B2C, with the nonce of the sign-in":     {"b2c_user_default_issuer", map[string]any{"nonce": "anyRandomValue"}, nil, b2cTenant},
		"B2C, with a nonce and no scope":         {"b2c_user_default_issuer", map[string]any{"nonce": "x", "scp": nil}, nil, "id_token"},
		"B2C, with a nonce and no client":        {"b2c_user_default_issuer", map[string]any{"nonce": "x", "azp": nil}, nil, "id_token"},
		"B2C's ID token":                         {"b2c_user_default_issuer", map[string]any{"nonce": "x", "scp": nil, "azp": nil}, nil, "id_token"},
		"B2C's ID token without nonce":           {"b2c_user_default_issuer", map[string]any{"scp": nil, "azp": nil}, nil, "id_token"},
		"B2C, with a code's hash":                {"b2c_user_default_issuer", map[string]any{"c_hash": "x"}, nil, "id_token"},
		"B2C, bound to a key":                    {"b2c_user_default_issuer", map[string]any{"cnf": map[string]any{}}, nil, "bound_token"},
		"the nonce of a sign-in, not in Entra's": {"v2_user_delegated", map[string]any{"nonce": "anyRandomValue"}, nil, "id_token"},
		// The object id in sub tells an app with Entra's tenants. Here it does not: a customer with an app role is no app.
		"B2C without scope, though with a role": {"b2c_user_default_issuer", map[string]any{"scp": nil, "roles": []string{"Hasura.Exchange"}}, nil, "scope_missing"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw := e.Sign(altered(payloadOf(t, test.token), test.change), test.options...)
			subject, err := verifier.Verify(t.Context(), raw)
			if err == nil && subject.TenantID == test.want && subject.Kind == idp.KindUser {
				return
			}
			if got := verdict(t, err); got != test.want {
				t.Errorf("the verdict is %s for tenant %q, want %s", got, subject.TenantID, test.want)
			}
		})
	}
}

// Policies of one issuer may share a key or have keys of their own: a token's is held against its policy's.
func TestPoliciesOfOneIssuerStandSideBySide(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	const other = b2cHost + "/contosob2c.onmicrosoft.com/v2.0/.well-known/openid-configuration?p=B2C_1A_mfa"
	e.publishes(t, b2cPolicy, b2cIssuer, "")
	e.publishes(t, other, b2cIssuer, "")
	verifier := e.warm(t, func(c *idp.Config) {
		for _, metadata := range []string{b2cPolicy, other} {
			c.Issuers = append(c.Issuers, idp.Issuer{TenantID: b2cTenant, URL: b2cIssuer, Metadata: metadata})
		}
	})
	for policy, want := range map[string]string{"B2C_1_signupsignin1": "accepted", "b2c_1a_MFA": "accepted", "B2C_1_weak": "issuer_unknown"} {
		wantVerdict(t, verifier, e.Sign(altered(payloadOf(t, "b2c_user_default_issuer"), map[string]any{"tfp": policy})), want)
	}
	probes := verifier.Probe(t.Context())
	if n := len(probes); n < 2 || probes[n-1].Err != nil || probes[n-1].Publisher != "issuer "+b2cIssuer+" policy b2c_1a_mfa" {
		t.Errorf("probes: %+v", probes)
	}
}

func TestAnAppOfANamedIssuerIsToldByIdtyp(t *testing.T) {
	t.Parallel()
	e, verifier := customers(t)
	app := map[string]any{"scp": nil, "idtyp": "app", "roles": []string{"Hasura.Exchange"}}
	subject, err := verifier.Verify(t.Context(), e.Sign(altered(payloadOf(t, "external_id_ciam_user"), app)))
	if err != nil || subject.Kind != idp.KindApp {
		t.Errorf("%s, %v, want an app", subject.Kind, err)
	}
}

func TestASocialAccountIsAGuest(t *testing.T) {
	t.Parallel()
	social := map[string]any{"idp": "facebook.com"}
	e, verifier := customers(t)
	subject, err := verifier.Verify(t.Context(), e.Sign(altered(payloadOf(t, "b2c_user_default_issuer"), social)))
	if err != nil || !subject.Guest {
		t.Errorf("a guest: %v, %v", subject.Guest, err)
	}
	e, verifier = customers(t, func(c *idp.Config) { c.RefuseGuests = true })
	wantVerdict(t, verifier, e.Sign(altered(payloadOf(t, "b2c_user_default_issuer"), social)), "guest_refused")
	wantVerdict(t, verifier, e.Sign(payloadOf(t, "b2c_user_default_issuer")), "accepted")
}

func TestANamedIssuersKeysAreItsOwn(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ document, owner, want string }{
		"the document names the same issuer":    {ciamIssuer, "", "accepted"},
		"the keys name the same issuer":         {ciamIssuer, ciamIssuer, "accepted"},
		"the keys name it by the template":      {ciamIssuer, "https://{tenantid}.ciamlogin.com/{tenantid}/v2.0", "accepted"},
		"the keys name the sign-in host's":      {ciamIssuer, globalCloud + "/{tenantid}/v2.0", "key_issuer_mismatch"},
		"the document names it by the template": {"https://{tenantid}.ciamlogin.com/{tenantid}/v2.0", "", "unavailable"},
		"the document names another":            {globalCloud + "/" + ciamTenant + "/v2.0", "", "unavailable"},
		"the document's has a slash more":       {ciamIssuer + "/", "", "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEntra(t)
			e.publishes(t, ciamIssuer+"/.well-known/openid-configuration", test.document, test.owner)
			verifier := e.verifier(t, func(c *idp.Config) {
				c.Tenants, c.Issuers = nil, []idp.Issuer{{TenantID: ciamTenant, URL: ciamIssuer}}
			})
			wantVerdict(t, verifier, e.Sign(payloadOf(t, "external_id_ciam_user")), test.want)
			wantVerdict(t, verifier, e.Sign(e.user(nil)), "tenant_not_allowed")
		})
	}
}

func TestANamedIssuersKeysLieOnItsDocumentsHost(t *testing.T) {
	t.Parallel()
	e := newEntra(t)
	byName := "https://contoso.ciamlogin.com/contoso.onmicrosoft.com/v2.0/.well-known/openid-configuration"
	verifier := e.verifier(t, func(c *idp.Config) {
		c.Issuers = []idp.Issuer{{TenantID: ciamTenant, URL: ciamIssuer, Metadata: byName}}
	})
	raw := e.Sign(payloadOf(t, "external_id_ciam_user"))
	e.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasPrefix(r.Host, "contoso.") {
			return false
		}
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":"%s/%s/discovery/v2.0/keys"}`, ciamIssuer, globalCloud, faketenant.TenantID)
		return true
	})
	wantVerdict(t, verifier, raw, "unavailable")
	wantFetches(t, e, 0)
	e.publishes(t, byName, ciamIssuer, "")
	e.clock.advance(30 * time.Second)
	wantVerdict(t, verifier, raw, "accepted")
}
