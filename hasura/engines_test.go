package hasura_test

import (
	"maps"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/hasura"
)

const (
	namespace = "https://hasura.io/jwt/claims"
	pointer   = "/https:~1~1hasura.io~1jwt~1claims"
)

// engines are both engines under the same settings.
type engines struct {
	v2 hasura.V2Config
	v3 hasura.V3Config
}

// enginesFor makes engines that check issuer and audience; extra goes into v2's settings, the rest is v3's place of claims.
func enginesFor(t testing.TB, extra map[string]any, format, location string) engines {
	t.Helper()
	secret := map[string]any{
		"jwk_url": "https://issuer.example/jwks", "issuer": "https://issuer.example", "audience": "hasura",
	}
	maps.Copy(secret, extra)
	v2, err := hasura.ParseV2Config(marshal(t, secret))
	if err != nil {
		t.Fatal(err)
	}
	v3, err := hasura.ParseV3Config(v3Mode(t, map[string]any{"jwt": map[string]any{
		"key": map[string]any{"jwkFromUrl": secret["jwk_url"]}, "issuer": secret["issuer"], "audience": []string{"hasura"},
		"tokenLocation": map[string]any{"type": "BearerAuthorization"},
		"claimsConfig":  map[string]any{"namespace": map[string]any{"claimsFormat": format, "location": location}},
	}}))
	if err != nil {
		t.Fatal(err)
	}
	return engines{v2, v3}
}

func usual(t testing.TB) engines {
	t.Helper()
	return enginesFor(t, nil, "Json", pointer)
}

// claims are those of a good token.
func claims() map[string]any {
	at := now().Unix()
	return map[string]any{
		"iss": "https://issuer.example", "sub": "oid.tid", "aud": "hasura", "jti": "1", "client_id": "c",
		"iat": at - 60, "nbf": at - 60, "exp": at + 300,
		namespace: hasuraClaims("{\"a\",\"b\"}"),
	}
}

func hasuraClaims(regions any) map[string]any {
	return map[string]any{
		"x-hasura-default-role": "editor", "x-hasura-allowed-roles": []string{"editor", "viewer"},
		"x-hasura-user-id": "u1", "x-hasura-regions": regions, "x-hasura-role": "not-a-variable",
	}
}

// signed makes a token and the set that verifies it.
func signed(t testing.TB, m *material, alg, kind string, claims map[string]any) (token string, jwks []byte) {
	t.Helper()
	key := m.key(t, "K1", kind)
	public := jwk("K1", kind, key.Public())
	public["alg"] = alg
	return sign(t, map[string]any{"alg": alg, "kid": "K1", "typ": "JWT"}, claims, alg, key), jwksOf(t, public)
}
