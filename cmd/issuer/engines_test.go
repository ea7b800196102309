package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/hasura"
)

// form is one way to write tokens, and which engines read it.
type form struct {
	alg, namespace, claims, arrays string
	v2, v3                         bool
}

// forms are all combinations of the settings that shape a token. v3 has no way to name the root of the claims, and v2
// refuses a session variable that is a JSON array.
func forms() []form {
	var all []form
	for _, alg := range []string{"ES256", "RS256", "EdDSA"} {
		for _, namespace := range []string{
			"", "ISSUER_CLAIMS_NAMESPACE=https://example.com/a~b", "ISSUER_CLAIMS_NAMESPACE_PATH=$.hasura",
			"ISSUER_CLAIMS_NAMESPACE_PATH=$.hasura['claims%'].v1", "ISSUER_CLAIMS_NAMESPACE_PATH=$",
		} {
			for _, claims := range []string{"json", "stringified_json"} {
				for _, arrays := range []string{"postgres", "json"} {
					root := strings.HasSuffix(namespace, "=$")
					if root && claims == "stringified_json" {
						continue // refused as a setting: there is no member to hold the string
					}
					all = append(all, form{alg, namespace, claims, arrays, arrays == "postgres", !root})
				}
			}
		}
	}
	return all
}

// TestBothEnginesAcceptWhatWeMint runs the service with every setting that shapes a token, and holds its tokens and its
// key set against both engines, configured with what `issuer hasura-config` prints for the same settings.
func TestBothEnginesAcceptWhatWeMint(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	roles := rolesFile(t)
	for _, f := range forms() {
		t.Run(strings.Join([]string{f.alg, f.namespace, f.claims, f.arrays}, " "), func(t *testing.T) {
			t.Parallel()
			settings := environ(server.URL, "ISSUER_ROLES_FILE="+roles, "ISSUER_KEYS_FILE="+filepath.Join(t.TempDir(), "keys.json"),
				"ISSUER_TOKEN_ALG="+f.alg, f.namespace, "ISSUER_CLAIMS_FORMAT="+f.claims, "ISSUER_ARRAY_FORMAT="+f.arrays)
			v2, v3 := engines(t, settings)
			s := serve(t, settings)
			_, jwks := s.get(t, "/.well-known/jwks.json")
			token := s.exchange(t, personaToken(t, tenant, "editor")).AccessToken

			if f.v2 {
				wantAccepted(t, hasura.V2(v2, jwks, token, "", time.Now()), "editor", `{"eu","us"}`)
				wantAccepted(t, hasura.V2(v2, jwks, token, "reader", time.Now()), "reader", `{"eu","us"}`)
				if hasura.V2(v2, jwks, token, "service", time.Now()).Accepted {
					t.Error("v2 accepts a role that is not in the token")
				}
			}
			if f.v3 {
				var regions any = `{"eu","us"}`
				if f.arrays == "json" {
					regions = []any{"eu", "us"}
				}
				wantAccepted(t, hasura.V3(v3, jwks, token, "", time.Now()), "editor", regions)
				wantAccepted(t, hasura.V3(v3, jwks, token, "reader", time.Now()), "reader", regions)
				if hasura.V3(v3, jwks, token, "service", time.Now()).Accepted {
					t.Error("v3 accepts a role that is not in the token")
				}
			}
		})
	}
}

// engines are both engines as `issuer hasura-config` would have them configured. v2 is as strict as its strictest release.
func engines(t *testing.T, settings []string) (hasura.V2Config, hasura.V3Config) {
	t.Helper()
	code, stdout, stderr := execute(t, settings, "hasura-config", "--json")
	if code != exitDone {
		t.Fatalf("hasura-config: %s", stderr)
	}
	var config struct {
		V2 jsontext.Value `json:"v2"`
		V3 jsontext.Value `json:"v3"`
	}
	if err := json.Unmarshal([]byte(stdout), &config); err != nil {
		t.Fatal(err)
	}
	v2, err := hasura.ParseV2Config(config.V2)
	if err != nil {
		t.Fatalf("v2 refuses its configuration: %v", err)
	}
	v2.Quirks = hasura.AllQuirks
	v3, err := hasura.ParseV3Config(config.V3)
	if err != nil {
		t.Fatalf("v3 refuses its configuration: %v", err)
	}
	return v2, v3
}

func wantAccepted(t *testing.T, v hasura.Verdict, role string, regions any) {
	t.Helper()
	if !v.Accepted || v.Role != role {
		t.Fatalf("accepted %v as %q, want as %q; code %q, unreadable %v: %s", v.Accepted, v.Role, role, v.Code, v.Unreadable, v.Message)
	}
	if diff := cmp.Diff(regions, v.Session["x-hasura-regions"]); diff != "" {
		t.Errorf("x-hasura-regions (-want +got):\n%s", diff)
	}
	if v.Session["x-hasura-user-id"] == nil || v.Session["x-hasura-org-id"] != "42" {
		t.Error("x-hasura-user-id or x-hasura-org-id is missing or wrong")
	}
}
