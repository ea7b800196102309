package hasura_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/hasura"
)

func TestRefusalsBeyondTheCases(t *testing.T) {
	t.Parallel()
	m, e := newMaterial(), usual(t)
	inside := func(c map[string]any, name string, v any) { c[namespace].(map[string]any)[name] = v }
	for name, tt := range map[string]struct {
		change func(claims map[string]any)
		v2, v3 string // "": accepted
	}{
		"a role that is a number":           {func(c map[string]any) { inside(c, "x-hasura-allowed-roles", []any{1}) }, "parsing Text failed", "invalid type"},
		"a default role that is a number":   {func(c map[string]any) { inside(c, "x-hasura-default-role", 1) }, "a single role name", "invalid type"},
		"a default role that is empty":      {func(c map[string]any) { inside(c, "x-hasura-default-role", "") }, "a single role name", "default role is not present"},
		"claims that are an array":          {func(c map[string]any) { c[namespace] = []any{} }, "expecting a json object", "expected a map"},
		"an expiry before 1970":             {func(c map[string]any) { c["exp"] = -1 }, "JWTExpired", "Missing required claim: exp"},
		"an expiry that is null":            {func(c map[string]any) { c["exp"] = nil }, "", "Missing required claim: exp"},
		"another issuer, of another type":   {func(c map[string]any) { c["iss"] = 7 }, "JWTClaimsSetDecodeError", ""},
		"a list of issuers":                 {func(c map[string]any) { c["iss"] = []string{"https://issuer.example"} }, "JWTClaimsSetDecodeError", ""},
		"an audience with one bad entry":    {func(c map[string]any) { c["aud"] = []any{"hasura", 1} }, "JWTClaimsSetDecodeError", ""},
		"an audience that is no URI":        {func(c map[string]any) { c["aud"] = []string{"hasura", "1:x"} }, "StringOrURI", ""},
		"a subject that is a URI with port": {func(c map[string]any) { c["sub"] = "https://a:1/b#c" }, "", ""},
		"a subject with a port of letters":  {func(c map[string]any) { c["sub"] = "https://a:x/" }, "StringOrURI", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := claims()
			tt.change(c)
			token, jwks := signed(t, m, "ES256", "P-256", c)
			said(t, hasura.V2(e.v2, jwks, token, "", now()), tt.v2)
			said(t, hasura.V3(e.v3, jwks, token, "", now()), tt.v3)
		})
	}
}

func said(t *testing.T, got hasura.Verdict, want string) {
	t.Helper()
	if got.Accepted != (want == "") || !strings.Contains(got.Message, want) {
		t.Errorf("got %+v, want %q", got, want)
	}
}

func TestTokensThatAreNone(t *testing.T) {
	t.Parallel()
	e := usual(t)
	token, jwks := signed(t, newMaterial(), "ES256", "P-256", claims())
	parts := strings.Split(token, ".")
	head := func(s string) string { return b64([]byte(s)) + "." + parts[1] + "." + parts[2] }
	for name, tt := range map[string]struct{ token, v2, v3 string }{
		"four parts":                  {token + ".x", "got 4", "Error decoding"},
		"a header that is no object":  {head(`[]`), "parsing JWSHeader failed", "Error decoding"},
		"a header that is no JSON":    {head(`{`), "JSONDecodeError", "Error decoding"},
		"a header without alg":        {head(`{"kid":"K1"}`), `missing required header`, "Error decoding"},
		"an unknown alg":              {head(`{"alg":"ES999","kid":"K1"}`), "$.alg", "Error decoding"},
		"an alg of another family":    {head(`{"alg":"RS256","kid":"K1"}`), "JWSInvalidSignature", "InvalidAlgorithm"},
		"an alg of another curve":     {head(`{"alg":"ES384","kid":"K1"}`), "JWSInvalidSignature", "InvalidSignature"},
		"a kid that is a number":      {head(`{"alg":"ES256","kid":1}`), "$.kid", "Error decoding"},
		"a payload that is no object": {parts[0] + "." + b64([]byte(`[]`)) + "." + parts[2], "JWTClaimsSetDecodeError", "InvalidSignature"},
		"a short signature":           {parts[0] + "." + parts[1] + ".AAAA", "JWSInvalidSignature", "InvalidSignature"},
		"no base64 in the signature":  {parts[0] + "." + parts[1] + ".%", "Not valid base64url", "Base64 error"},
		"a line break":                {parts[0] + "." + parts[1][:9] + "\n" + parts[1][9:] + "." + parts[2], "Malformed", "format of `Bearer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			said(t, hasura.V2(e.v2, jwks, tt.token, "", now()), tt.v2)
			said(t, hasura.V3(e.v3, jwks, tt.token, "", now()), tt.v3)
		})
	}
}

