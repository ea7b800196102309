package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/hasura-issuer/hasura-issuer/hasura"
)

// composeFile is what tests read of deploy/compose/compose.yaml.
type composeFile struct {
	Services map[string]struct {
		Image       string
		Command     []string
		Environment map[string]string
	}
	Secrets map[string]struct{ File string }
}

func readCompose(t testing.TB) composeFile {
	t.Helper()
	var file composeFile
	text := []byte(readFile(t, "../../deploy/compose/compose.yaml"))
	if err := yaml.UnmarshalWithOptions(text, &file, yaml.AllowDuplicateMapKey()); err != nil { // beside what is merged in
		t.Fatal(err)
	}
	return file
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// assignments are the NAME=value lines of a file that systemd or compose reads.
func assignments(t testing.TB, path string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for line := range strings.Lines(readFile(t, path)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if _, twice := found[name]; twice || !ok {
			t.Errorf("%s: %q is no assignment, or the second one", path, line)
		}
		found[name] = value
	}
	return found
}

// directives are those of a unit, by section and name; one that is given twice has both values.
func directives(t testing.TB, path string) map[string][]string {
	t.Helper()
	found, section := map[string][]string{}, ""
	for line := range strings.Lines(readFile(t, path)) {
		line = strings.TrimSpace(line)
		name, value, ok := strings.Cut(line, "=")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			section = strings.Trim(line, "[]")
		case !ok || section == "":
			t.Errorf("%s: %q is no directive", path, line)
		default:
			found[section+" "+name] = append(found[section+" "+name], value)
		}
	}
	return found
}

// TestTheUnitsRunCommandsOfOursWithSettingsThatAreRight gives each unit's environment to `issuer check`, with the files that
// systemd would hand over.
func TestTheUnitsRunCommandsOfOursWithSettingsThatAreRight(t *testing.T) {
	t.Parallel()
	credentials := t.TempDir()
	for name, content := range map[string]string{"database-url": "postgres://issuer@/issuer?host=/run/postgresql", "keys-encryption-key": goodKEK} {
		if err := os.WriteFile(filepath.Join(credentials, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for unit, want := range map[string]string{"issuer.service": "serve", "issuer-keys-rotate.service": "keys rotate --json"} {
		d := directives(t, "../../deploy/systemd/"+unit)
		command, ours := strings.CutPrefix(strings.Join(d["Service ExecStart"], ""), "/usr/local/bin/issuer ")
		if !ours || command != want {
			t.Errorf("%s runs %q", unit, d["Service ExecStart"])
		}
		var environ []string
		for name, value := range assignments(t, "../../deploy/systemd/issuer.env") {
			environ = append(environ, name+"="+value)
		}
		for _, assignment := range d["Service Environment"] {
			environ = append(environ, strings.ReplaceAll(assignment, "%d", credentials))
			if !strings.Contains(assignment, "%d/") { // such as GOMEMLIMIT
				continue
			}
			file := assignment[strings.LastIndex(assignment, "/")+1:]
			if !strings.Contains(strings.Join(d["Service LoadCredential"], "\n"), file+":/etc/issuer/"+file) {
				t.Errorf("%s: nobody loads %s", unit, file)
			}
		}
		if code, _, stderr := execute(t, environ, "check"); code != 0 {
			t.Errorf("%s: %d %s", unit, code, stderr)
		}
	}
}

func TestTheUnitsLetTheServiceDoLittle(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"issuer.service", "issuer-keys-rotate.service"} {
		d := directives(t, "../../deploy/systemd/"+unit)
		for name, want := range map[string]string{
			"DynamicUser": "yes", "NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "AmbientCapabilities": "", "ProtectSystem": "strict",
			"ProtectHome": "yes", "PrivateTmp": "yes", "PrivateDevices": "yes", "ProtectKernelTunables": "yes", "ProtectKernelModules": "yes",
			"ProtectControlGroups": "yes", "RestrictNamespaces": "yes", "MemoryDenyWriteExecute": "yes", "SystemCallArchitectures": "native",
			"SystemCallFilter": "@system-service, ~@privileged @resources", "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX", "UMask": "0077",
		} {
			values, set := d["Service "+name]
			if got := strings.Join(values, ", "); !set || got != want {
				t.Errorf("%s: %s=%s, want %s", unit, name, got, want)
			}
		}
	}
}

// TestHasuraIsToldWhatHasuraConfigPrints holds the shipped settings of engines to the command that makes them.
func TestHasuraIsToldWhatHasuraConfigPrints(t *testing.T) {
	t.Parallel()
	_, stdout, _ := execute(t, []string{"ISSUER_URL=https://auth.example.com", "ISSUER_ARRAY_FORMAT=json"}, "hasura-config")
	_, v3, found := strings.Cut(stdout, "as auth-config.hml:\n")
	shipped := readFile(t, "../../deploy/hasura/v3/auth-config.hml")
	if !found || !strings.HasSuffix(shipped, v3) {
		t.Errorf("the AuthConfig is\n%s\nand the command prints\n%s", shipped, v3)
	}

	services := readCompose(t).Services
	own := []string{}
	for name, value := range services["issuer"].Environment {
		if !strings.HasSuffix(name, "_FILE") {
			own = append(own, name+"="+value)
		}
	}
	code, stdout, stderr := execute(t, own, "hasura-config", "--json")
	var printed struct{ V2 map[string]string }
	if err := json.Unmarshal([]byte(stdout), &printed); code != 0 || err != nil {
		t.Fatal(code, stderr, err)
	}
	secret := services["hasura"].Environment["HASURA_GRAPHQL_JWT_SECRET"]
	if _, err := hasura.ParseV2Config([]byte(secret)); err != nil {
		t.Errorf("Hasura does not start: %v", err)
	}
	var set map[string]string
	if err := json.Unmarshal([]byte(secret), &set); err != nil {
		t.Fatal(err)
	}
	printed.V2["jwk_url"] = strings.Replace(printed.V2["jwk_url"], "localhost", "issuer", 1) + "?rp=shop"
	if len(set) != len(printed.V2) {
		t.Errorf("%d members, want %d", len(set), len(printed.V2))
	}
	for name, want := range printed.V2 {
		if set[name] != want {
			t.Errorf("%s is %q, want %q", name, set[name], want)
		}
	}
}

func TestHasuraIsClosed(t *testing.T) {
	t.Parallel()
	engine := assignments(t, "../../deploy/hasura/v2/hasura.env")
	for name, want := range map[string]string{
		"HASURA_GRAPHQL_ENABLED_APIS": "graphql", "HASURA_GRAPHQL_ENABLE_CONSOLE": "false", "HASURA_GRAPHQL_DEV_MODE": "false",
		"HASURA_GRAPHQL_ADMIN_INTERNAL_ERRORS": "false", "HASURA_GRAPHQL_ENABLE_TELEMETRY": "false", "HASURA_GRAPHQL_DISABLE_CORS": "true",
	} {
		if engine[name] != want {
			t.Errorf("%s=%s, want %s", name, engine[name], want)
		}
	}
	public := regexp.MustCompile(`UNAUTHORIZED_ROLE|_SECRET|DATABASE_URL|query-log`)
	for name, value := range engine {
		if public.MatchString(name + "=" + value) {
			t.Errorf("%s=%s has no place there", name, value)
		}
	}
}
