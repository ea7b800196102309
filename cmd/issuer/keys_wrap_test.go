package main

import (
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/keyvault/fakevault"
)

// watch returns what the vault is sent to be wrapped, in base64url, newest last.
func (a azure) watch(t *testing.T) func() []string {
	t.Helper()
	sent := make(chan string, 100)
	a.vault.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
		if !strings.HasSuffix(r.URL.Path, "/wrapkey") || r.Header.Get("Authorization") == "" {
			return false
		}
		body, err := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		var operation struct {
			Value string `json:"value"`
		}
		if err != nil || json.Unmarshal(body, &operation) != nil {
			t.Errorf("the vault was sent %q, %v", body, err)
		}
		sent <- operation.Value
		return false
	})
	return func() []string {
		close(sent)
		var all []string
		for value := range sent {
			all = append(all, value)
		}
		return all
	}
}

func TestWrapMakesAFreshKeyThatNobodyGetsToSee(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	version := a.rotate(t)
	sent := a.watch(t)
	printed := ""
	wrap := func(settings []string, id string, args ...string) {
		code, stdout, stderr := a.execute(t, settings, append([]string{"keys", "wrap"}, args...)...)
		if code != exitDone {
			t.Fatalf("%v: exit code %d: %s", args, code, stderr)
		}
		printed += stdout + stderr
		made := wrappedItem{id, strings.TrimSuffix(stdout, "\n")}
		if slices.Contains(args, "--json") {
			if err := json.Unmarshal([]byte(stdout), &made); err != nil {
				t.Fatal(err)
			}
		}
		if made.ID != id || !strings.HasPrefix(made.Value, id+":"+version+"#") || strings.ContainsAny(made.Value, "\n ,") {
			t.Errorf("%v printed %q, want an item %s:%s#…", args, stdout, id, version)
		}
	}
	for id, settings := range map[string][]string{"k2": a.settings(t, goodKEK), "k1": a.settings(t, "", a.byWorkload(t)...)} {
		wrap(settings, id, vaultKey)
		wrap(settings, id, version, "--json")
		wrap(settings, "mine", vaultKey, "--id", "mine")
	}
	values := sent()
	for i, value := range values {
		raw, err := base64.RawURLEncoding.DecodeString(value)
		if err != nil || len(raw) != 32 || strings.Contains(strings.Join(values[:i], " "), value) {
			t.Errorf("key %d is not 32 fresh bytes", i)
		}
		if strings.Contains(printed, value) || strings.Contains(printed, base64.StdEncoding.EncodeToString(raw)) || strings.Contains(printed, string(raw)) {
			t.Errorf("key %d was shown", i)
		}
	}
	if len(values) != 6 {
		t.Errorf("%d keys were made, want 6", len(values))
	}
}

func TestWrapRefusesWhatCouldNotBeUsed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		trouble func(a azure)
		args    []string
		code    int
		want    string
	}{
		"a disabled version, with which the vault still wraps": {func(a azure) { a.vault.Disable("kek", "") }, []string{vaultKey}, exitFailed, "this version of the key is disabled"},
		"no right to unwrap": {func(a azure) { a.vault.Deny("unwrapkey") }, []string{vaultKey}, exitFailed, "may not unwrapKey with it"},
		"no right to wrap":   {func(a azure) { a.vault.Deny("wrapkey") }, []string{vaultKey}, exitFailed, "may not wrapKey with it"},
		"a vault that gives something else back": {func(a azure) {
			a.vault.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasSuffix(r.URL.Path, "/unwrapkey") || r.Header.Get("Authorization") == "" {
					return false
				}
				_, _ = io.WriteString(w, `{"value":"`+base64.RawURLEncoding.EncodeToString(make([]byte, 32))+`"}`)
				return true
			})
		}, []string{vaultKey}, exitFailed, "unwrapped something else than it wrapped"},
		"a vault that is away": {func(a azure) { a.vault.Close() }, []string{vaultKey}, exitFailed, "cannot be reached"},
		"no key of a vault":    {nil, []string{"https://example.com/keys/kek"}, exitUsage, "must name a vault"},
		"an id that is taken":  {nil, []string{vaultKey, "--id", "k1"}, exitUsage, `has a key "k1" already`},
		"an id that is none":   {nil, []string{vaultKey, "--id", "a:b"}, exitUsage, "--id wants"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAzure(t)
			if c.trouble != nil {
				c.trouble(a)
			}
			code, stdout, stderr := a.execute(t, a.settings(t, goodKEK), append([]string{"keys", "wrap"}, c.args...)...)
			if code != c.code || stdout != "" || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit code %d, stdout %q, stderr %q; want %d, %q", code, stdout, stderr, c.code, c.want)
			}
		})
	}
}

