package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// goodKEK is a key-encryption key made up for tests.
var goodKEK = "k1:" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))

// fileSettings are complete settings that need no database. Later pairs win over earlier ones.
func fileSettings(more ...string) []string {
	return append(environ("https://login.microsoftonline.com", "ISSUER_ROLES_FILE=roles.yaml", "ISSUER_KEYS_FILE=keys.json"), more...)
}

func TestEveryWrongSettingIsNamedWithWhatItGotAndWhatItWants(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]string{
		"ISSUER_URL":                   {"auth.example.com", "http://auth.example.com", "https://auth.example.com/", "https://auth.example.com?x=1", "ftp://auth.example.com"},
		"ISSUER_ADMIN_APP_ROLE":        {"a b"},
		"ISSUER_ADMIN_TENANTS":         {"contoso", "c41b9a70-58de-4f0b-8a37-61d2e9f3b802"},
		"ISSUER_ADMIN_CLIENTS":         {"my-app"},
		"ISSUER_LISTEN":                {"8080", "127.0.0.1", ":99999", ":none-such-port"},
		"ISSUER_ENTRA_AUTHORITY":       {"login.microsoftonline.com", "http://login.microsoftonline.com", "https://login.microsoftonline.com/common", "https://login.microsoftonline.com/"},
		"ISSUER_ENTRA_TENANTS":         {"contoso", "contoso.example"},
		"ISSUER_ENTRA_AUDIENCES":       {"with blank"},
		"ISSUER_ENTRA_CLIENTS":         {"my-app"},
		"ISSUER_ENTRA_SCOPES":          {"a b", "api://b1c2/access_as_user"},
		"ISSUER_ENTRA_APP_ROLES":       {"a b"},
		"ISSUER_ENTRA_ALLOW_GUESTS":    {"perhaps"},
		"ISSUER_CLOCK_LEEWAY":          {"-1s", "121s", "60"},
		"ISSUER_TOKEN_AUDIENCE":        {"two words", "a,b"},
		"ISSUER_CLAIMS_FORMAT":         {"xml"},
		"ISSUER_ARRAY_FORMAT":          {"pg"},
		"ISSUER_CORS_ORIGINS":          {"*", "https://app.example.com/", "app.example.com", "https://*.example.com", "http://app.example.com", "https://App.example.com"},
		"ISSUER_RATE_LIMIT_IP":         {"600", "600/d", "0/m", "-1/m", "100001/s", "60 /m", "1.5/s", "off"},
		"ISSUER_RATE_LIMIT_FAILURES":   {"60/minute"},
		"ISSUER_RATE_LIMIT_SUBJECT":    {"m"},
		"ISSUER_TRUSTED_PROXIES":       {"10.0.0.1", "proxy.example.com", "0.0.0.0/0", "::/0", "10.0.0.0/33", "::ffff:10.0.0.0/104", "*"},
		"ISSUER_ROTATE":                {"never"},
		"ISSUER_ROTATE_EVERY":          {"daily"},
		"ISSUER_LOG_LEVEL":             {"loud"},
		"ISSUER_LOG_FORMAT":            {"xml"},
		"ISSUER_ALLOW_ADMIN_ROLE":      {"si"},
		"ISSUER_SESSION_CLAIMS":        {"x-hasura-role=oid", "user-id=oid", "x-hasura-user-id", "x-hasura-user-id=oid,x-hasura-user-id=sub", "X-Hasura-User-Id=oid"},
		"ISSUER_CLAIMS_NAMESPACE_PATH": {"$.hasura"}, // together with the namespace below
	} {
		for _, value := range values {
			t.Run(name+"="+value, func(t *testing.T) {
				t.Parallel()
				more := []string{name + "=" + value}
				if name == "ISSUER_CLAIMS_NAMESPACE_PATH" {
					more = append(more, "ISSUER_CLAIMS_NAMESPACE=https://example.com/claims")
				}
				_, err := load(fileSettings(more...), needService)
				if err == nil {
					t.Fatal("accepted")
				}
				if want := fmt.Sprintf("%s is %q; it wants ", name, value); !strings.Contains(err.Error(), want) {
					t.Errorf("got  %v\nwant %s…", err, want)
				}
			})
		}
	}
}

