package main

import (
	"strings"
	"testing"
)

func TestHasuraConfigSaysHowEnginesAskTheWebhook(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := execute(t, []string{"ISSUER_URL=https://auth.example.com"}, "hasura-config", "--webhook")
	if code != exitDone {
		t.Fatal(stderr)
	}
	for _, want := range []string{
		"\nHASURA_GRAPHQL_AUTH_HOOK=https://auth.example.com/hasura/webhook\nHASURA_GRAPHQL_AUTH_HOOK_MODE=POST\nHASURA_GRAPHQL_AUTH_HOOK_SEND_REQUEST_BODY=false\n",
		"\n    webhook:\n      method: POST\n      url:\n        value: https://auth.example.com/hasura/webhook\n",
		"\n            forward:\n            - Authorization\n            - X-Hasura-Role\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("lacks %q:\n%s", want, stdout)
		}
	}
	if strings.Contains(stdout, "HASURA_GRAPHQL_JWT_SECRET=") || strings.Contains(stdout, "ISSUER_ARRAY_FORMAT") {
		t.Errorf("says more than is wanted:\n%s", stdout)
	}
	_, stdout, _ = execute(t, []string{"ISSUER_URL=https://auth.example.com", "ISSUER_ARRAY_FORMAT=json"}, "hasura-config", "--webhook")
	if !strings.Contains(stdout, "for v2 set ISSUER_ARRAY_FORMAT=postgres") {
		t.Errorf("does not say that v2 cannot read JSON lists:\n%s", stdout)
	}
	_, stdout, _ = execute(t, []string{"ISSUER_URL=https://auth.example.com"}, "hasura-config", "--webhook", "--json")
	if !strings.Contains(stdout, `"HASURA_GRAPHQL_AUTH_HOOK": "https://auth.example.com/hasura/webhook"`) || !strings.Contains(stdout, `"method": "POST"`) {
		t.Errorf("as JSON:\n%s", stdout)
	}
}
