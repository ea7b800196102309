package idp_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

func TestEachCloudHasItsIssuers(t *testing.T) {
	t.Parallel()
	const tid = faketenant.TenantID
	tests := map[string]struct{ authority, v1, v2 string }{
		"global":        {"https://login.microsoftonline.com", "https://sts.windows.net/" + tid + "/", "https://login.microsoftonline.com/" + tid + "/v2.0"},
		"US Government": {"https://login.microsoftonline.us/", "https://sts.windows.net/" + tid + "/", "https://login.microsoftonline.us/" + tid + "/v2.0"},
		"China": {
			"https://login.partner.microsoftonline.cn", "https://sts.chinacloudapi.cn/" + tid + "/",
			"https://login.partner.microsoftonline.cn/" + tid + "/v2.0",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newOwnEntra(t)
			e.SetAuthority(test.authority)
			verifier := e.verifier(t, func(c *idp.Config) { c.Authority = test.authority })
			v1 := map[string]any{"iss": test.v1}
			wantVerdict(t, verifier, e.Sign(altered(e.V1Claims("nobody"), v1)), "accepted")
			wantVerdict(t, verifier, e.Sign(e.user(map[string]any{"iss": test.v2})), "accepted")
			for _, foreign := range []string{"https://sts.windows.de/" + tid + "/", strings.TrimSuffix(test.v1, "/"), test.v2} {
				wantVerdict(t, verifier, e.Sign(altered(e.V1Claims("nobody"), map[string]any{"iss": foreign})), "issuer_unknown")
			}
		})
	}
}

func TestAKnownCloudsDocumentMayNotNameAnotherIssuer(t *testing.T) {
	t.Parallel()
	e := newOwnEntra(t)
	verifier := e.verifier(t)
	e.SetAuthority("https://login.microsoftonline.us") // what the documents now say
	wantVerdict(t, verifier, e.Sign(e.user(map[string]any{"iss": globalCloud + "/" + faketenant.TenantID + "/v2.0"})), "unavailable")
}

// standIn is a fake tenant on a loopback address without TLS, with a policy that knows it.
func standIn(t *testing.T) (*entra, func(*idp.Config)) {
	t.Helper()
	e := newOwnEntra(t)
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	e.SetAuthority(server.URL)
	return e, func(c *idp.Config) { c.Authority, c.HTTPClient = server.URL, server.Client() }
}

func TestAnUnknownAuthorityIsAskedForItsIssuers(t *testing.T) {
	t.Parallel()
	e, here := standIn(t)
	verifier := e.verifier(t, here)
	wantVerdict(t, verifier, e.Sign(e.user(nil)), "accepted")
	wantVerdict(t, verifier, e.Sign(e.V1Claims("nobody")), "accepted")
	wantVerdict(t, verifier, e.Sign(e.user(map[string]any{"iss": globalCloud + "/" + faketenant.TenantID + "/v2.0"})), "issuer_unknown")
	wantVerdict(t, verifier, e.Sign(e.user(nil), faketenant.SignedBy(faketenant.KeyConsumer)), "key_issuer_mismatch")
	wantVerdict(t, verifier, e.Sign(e.user(nil), faketenant.SignedBy(faketenant.KeyOtherCloud)), "key_issuer_mismatch")
}

func TestAnUnknownAuthorityWithoutV1DocumentHasNoV1Tokens(t *testing.T) {
	t.Parallel()
	e, here := standIn(t)
	verifier := e.verifier(t, here)
	e.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		v1 := strings.HasSuffix(r.URL.Path, "/"+faketenant.TenantID+"/.well-known/openid-configuration")
		if v1 {
			http.NotFound(w, r)
		}
		return v1
	})
	wantVerdict(t, verifier, e.Sign(e.user(nil)), "accepted")
	wantVerdict(t, verifier, e.Sign(e.V1Claims("nobody")), "issuer_unknown")
	wantVerdict(t, verifier, e.Sign(altered(e.V1Claims("nobody"), map[string]any{"iss": ""})), "claim_invalid")
	fetches := e.requests("/keys")
	stranger := faketenant.SignedBy(faketenant.KeyStranger)
	wantVerdict(t, verifier, e.Sign(altered(e.V1Claims("nobody"), map[string]any{"iss": nil}), stranger), "issuer_unknown")
	if now := e.requests("/keys"); now != fetches {
		t.Error("a token without an issuer caused a fetch")
	}
}

func TestAnUnknownAuthorityWhoseV1DocumentFailsIsNotBelieved(t *testing.T) {
	t.Parallel()
	e, here := standIn(t)
	verifier := e.verifier(t, here)
	e.intercept(func(w http.ResponseWriter, r *http.Request) bool {
		v1 := !strings.Contains(r.URL.Path, "v2.0")
		if v1 {
			w.WriteHeader(http.StatusBadGateway)
		}
		return v1
	})
	wantVerdict(t, verifier, e.Sign(e.user(nil)), "unavailable")
}

func TestKeysWithTemplatesOrWithoutOwnersAreTaken(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]*strings.Replacer{
		"the issuer is a template":      strings.NewReplacer(`"issuer":"`+globalCloud+"/"+faketenant.TenantID, `"issuer":"`+globalCloud+"/{tenantid}"),
		"no issuer and no cloud":        strings.NewReplacer(`"issuer"`, `"x1"`, `"cloud_instance_name"`, `"x2"`),
		"more members than we know":     strings.NewReplacer(`"kty"`, `"x3":{"a":[1]},"kty"`),
		"an alg that says what we want": strings.NewReplacer(`"kty"`, `"alg":"RS256","kty"`),
		"no use":                        strings.NewReplacer(`"use":"sig",`, ``),
		"broken keys among the good": strings.NewReplacer(`{"keys":[`, `{"keys":[7,null,{},{"kty":"EC","kid":"a"},{"kid":"x","kid":"y"},`+
			`{"kty":"RSA","kid":"short","n":"AQAB","e":"AQAB"},`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEntra(t)
			verifier := e.verifier(t)
			e.intercept(e.rewriteKeys(t, replace))
			wantVerdict(t, verifier, e.Sign(e.user(nil)), "accepted")
		})
	}
}

// rewriteKeys answers for the key set with the tenant's own, some of its text replaced.
func (e *entra) rewriteKeys(t *testing.T, replace *strings.Replacer) func(http.ResponseWriter, *http.Request) bool {
	t.Helper()
	plain := answerOf(t, e.Tenant, "/"+faketenant.TenantID+"/discovery/v2.0/keys")
	changed := replace.Replace(plain)
	if changed == plain {
		t.Fatal("nothing was replaced")
	}
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/discovery/v2.0/keys") {
			return false
		}
		io.WriteString(w, changed)
		return true
	}
}

// answerOf returns what a handler answers to a GET, which must be a 200.
func answerOf(t *testing.T, handler http.Handler, path string) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path, http.NoBody))
	if recorder.Code != http.StatusOK {
		t.Fatalf("%s answered %d", path, recorder.Code)
	}
	return recorder.Body.String()
}