func TestAllFaultsAreReportedInOneRun(t *testing.T) {
	t.Parallel()
	code, _, stderr := execute(t, []string{"ISSUER_URL=nowhere", "ISSUER_TOKEN_TTL=1s", "ISSUER_LISSTEN=:1", "ISSUER_LOG_LEVEL=loud"}, "check")
	if code != exitUsage {
		t.Errorf("exit code %d, want %d", code, exitUsage)
	}
	for _, want := range []string{
		"ISSUER_URL is \"nowhere\"", "ISSUER_LISSTEN is not a setting of this version; did you mean ISSUER_LISTEN?", "ISSUER_LOG_LEVEL is \"loud\"",
		"ISSUER_ENTRA_TENANTS is not set", "ISSUER_ENTRA_AUDIENCES is not set", "roles have no home", "signing keys have no home", "TTL",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("stderr lacks %q:\n%s", want, stderr)
		}
	}
}

func TestAVariableIsNamedOnceAndFaultsOfOthersDoNotHideIt(t *testing.T) {
	t.Parallel()
	_, err := load(fileSettings("ISSUER_TOKEN_TTL=soon", "ISSUER_LOG_LEVEL=loud"), needService)
	if err == nil || strings.Count(err.Error(), "ISSUER_TOKEN_TTL") != 1 {
		t.Error(err)
	}
	if _, err = load(fileSettings("ISSUER_KEYS_LEAD=1m", "ISSUER_LOG_LEVEL=loud"), needService); err == nil || !strings.Contains(err.Error(), "the lead 1m0s is too short") {
		t.Error(err)
	}
	if _, err = load(fileSettings("ISSUER_ROTATE=cron"), needService); err == nil || !strings.Contains(err.Error(), "locks ISSUER_KEYS_FILE") {
		t.Error(err)
	}
}

func TestASecretWhoseFileCannotBeReadIsOneFault(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	if code, _, stderr := execute(t, []string{"ISSUER_KEYS_FILE=" + path, "ISSUER_KEYS_ENCRYPTION_KEY=" + goodKEK}, "keys", "rotate"); code != exitDone {
		t.Fatal(stderr)
	}
	for name, settings := range map[string][]string{
		"the key of a database":     environ("https://login.microsoftonline.com", "ISSUER_DATABASE_URL=postgres://h/d", "ISSUER_KEYS_ENCRYPTION_KEY_FILE=/none"),
		"the key of a sealed file":  fileSettings("ISSUER_ROLES_FILE="+rolesFile(t), "ISSUER_KEYS_FILE="+path, "ISSUER_KEYS_ENCRYPTION_KEY_FILE=/none"),
		"the database of them both": environ("https://login.microsoftonline.com", "ISSUER_DATABASE_URL_FILE=/none", "ISSUER_KEYS_ENCRYPTION_KEY="+goodKEK),
	} {
		if code, _, stderr := execute(t, settings, "check"); code != exitUsage || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "_FILE names no file that can be read") {
			t.Errorf("%s: exit code %d, %q", name, code, stderr)
		}
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	const password = "hunter2-and-more"
	wrong := "k1:" + base64.StdEncoding.EncodeToString([]byte(password))
	_, err := load(fileSettings("ISSUER_KEYS_ENCRYPTION_KEY="+wrong), needService)
	if err == nil || strings.Contains(err.Error(), wrong) || !strings.Contains(err.Error(), "ISSUER_KEYS_ENCRYPTION_KEY") {
		t.Errorf("a key-encryption key of the wrong length: %v", err)
	}
	zeros := "k1:" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	if _, err := load(fileSettings("ISSUER_KEYS_ENCRYPTION_KEY="+zeros), needService); err == nil || !strings.Contains(err.Error(), "nothing but zeros") || strings.Contains(err.Error(), "AAAA") {
		t.Errorf("a key of zeros: %v", err)
	}
	s, err := load(fileSettings("ISSUER_DATABASE_URL=postgres://u:"+password+"@h/d", "ISSUER_KEYS_ENCRYPTION_KEY="+goodKEK), needService)
	if err != nil {
		t.Fatal(err)
	}
	if s.DatabaseURL.reveal() == "" || len(s.KeysEncryptionKey.keks) != 1 {
		t.Fatal("the secrets were not read")
	}
	for _, form := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		text := fmt.Sprintf(form, s)
		if strings.Contains(text, password) || strings.Contains(text, "0123456789abcdef") || strings.Contains(text, "48, 49, 50") || strings.Contains(text, "0x30, 0x31") {
			t.Errorf("%s prints a secret", form)
		}
	}
}

