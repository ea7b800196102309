package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/hasura-issuer/hasura-issuer/keys"
)

// misplaced are secrets that somebody put into the wrong variable, made up for tests.
var misplaced = map[string]string{
	"a database URL":        "postgres://issuer:hunter2@db.example.com/issuer",
	"the same without user": "postgres://db.example.com/issuer?password=hunter2",
	"a Redis URL":           "rediss://:hunter2@cache.example.com:6380",
	"a URL with a password": "https://u:hunter2@auth.example.com",
	"a connection string":   "host=db user=issuer password=hunter2",
	"a key-encryption key":  goodKEK,
	"two of them":           "k0:bm90IHRoZSByaWdodCBsZW5ndGg=," + goodKEK,
	"a key without its id":  strings.TrimPrefix(goodKEK, "k1:"),
	"a JWT":                 "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJodW50ZXIyIn0.c2ln",
	"a client secret":       "Xz18Q~hunter2hunter2hunter2hunter2hunter2",
	"a PEM file's text":     "-----BEGIN PRIVATE KEY-----hunter2",
	"anything long":         strings.Repeat("hunter2 ", 40),
}

func TestASecretInTheWrongVariableIsNotShown(t *testing.T) {
	t.Parallel()
	const anyText = "ISSUER_CLAIMS_NAMESPACE" // which may be long, and have blanks
	files := fileSettings("ISSUER_ROLES_FILE="+rolesFile(t), "ISSUER_KEYS_FILE="+filepath.Join(t.TempDir(), "keys.json"))
	kinds := slices.Sorted(maps.Keys(misplaced))
	turn := 0
	for _, v := range variables() {
		name := v.name
		if v.secret {
			name += "_FILE"
		}
		turn++
		for i, what := range kinds {
			value := misplaced[what]
			environ := append(slices.Clone(files), name+"="+value)
			said := ""
			if _, err := load(environ, needService); err != nil {
				said = err.Error()
			}
			if turn%len(kinds) == i { // the whole command for each variable and each kind, and not for each pair: that takes long
				_, stdout, stderr := execute(t, environ, "check")
				if !strings.Contains(stderr, said) {
					t.Errorf("%s in %s: the command says %s, and the settings %s", what, name, stderr, said)
				}
				said = stdout + stderr
			}
			if strings.Contains(said, value) || strings.Contains(said, "hunter2") {
				t.Errorf("%s in %s is shown: %s", what, name, said)
			}
			if !strings.Contains(said, name) && (name != anyText || what != "anything long") {
				t.Errorf("%s in %s: %q", what, name, said)
			}
		}
	}
}

func TestWhatOnlyResemblesASecretIsTaken(t *testing.T) {
	t.Parallel()
	for _, setting := range []string{
		"ISSUER_ENTRA_AUDIENCES=b1c2d3e4-5f60-4718-92a3-c4d5e6f70811,spn:b1c2d3e4-5f60-4718-92a3-c4d5e6f70811",
		"ISSUER_TOKEN_AUDIENCE=urn:example:hasura-of-the-production-cluster", "ISSUER_CORS_ORIGINS=http://localhost:5173",
		"ISSUER_ENTRA_APP_ROLES=Hasura.Exchange,spn:Secret.Reader", "ISSUER_CLAIMS_NAMESPACE=https://example.com/jwt/claims/a_secret",
	} {
		if _, err := load(fileSettings(setting), needService); err != nil {
			t.Errorf("%s: %v", setting, err)
		}
	}
}

func TestOrdinaryValuesAreShown(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"auth.example.com", "https://auth.example.com/", "http://localhost:8080", "ISSUER", "api://b1c2d3e4-f5a6-4b7c-8d9e-0f1a2b3c4d5e",
		"7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901,d1000001-aaaa-4bbb-8ccc-000000000001", "x-hasura-role=oid", "127.0.0.1:99999", "access_as_user",
		"/etc/issuer/roles.yaml", "/run/secrets/hasura-issuer/production/roles",
	} {
		if got := shown(value); got != fmt.Sprintf("%q", value) {
			t.Errorf("%q is shown as %s", value, got)
		}
	}
}

func TestAFileThatIsNamedWronglyIsExplained(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	for setting, want := range map[string]string{
		"ISSUER_DATABASE_URL_FILE=" + folder + "/none": "ISSUER_DATABASE_URL_FILE names no file that can be read (no such file or directory; its value is not shown): it wants a path; the secret itself goes into ISSUER_DATABASE_URL",
		"ISSUER_ROLES_FILE=" + folder + "/none":        `ISSUER_ROLES_FILE: "` + folder + `/none": no such file or directory`,
		"ISSUER_KEYS_FILE=" + folder + "/none/keys":    `ISSUER_KEYS_FILE: its folder has to be there: "` + folder + `/none": no such file or directory`,
		"ISSUER_AUDIT_FILE=" + folder + "/none/log":    `ISSUER_AUDIT_FILE: its folder has to be there: "` + folder + `/none": no such file or directory`,
		"ISSUER_AUDIT_FILE=/dev/null/log":              `ISSUER_AUDIT_FILE: its folder has to be there: "/dev/null": not a directory`,
		"ISSUER_KEYS_FILE=" + goodKEK:                  "ISSUER_KEYS_FILE is " + notShown + "; it wants the path of a keys file",
		"ISSUER_KEYS_FILE=https://example.com/k":       `ISSUER_KEYS_FILE is "https://example.com/k"; it wants the path`,
	} {
		settings := fileSettings("ISSUER_ROLES_FILE="+rolesFile(t), "ISSUER_KEYS_FILE="+filepath.Join(t.TempDir(), "keys.json"), setting)
		if code, _, stderr := execute(t, settings, "check"); code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit code %d, %q, want %q", setting, code, stderr, want)
		}
	}
}