// wrappedKEK is a wrapped key as the settings hold it; no vault can open it.
var wrappedKEK = "k2:" + vaultKey + "/0123456789abcdef0123456789abcdef#" + base64.RawURLEncoding.EncodeToString(make([]byte, 256))

func TestAWrappedKeyNeedsAnIdentityForTheVault(t *testing.T) {
	t.Parallel()
	complete := fileSettings("ISSUER_ENTRA_CLIENT_ID="+fakevault.ClientID, "ISSUER_ENTRA_CLIENT_SECRET=s3cret", "ISSUER_KEYS_ENCRYPTION_KEY="+wrappedKEK+","+goodKEK)
	for name, c := range map[string]struct {
		change []string
		want   string // "": the settings are right
	}{
		"by client secret":            {nil, ""},
		"by workload identity":        {[]string{"ISSUER_ENTRA_CLIENT_SECRET=", "AZURE_FEDERATED_TOKEN_FILE=/token"}, ""},
		"GUIDs in capitals":           {[]string{"ISSUER_ENTRA_CLIENT_ID=" + strings.ToUpper(fakevault.ClientID), "ISSUER_KEYVAULT_TENANT=" + strings.ToUpper(fakevault.TenantID)}, ""},
		"two tenants and the vault's": {[]string{"ISSUER_ENTRA_TENANTS=" + fakevault.TenantID + "," + faketenant.TenantID, "ISSUER_ADMIN_TENANTS=" + fakevault.TenantID, "ISSUER_KEYVAULT_TENANT=" + fakevault.TenantID}, ""},
		"no wrapped key, nothing":     {[]string{"ISSUER_ENTRA_CLIENT_ID=", "ISSUER_ENTRA_CLIENT_SECRET=", "ISSUER_KEYS_ENCRYPTION_KEY=" + goodKEK}, ""},
		"no client id":                {[]string{"ISSUER_ENTRA_CLIENT_ID="}, "ISSUER_ENTRA_CLIENT_ID is not set; it wants the client id"},
		"a client id by name":         {[]string{"ISSUER_ENTRA_CLIENT_ID=issuer"}, `ISSUER_ENTRA_CLIENT_ID is "issuer"; it wants`},
		"no credential":               {[]string{"ISSUER_ENTRA_CLIENT_SECRET="}, "has no way to know us: set ISSUER_ENTRA_CLIENT_SECRET, or AZURE_FEDERATED_TOKEN_FILE"},
		"two credentials":             {[]string{"AZURE_FEDERATED_TOKEN_FILE=/token"}, "are both set; keep one"},
		"two tenants":                 {[]string{"ISSUER_ENTRA_TENANTS=" + fakevault.TenantID + "," + faketenant.TenantID, "ISSUER_ADMIN_TENANTS=" + fakevault.TenantID}, "ISSUER_KEYVAULT_TENANT is not set; it wants the id"},
		"a tenant by name":            {[]string{"ISSUER_KEYVAULT_TENANT=contoso.com"}, `ISSUER_KEYVAULT_TENANT is "contoso.com"; it wants`},
		"an authority without TLS":    {[]string{"ISSUER_ENTRA_AUTHORITY=http://127.0.0.1:1"}, `ISSUER_ENTRA_AUTHORITY is "http://127.0.0.1:1", which does not do for Azure Key Vault`},
		"an item without a version":   {[]string{"ISSUER_KEYS_ENCRYPTION_KEY=k2:" + vaultKey + "#AAAA"}, `ISSUER_KEYS_ENCRYPTION_KEY: item "k2": the key's URL lacks the version`},
		"an item of no vault":         {[]string{"ISSUER_KEYS_ENCRYPTION_KEY=k2:https://example.com/keys/a#AAAA"}, `item "k2": the key's URL must name a vault`},
		"an id twice":                 {[]string{"ISSUER_KEYS_ENCRYPTION_KEY=" + wrappedKEK + "," + wrappedKEK}, "ISSUER_KEYS_ENCRYPTION_KEY is set to something else"},
	} {
		settings := slices.Concat(complete, c.change)
		s, err := load(settings, needService)
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err == nil && s.KeysEncryptionKey.anyWrapped() && s.KeyVaultTenant != fakevault.TenantID && s.KeyVaultTenant != faketenant.TenantID {
			t.Errorf("%s: the vault's tenant is %q", name, s.KeyVaultTenant)
		}
		if c.want != "" {
			if code, _, _ := execute(t, settings, "keys", "rotate"); code != exitUsage {
				t.Errorf("%s: exit code %d", name, code)
			}
		}
		if _, err := load(settings, needEntra); name == "no credential" && err != nil {
			t.Errorf("a command that opens no key wants a credential: %v", err)
		}
	}
}