func TestSecretsComeFromFilesToo(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(goodKEK+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := load(fileSettings("ISSUER_KEYS_ENCRYPTION_KEY_FILE="+path), needService)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.KeysEncryptionKey.keks) != 1 || s.KeysEncryptionKey.keks[0].ID != "k1" {
		t.Error("the key in the file was not read")
	}
	for name, more := range map[string][]string{
		"are both set": {"ISSUER_KEYS_ENCRYPTION_KEY_FILE=" + path, "ISSUER_KEYS_ENCRYPTION_KEY=" + goodKEK},
		"names no file that can be read (no such file or directory; its value is not shown)": {"ISSUER_KEYS_ENCRYPTION_KEY_FILE=" + path + ".none"},
		"is no secret":      {"ISSUER_URL_FILE=" + path},
		"the file is empty": {"ISSUER_KEYS_ENCRYPTION_KEY_FILE=/dev/null"},
		"is a directory":    {"ISSUER_DATABASE_URL_FILE=" + filepath.Dir(path)},
	} {
		if _, err := load(fileSettings(more...), needService); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: %v, want %q", more, err, name)
		}
	}
}

func TestVariablesThatKubernetesInjectsAreIgnored(t *testing.T) {
	t.Parallel()
	_, err := load(fileSettings(
		"ISSUER_SERVICE_HOST=10.0.0.1", "ISSUER_SERVICE_PORT=80", "ISSUER_SERVICE_PORT_HTTP=80", "ISSUER_PORT=tcp://10.0.0.1:80",
		"ISSUER_PORT_80_TCP=tcp://10.0.0.1:80", "ISSUER_PORT_80_TCP_ADDR=10.0.0.1", "ISSUER_POSTGRES_SERVICE_HOST=10.0.0.2",
	), needService)
	if err != nil {
		t.Error(err)
	}
}

func TestDefaultsAndListsAreRead(t *testing.T) {
	t.Parallel()
	s, err := load(fileSettings("ISSUER_ENTRA_CLIENTS= 0A9B8C7D-6E5F-4A3B-8C1D-2E3F4A5B6C22 , 5d4c3b2a-1908-47f6-9e5d-4c3b2a190833", "ISSUER_TOKEN_TTL="), needService)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"0a9b8c7d-6e5f-4a3b-8c1d-2e3f4a5b6c22", "5d4c3b2a-1908-47f6-9e5d-4c3b2a190833"}, s.EntraClients); diff != "" {
		t.Error(diff)
	}
	if s.TokenTTL != 5*time.Minute || s.ClaimsNamespace != defaultNamespace || !s.EntraAllowGuests {
		t.Errorf("defaults: ttl %v, namespace %q, guests %v", s.TokenTTL, s.ClaimsNamespace, s.EntraAllowGuests)
	}
}

// TestTheREADMEListsEverySetting keeps the README's table and the settings struct in step, names and defaults.
func TestTheREADMEListsEverySetting(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `((?:ISSUER|AZURE)_[A-Z0-9_]+)`( \\*)? \\| ([^|]*) \\|").FindAllStringSubmatch(string(readme), -1) {
		rows[m[1]] = m[3]
	}
	for field := range reflect.TypeFor[settings]().Fields() {
		name, byDefault := field.Tag.Get("env"), field.Tag.Get("envDefault")
		if byDefault != "" && rows[name] != "`"+byDefault+"`" {
			t.Errorf("the README says that %s is %s by default, the program %q", name, rows[name], byDefault)
		}
	}
	for _, v := range variables() {
		if _, ok := rows[v.name]; !ok {
			t.Errorf("the README's table lacks %s", v.name)
		}
		delete(rows, v.name)
	}
	for name := range rows {
		t.Errorf("the README's table has %s, which is no setting", name)
	}
}
