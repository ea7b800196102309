package main

import (
	"strings"
	"testing"
)

func TestHasuraConfigFitsAShell(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := execute(t, []string{"ISSUER_URL=https://auth.example.com", "ISSUER_CLAIMS_NAMESPACE_PATH=$.hasura['claims%']"}, "hasura-config")
	if code != exitDone {
		t.Fatal(stderr)
	}
	for _, want := range []string{
		`HASURA_GRAPHQL_JWT_SECRET='{"jwk_url":"https://auth.example.com/.well-known/jwks.json","issuer":"https://auth.example.com","audience":"hasura","claims_namespace_path":"$.hasura['\''claims%'\'']","claims_format":"json"}'`,
		"kind: AuthConfig", "version: v4", "jwkFromUrl: https://auth.example.com/.well-known/jwks.json", "location: /hasura/claims%",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("lacks %s:\n%s", want, stdout)
		}
	}
}

func TestHasuraConfigSaysWhichEngineItsListsAreFor(t *testing.T) {
	t.Parallel()
	for format, want := range map[string]string{
		"postgres": "as auth-config.hml:\n# Lists in session variables are Postgres array literals; for v3 set ISSUER_ARRAY_FORMAT=json.\n",
		"json":     "in the engine's environment:\n# Lists in session variables are JSON arrays, which v2 refuses; for v2 set ISSUER_ARRAY_FORMAT=postgres.\n",
	} {
		_, stdout, _ := execute(t, []string{"ISSUER_URL=https://auth.example.com", "ISSUER_ARRAY_FORMAT=" + format}, "hasura-config")
		if !strings.Contains(stdout, want) || strings.Count(stdout, "# Lists") != 1 {
			t.Errorf("%s:\n%s\nwant %q", format, stdout, want)
		}
	}
}

func TestHasuraConfigNamesTheKeySetOfEachRelyingParty(t *testing.T) {
	t.Parallel()
	_, stdout, _ := execute(t, []string{"ISSUER_URL=https://auth.example.com", "ISSUER_RELYING_PARTIES=orders,billing"}, "hasura-config")
	for _, party := range []string{"orders", "billing"} {
		for _, want := range []string{
			"# HASURA_GRAPHQL_JWT_SECRET='{\"jwk_url\":\"https://auth.example.com/.well-known/jwks.json?rp=" + party + "\"",
			"# jwkFromUrl of the engine " + party + ": https://auth.example.com/.well-known/jwks.json?rp=" + party + "\n",
		} {
			if !strings.Contains(stdout, want) {
				t.Errorf("lacks %s:\n%s", want, stdout)
			}
		}
	}
	if strings.Count(stdout, "\nHASURA_GRAPHQL_JWT_SECRET=") != 1 {
		t.Errorf("more than one line counts:\n%s", stdout)
	}
}