func TestASignedPayloadThatIsNoObject(t *testing.T) {
	t.Parallel()
	m, e := newMaterial(), usual(t)
	key := m.key(t, "K1", "P-256")
	jwks := jwksOf(t, jwk("K1", "P-256", key.Public()))
	token := sign(t, map[string]any{"alg": "ES256", "kid": "K1"}, []string{}, "ES256", key)
	said(t, hasura.V2(e.v2, jwks, token, "", now()), "JWTClaimsSetDecodeError")
	said(t, hasura.V3(e.v3, jwks, token, "", now()), "Error while decoding the JWT: JSON error")
}

func TestAKeyForEncryptionVerifiesNothing(t *testing.T) {
	t.Parallel()
	m, e := newMaterial(), usual(t)
	token, _ := signed(t, m, "EdDSA", "Ed25519", claims())
	jwks := jwksOf(t, jwk("K1", "X25519", m.key(t, "K1", "Ed25519").Public()))
	said(t, hasura.V2(e.v2, jwks, token, "", now()), "JWSInvalidSignature")
}

func TestWhereARequestCarriesItsToken(t *testing.T) {
	t.Parallel()
	token, jwks := signed(t, newMaterial(), "ES256", "P-256", claims())
	for name, tt := range map[string]struct {
		kind   string
		header http.Header // asked besides the convenient call
		v2, v3 string
	}{
		"a cookie":                   {"Cookie", http.Header{"Cookie": {"t=" + token + "; a=1"}}, "", ""},
		"no cookie":                  {"Cookie", http.Header{}, "Missing 'Authorization'", "Cookie header not found"},
		"another cookie":             {"Cookie", http.Header{"Cookie": {"a=1"}}, "Missing 'Authorization'", "cookie name t not found"},
		"a cookie without a value":   {"Cookie", http.Header{"Cookie": {"t"}}, "CompactDecodeError", "missing a name/value pair"},
		"a header of its own":        {"CustomHeader", http.Header{"T": {token}}, "", ""},
		"the wrong header":           {"CustomHeader", http.Header{"Authorization": {"Bearer " + token}}, "Missing", "Header name t not found"},
		"a header with Bearer in it": {"CustomHeader", http.Header{"T": {"Bearer " + token}}, "JSONDecodeError", "Error decoding"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := map[string]any{
				"jwk_url": "https://issuer.example/jwks", "audience": "hasura",
				"header": map[string]any{"type": strings.ToUpper(tt.kind), "name": "t"},
			}
			v2, err := hasura.ParseV2Config(marshal(t, config))
			if err != nil {
				t.Fatal(err)
			}
			config["header"] = map[string]any{"type": tt.kind, "name": "t"}
			v3, err := hasura.ParseV3Config(v3Document(t, config))
			if err != nil {
				t.Fatal(err)
			}
			accepted(t, pickRole(hasura.V2(v2, jwks, token, "viewer", now())), "viewer", nil)
			accepted(t, pickRole(hasura.V3(v3, jwks, token, "viewer", now())), "viewer", nil)
			keys, err := hasura.ReadV2JWKS(hasura.JWKSAnswer{Body: jwks}, hasura.AllQuirks)
			if err != nil {
				t.Fatal(err)
			}
			said(t, v2.Judge(keys, tt.header, now()), tt.v2)
			said(t, v3.Judge(hasura.JWKSAnswer{Body: jwks}, tt.header, now()), tt.v3)
		})
	}
}

func pickRole(v hasura.Verdict) hasura.Verdict {
	v.Session = nil
	return v
}
