package issuer_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

func TestASampleSaysWhatATokenOfNobodyWould(t *testing.T) {
	t.Parallel()
	config := issuer.Config{
		URL: "https://issuer.example", Audience: "hasura", TTL: time.Minute, ArrayFormat: issuer.ArrayPostgres, ClaimsNamespacePath: "$.hasura",
		SessionClaims: []issuer.SessionClaim{{Variable: "x-hasura-user-id", Claim: "oid"}, {Variable: "x-hasura-mail", Claim: "email"}},
	}
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	payload, err := config.Sample("reader", "a-jti", now)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(payload, &got); err != nil {
		t.Fatal(err)
	}
	const nobody = "00000000-0000-0000-0000-000000000000"
	at := float64(now.Unix())
	want := map[string]any{
		"iss": "https://issuer.example", "sub": nobody + "." + nobody, "aud": "hasura", "iat": at - 60, "nbf": at - 60, "exp": at + 60,
		"jti": "a-jti", "client_id": nobody,
		"hasura": map[string]any{
			"x-hasura-default-role": "reader", "x-hasura-allowed-roles": []any{"reader"}, "x-hasura-user-id": nobody,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	for _, role := range []string{"", "admin", "a b"} {
		if _, err := config.Sample(role, "a-jti", now); err == nil {
			t.Errorf("a sample holds the role %q", role)
		}
	}
	if _, err := (issuer.Config{}).Sample("reader", "a-jti", now); err == nil {
		t.Error("a sample was made without settings")
	}
}
