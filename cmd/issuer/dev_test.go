package main

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// TestDevPrintsACurlLineThatExchangesAToken runs the line as a newcomer would: by pasting it into a shell.
func TestDevPrintsACurlLineThatExchangesAToken(t *testing.T) {
	t.Parallel()
	r := start(t, []string{"ISSUER_LISTEN=127.0.0.1:0", "ISSUER_ENTRA_TENANTS=not-looked-at"}, "dev")
	screen := r.stdout.await(t, "HASURA_GRAPHQL_JWT_SECRET='{", r.ended)
	for _, want := range []string{"reader", "editor", "nobody", "guest", "daemon", `"x-hasura-default-role": "editor"`, `"alg": "ES256"`} {
		if !strings.Contains(screen, want) {
			t.Errorf("the first screen lacks %q:\n%s", want, screen)
		}
	}
	for persona, want := range map[string]string{"editor": "editor reader", "reader": "reader", "guest": "guest", "daemon": "service", "nobody": ""} {
		line := strings.ReplaceAll(curlLineOf(t, screen), "/editor/", "/"+persona+"/")
		out, err := exec.CommandContext(t.Context(), "bash", "-c", line).Output()
		if err != nil {
			t.Fatalf("the curl line failed: %v", err)
		}
		var a answer
		if err := json.Unmarshal(out, &a); err != nil {
			t.Fatalf("%s: the answer is no JSON: %v", persona, err)
		}
		if a.Scope != want || want == "" && a.Reason != "no_roles" {
			t.Errorf("%s: scope %q, reason %q, want scope %q", persona, a.Scope, a.Reason, want)
		}
	}
	if code := r.end(); code != exitDone {
		t.Errorf("exit code %d after Ctrl-C; stderr:\n%s", code, r.stderr)
	}
}

func curlLineOf(t *testing.T, screen string) string {
	t.Helper()
	for line := range strings.Lines(screen) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "curl ") {
			return line
		}
	}
	t.Fatalf("no curl line in:\n%s", screen)
	return ""
}

func TestDevRefusesWhatBelongsToServe(t *testing.T) {
	t.Parallel()
	for _, setting := range []string{
		"ISSUER_DATABASE_URL=postgres://h/d", "ISSUER_REDIS_URL=redis://h", "ISSUER_KEYS_FILE=keys.json", "ISSUER_ROLES_FILE=roles.yaml",
		"ISSUER_URL=https://auth.example.com", "ISSUER_LISTEN=0.0.0.0:8080", "ISSUER_LISTEN=8080",
	} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			name, _, _ := strings.Cut(setting, "=")
			code, _, stderr := execute(t, []string{"ISSUER_LISTEN=127.0.0.1:0", setting}, "dev")
			if code != exitUsage || !strings.Contains(stderr, name) {
				t.Errorf("exit code %d, stderr %q", code, stderr)
			}
		})
	}
}

func TestDevHonoursTokenAndClaimsSettings(t *testing.T) {
	t.Parallel()
	r := start(t, []string{"ISSUER_LISTEN=:0", "ISSUER_TOKEN_ALG=EdDSA", "ISSUER_TOKEN_AUDIENCE=data", "ISSUER_CLAIMS_NAMESPACE_PATH=$.hasura", "ISSUER_TOKEN_TTL=2m"}, "dev")
	screen := r.stdout.await(t, "HASURA_GRAPHQL_JWT_SECRET='{", r.ended)
	for _, want := range []string{`"alg": "EdDSA"`, `"aud": "data"`, `"hasura": {`, "expires in 120 s", `"claims_namespace_path":"$.hasura"`, "http://127.0.0.1:"} {
		if !strings.Contains(screen, want) {
			t.Errorf("the first screen lacks %q:\n%s", want, screen)
		}
	}
}

// TestDevShowsItselfByItsListener: ISSUER_URL may be a name that leads elsewhere, or nowhere.
func TestDevShowsItselfByItsListener(t *testing.T) {
	t.Parallel()
	r := start(t, []string{"ISSUER_LISTEN=127.0.0.1:0", "ISSUER_URL=http://localhost:1/issuer", "ISSUER_LOG_FORMAT=json"}, "dev")
	screen := r.stdout.await(t, "HASURA_GRAPHQL_JWT_SECRET='{", r.ended)
	for _, want := range []string{
		"issuer        http://localhost:1/issuer\n", "listens at    http://127.0.0.1:", "ISSUER_ENTRA_AUTHORITY=http://127.0.0.1:",
		"ISSUER_ENTRA_TENANTS=" + faketenant.TenantID, "ISSUER_ENTRA_AUDIENCES=" + faketenant.APIClientID + ",api://", `"iss": "http://localhost:1/issuer"`,
	} {
		if !strings.Contains(screen, want) {
			t.Errorf("the first screen lacks %q:\n%s", want, screen)
		}
	}
	line := curlLineOf(t, screen)
	if !strings.HasPrefix(line, "curl -s http://127.0.0.1:") || !strings.Contains(line, "$(curl -sf ") {
		t.Errorf("the line to try: %s", line)
	}
	if out, err := exec.CommandContext(t.Context(), "bash", "-c", line).Output(); err != nil || !strings.Contains(string(out), "access_token") {
		t.Errorf("the curl line answered %q, %v", out, err)
	}
	if code := r.end(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
	if n := strings.Count(r.stderr.String(), `"message":"exchange"`); n != 1 {
		t.Errorf("the log shows %d exchanges, of one that somebody else made:\n%s", n, r.stderr)
	}
}

func TestDevSaysWhichAddressIsTaken(t *testing.T) {
	t.Parallel()
	r := start(t, []string{"ISSUER_LISTEN=127.0.0.1:0"}, "dev")
	screen := r.stdout.await(t, "HASURA_GRAPHQL_JWT_SECRET='{", r.ended)
	_, address, _ := strings.Cut(screen, "issuer        http://")
	address, _, _ = strings.Cut(address, "\n")
	code, _, stderr := execute(t, []string{"ISSUER_LISTEN=" + address}, "dev")
	if code != exitFailed || !strings.Contains(stderr, "set ISSUER_LISTEN to move it") || !strings.Contains(stderr, address) {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
}
