package keystest

import (
	"crypto/sha256"
	"encoding/json"

	"github.com/go-jose/go-jose/v4"

	"github.com/hasura-issuer/hasura-issuer/keys"
)

// OpenByHand opens a sealed private half as any JOSE library would.
func OpenByHand(tb TB, private keys.PrivateJWK, id string) []byte {
	tb.Helper()
	jwe, err := jose.ParseEncryptedCompact(string(private),
		[]jose.KeyAlgorithm{jose.A256GCMKW}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		tb.Fatalf("read the sealed key: %v", err)
	}
	if jwe.Header.KeyID != id {
		tb.Errorf("the kid of the seal is %q, want %q", jwe.Header.KeyID, id)
	}
	if cty := jwe.Header.ExtraHeaders["cty"]; cty != "jwk+json" {
		tb.Errorf("the cty of the seal is %q, want jwk+json", cty)
	}
	kek := sha256.Sum256([]byte(id))
	text, err := jwe.Decrypt(kek[:])
	if err != nil {
		tb.Fatalf("open the sealed key: %v", err)
	}
	return text
}

// PrivateMembers returns every private value of the keys of a state.
func PrivateMembers(tb TB, s keys.State, id string) []string {
	tb.Helper()
	var secrets []string
	for _, k := range s.Keys {
		var jwk map[string]string
		if err := json.Unmarshal(OpenByHand(tb, k.Private, id), &jwk); err != nil {
			tb.Fatal("the private JWK is no flat JSON object")
		}
		for _, name := range []string{"d", "p", "q", "dp", "dq", "qi"} {
			if jwk[name] != "" {
				secrets = append(secrets, jwk[name])
			}
		}
	}
	if len(secrets) < len(s.Keys) {
		tb.Fatalf("found %d private values in %d keys", len(secrets), len(s.Keys))
	}
	return secrets
}

// Must fails where err is not nil.
func Must(tb TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
