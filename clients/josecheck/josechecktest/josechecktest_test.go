package josechecktest_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/clients/josecheck/josechecktest"
)

const (
	issuer   = "https://issuer.example"
	audience = "hasura"
)

func TestTokensThatAServerTakes(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	for alg := range s.keys {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			minted := claims(map[string]any{"roles": []any{"a", "b"}})
			got := josechecktest.Verify(t, s.url, issuer, audience, s.sign(t, alg, alg, minted))
			want := maps.Clone(minted)
			for _, name := range []string{"iat", "nbf", "exp"} {
				want[name] = float64(minted[name].(int64))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTokensThatAServerRefuses(t *testing.T) {
	t.Parallel()
	s, now := newStand(t), time.Now().Unix()
	good := s.sign(t, "ES256", "ES256", claims(nil))
	for name, tt := range map[string]struct{ token, code string }{
		"expired":                     {s.sign(t, "ES256", "ES256", claims(map[string]any{"exp": now - 1})), "ERR_JWT_EXPIRED"},
		"without expiry":              {s.sign(t, "ES256", "ES256", claims(map[string]any{"exp": nil})), "ERR_JWT_CLAIM_VALIDATION_FAILED"},
		"not yet valid":               {s.sign(t, "ES256", "ES256", claims(map[string]any{"nbf": now + 300})), "ERR_JWT_CLAIM_VALIDATION_FAILED"},
		"of another issuer":           {s.sign(t, "ES256", "ES256", claims(map[string]any{"iss": issuer + "/"})), "ERR_JWT_CLAIM_VALIDATION_FAILED"},
		"without an issuer":           {s.sign(t, "ES256", "ES256", claims(map[string]any{"iss": nil})), "ERR_JWT_CLAIM_VALIDATION_FAILED"},
		"for another audience":        {s.sign(t, "ES256", "ES256", claims(map[string]any{"aud": "other"})), "ERR_JWT_CLAIM_VALIDATION_FAILED"},
		"for nobody":                  {s.sign(t, "ES256", "ES256", claims(map[string]any{"aud": nil})), "ERR_JWT_CLAIM_VALIDATION_FAILED"},
		"with a kid of another key":   {s.sign(t, "ES256", "RS256", claims(nil)), "ERR_JWKS_NO_MATCHING_KEY"},
		"with a kid nobody published": {s.sign(t, "ES256", "K9", claims(nil)), "ERR_JWKS_NO_MATCHING_KEY"},
		"signed by a stranger":        {newStand(t).sign(t, "ES256", "ES256", claims(nil)), "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"},
		"with HMAC":                   {s.sign(t, "HS256", "RS256", claims(nil)), "ERR_JOSE_ALG_NOT_ALLOWED"},
		"unsigned":                    {encode(t, map[string]string{"alg": "none"}) + "." + encode(t, claims(nil)) + ".", "ERR_JOSE_ALG_NOT_ALLOWED"},
		"cut short":                   {good[:strings.LastIndex(good, ".")], "ERR_JWS_INVALID"},
		"empty":                       {"", "ERR_JWS_INVALID"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := josechecktest.Try(t, s.url, issuer, audience, tt.token)
			if want := "the token was refused (" + tt.code + ")"; err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

func TestAKeySetThatCannotBeFetched(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	down := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(down.Close)
	_, err := josechecktest.Try(t, down.URL, issuer, audience, s.sign(t, "ES256", "ES256", claims(nil)))
	if err == nil || !strings.HasPrefix(err.Error(), "the token was refused") {
		t.Errorf("got %v", err)
	}
}

func TestVerifyFailsATestWhoseTokenIsRefused(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	got := fatal(t, func(t testing.TB) { josechecktest.Verify(t, s.url, issuer, audience, "x") })
	if got != "the token was refused (ERR_JWS_INVALID)" {
		t.Errorf("the test failed with %q", got)
	}
}

func TestAMachineWithoutNodeFailsTheTestWithOneSentence(t *testing.T) {
	t.Setenv("PATH", "")
	got := fatal(t, func(t testing.TB) { josechecktest.Verify(t, "http://127.0.0.1", issuer, audience, "x") })
	if want := "install Node.js 20 or newer (node and npm) to run this test"; got != want {
		t.Errorf("the test failed with %q, want %q", got, want)
	}
}

func TestWrongUsageFailsTheTestAndIsNoRefusal(t *testing.T) {
	t.Parallel()
	got := fatal(t, func(t testing.TB) { _, _ = josechecktest.Try(t, "http://127.0.0.1", issuer, "", "x") })
	if want := "run verify.mjs: exit status 2: usage: node verify.mjs JWKS_URL ISSUER AUDIENCE < token"; got != want {
		t.Errorf("the test failed with %q, want %q", got, want)
	}
}