// TestWhatHoldsSettingsPrintsNone: fmt does not ask the values in unexported fields how they want to be printed.
func TestWhatHoldsSettingsPrintsNone(t *testing.T) {
	t.Parallel()
	const password = "hunter2-and-more"
	environ := fileSettings("ISSUER_DATABASE_URL=postgres://u:"+password+"@h/d", "ISSUER_KEYS_ENCRYPTION_KEY="+goodKEK)
	s, err := load(environ, needService)
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := s.newSealer(nil)
	if err != nil {
		t.Fatal(err)
	}
	svc := service{settings: s, log: zerolog.Nop()}
	tools := ringTools{settings: s, sealer: sealer}
	for name, v := range map[string]any{
		"settings": s, "*settings": &s, "service": svc, "*service": &svc, "ringTools": tools, "*ringTools": &tools,
		"dev": dev{service: svc}, "*dev": &dev{service: svc}, "program": program{environ: environ}, "*program": &program{environ: environ},
		"sealer": sealer, "a list": []settings{s}, "key": keys.KEK{ID: "k1", Key: s.KeysEncryptionKey.keks[0].key},
	} {
		for _, form := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			text := fmt.Sprintf(form, v)
			for _, hidden := range []string{password, "0123456789abcdef", "48 49 50", "48, 49, 50", "0x30, 0x31", "303132"} {
				if strings.Contains(text, hidden) {
					t.Errorf("%s of %s prints a secret", form, name)
				}
			}
		}
	}
}

// TestEveryFaultIsReportedInOneRunByItsVariable: those the rooms find, too, and whatever command asks.
func TestEveryFaultIsReportedInOneRunByItsVariable(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(broken, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	faulty := []string{
		"ISSUER_ENTRA_AUDIENCES=https://graph.microsoft.com,https://management.azure.com",
		"ISSUER_CLAIMS_NAMESPACE_PATH=$.iss", "ISSUER_SESSION_CLAIMS=x-hasura-me=OID",
		"ISSUER_KEYS_LEAD=5m", "ISSUER_LOG_LEVEL=loud",
	}
	inFiles := []string{"ISSUER_DATABASE_URL=mysql://h/d", "ISSUER_ROLES_FILE=" + broken, "ISSUER_KEYS_FILE=" + broken}
	wants := []string{
		`ISSUER_ENTRA_AUDIENCES: "https://graph.microsoft.com" belongs to a Microsoft API`,
		`ISSUER_ENTRA_AUDIENCES: "https://management.azure.com" belongs to a Microsoft API`,
		"ISSUER_CLAIMS_NAMESPACE_PATH: the claims namespace would take the place of the claim iss",
		`ISSUER_SESSION_CLAIMS: "OID" differs only in case`, "ISSUER_KEYS_LEAD", `ISSUER_LOG_LEVEL is "loud"`,
	}
	wantsOfFiles := []string{"ISSUER_DATABASE_URL: ", "ISSUER_ROLES_FILE is not as it should be", "ISSUER_KEYS_FILE: read the keys file"}
	for command, c := range map[string]struct{ settings, wants []string }{
		"check": {fileSettings(append(faulty, inFiles...)...), append(wants, wantsOfFiles...)},
		"serve": {fileSettings(append(faulty, inFiles...)...), append(wants, wantsOfFiles...)},
		"dev":   {append([]string{"ISSUER_LISTEN=127.0.0.1:0"}, faulty...), wants[2:]}, // its audiences are its own
	} {
		code, _, stderr := execute(t, c.settings, command)
		if code != exitUsage {
			t.Errorf("%s: exit code %d", command, code)
		}
		for _, want := range c.wants {
			if !strings.Contains(stderr, want) {
				t.Errorf("%s lacks %q:\n%s", command, want, stderr)
			}
		}
	}
	for setting, want := range map[string]string{
		"ISSUER_CLAIMS_NAMESPACE=sub":           "ISSUER_CLAIMS_NAMESPACE: ",
		"ISSUER_CLAIMS_NAMESPACE_PATH=hasura":   "ISSUER_CLAIMS_NAMESPACE_PATH: the claims namespace path must look like",
		"ISSUER_CLAIMS_FORMAT=stringified_json": "ISSUER_CLAIMS_FORMAT: stringified claims need a member to stand in",
	} {
		more := []string{setting}
		if strings.HasPrefix(setting, "ISSUER_CLAIMS_FORMAT") {
			more = append(more, "ISSUER_CLAIMS_NAMESPACE_PATH=$")
		}
		if _, err := load(fileSettings(more...), needKeys); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %q", setting, err, want)
		}
	}
}
