package faketenant_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

func decode(s string) ([]byte, error) { return base64.RawURLEncoding.Strict().DecodeString(s) }

func TestTokensHaveEntrasClaims(t *testing.T) {
	t.Parallel()
	now := time.Unix(1767225600, 0)
	s := serve(t, faketenant.Options{Now: func() time.Time { return now }})
	const user2 = "aio aud azp azpacr exp iat iss name nbf oid preferred_username rh scp sid sub tid uti ver xms_ftd"
	const user1 = "acr aio amr appid appidacr aud exp family_name given_name iat ipaddr iss name nbf oid rh scp sub tid unique_name uti ver xms_ftd"
	for name, c := range map[string]struct {
		claims map[string]any
		names  string
		exp    float64
	}{
		"v2 reader": {s.Claims("reader"), user2 + " roles", 1767230100},
		"v2 editor": {s.Claims("editor"), user2 + " groups", 1767230100},
		"v2 nobody": {s.Claims("nobody"), user2 + " wids", 1767230100},
		"v2 guest":  {s.Claims("guest"), user2 + " acct email idp", 1767230100},
		"v2 daemon": {s.Claims("daemon"), "aio aud azp azpacr exp iat idtyp iss nbf oid rh roles sub tid uti ver xms_ftd", 1767229200},
		"v1 reader": {s.V1Claims("reader"), user1 + " roles upn", 1767230100},
		"v1 guest":  {s.V1Claims("guest"), user1 + " acct email idp", 1767230100},
		"v1 daemon": {s.V1Claims("daemon"), "aio appid appidacr aud exp iat idp idtyp iss nbf oid rh roles sub tid uti ver xms_ftd", 1767229200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := s.verify(t, s.Sign(c.claims))
			if err != nil {
				t.Fatal(err)
			}
			names := map[string]bool{}
			for n := range got {
				names[n] = true
			}
			want := map[string]bool{}
			for n := range strings.FieldsSeq(c.names) {
				want[n] = true
			}
			if diff := cmp.Diff(want, names); diff != "" {
				t.Errorf("names of claims (-want +got):\n%s", diff)
			}
			times := []any{got["iat"], got["nbf"], got["exp"]}
			if diff := cmp.Diff([]any{1767225300.0, 1767225300.0, c.exp}, times); diff != "" {
				t.Errorf("iat, nbf, exp (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheTwoVersionsNameIssuerAudienceAndKeyTheirOwnWay(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	kid := s.KID(faketenant.KeyFirst)
	for name, c := range map[string]struct{ claims, header, want map[string]any }{
		"v2": {
			s.Claims("reader"),
			map[string]any{"typ": "JWT", "alg": "RS256", "kid": kid},
			map[string]any{"ver": "2.0", "aud": faketenant.APIClientID, "iss": s.url + "/" + faketenant.TenantID + "/v2.0"},
		},
		"v1": {
			s.V1Claims("reader"),
			map[string]any{"typ": "JWT", "alg": "RS256", "kid": kid, "x5t": kid},
			map[string]any{"ver": "1.0", "aud": "api://" + faketenant.APIClientID, "iss": "https://sts.windows.net/" + faketenant.TenantID + "/"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var header map[string]any
			if err := json.Unmarshal(part(t, s.Sign(c.claims), 0), &header); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.header, header); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			got := map[string]any{"ver": c.claims["ver"], "aud": c.claims["aud"], "iss": c.claims["iss"]}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("claims (-want +got):\n%s", diff)
			}
		})
	}
}

func TestClaimsAreTheCallersOwnAndEachTokenIsNew(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	one, two := s.Claims("editor"), s.Claims("editor")
	if one["uti"] == two["uti"] || one["aio"] == two["aio"] || one["rh"] == two["rh"] {
		t.Error("two tokens share an id that Entra makes anew")
	}
	if one["sub"] != two["sub"] || one["oid"] != two["oid"] {
		t.Error("two tokens of one person differ in sub or oid")
	}
	one["groups"].([]string)[0], one["oid"] = "altered", "altered"
	if got := s.Claims("editor"); got["groups"].([]string)[0] == "altered" || got["oid"] == "altered" {
		t.Error("an altered copy shows in the next one")
	}
	if s.Claims("stranger") != nil || s.V1Claims("stranger") != nil {
		t.Error("an unknown persona has claims")
	}
}

func TestTokensCanBeBrokenOnPurpose(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	for _, alg := range []jose.SignatureAlgorithm{jose.RS256, jose.RS512, jose.PS256} {
		token := s.Sign(s.Claims("reader"), faketenant.WithHeader("alg", string(alg)))
		signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{alg})
		if err != nil {
			t.Fatalf("%s: %v", alg, err)
		}
		if _, err := signed.Verify(s.keySet(t, v2Keys)); err != nil {
			t.Errorf("%s is not signed as it says: %v", alg, err)
		}
	}
	if got := part(t, s.Sign(s.Claims("reader"), faketenant.WithHeader("alg", "none")), 2); len(got) != 0 {
		t.Error("alg none has a signature")
	}
	var header map[string]any
	edited := s.Sign(nil, faketenant.WithHeader("kid", "other"), faketenant.WithHeader("nonce", "n"), faketenant.WithoutHeader("typ"))
	if err := json.Unmarshal(part(t, edited, 0), &header); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"alg": "RS256", "kid": "other", "nonce": "n"}, header); diff != "" {
		t.Errorf("edited header (-want +got):\n%s", diff)
	}
	raw := s.SignRaw([]byte(`{"alg":"RS256"}`), []byte(`{"tid":"a","tid":"b"`), faketenant.KeyFirst)
	if got := string(part(t, raw, 1)); got != `{"tid":"a","tid":"b"` {
		t.Error("the raw payload was changed")
	}
	signed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := signed.Verify(s.keySet(t, v2Keys).Key(s.KID(faketenant.KeyFirst))[0]); err != nil {
		t.Errorf("the raw token's signature: %v", err)
	}
}

func TestHS256IsKeyedWithThePublicKeyForTheClassicConfusion(t *testing.T) {
	t.Parallel()
	s := serve(t, faketenant.Options{})
	token := s.Sign(s.Claims("reader"), faketenant.WithHeader("alg", "HS256"))
	der, err := x509.MarshalPKIXPublicKey(s.keySet(t, v2Keys).Key(s.KID(faketenant.KeyFirst))[0].Key)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	mac.Write([]byte(token[:strings.LastIndex(token, ".")]))
	if !hmac.Equal(mac.Sum(nil), part(t, token, 2)) {
		t.Error("the MAC is not one by the published key's PEM")
	}
}
