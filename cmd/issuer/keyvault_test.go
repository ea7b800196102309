package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant/rsatest"
	"github.com/hasura-issuer/hasura-issuer/keyvault/fakevault"
)

const (
	authority = "https://login.microsoftonline.com"
	vaultKey  = "https://ring.vault.azure.net/keys/kek"
)

// azure is Entra and a key vault over TLS, under their real names.
type azure struct {
	vault  *fakevault.Vault
	tenant *faketenant.Tenant
	away   *atomic.Bool // the vault alone breaks every connection
	dir    string       // of this test's files
}

func newAzure(t *testing.T) azure {
	t.Helper()
	vault, err := fakevault.Start(rsatest.Lender(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(vault.Close)
	tenant, err := faketenant.New(faketenant.Options{Key: rsatest.Lender(t)})
	if err != nil {
		t.Fatal(err)
	}
	tenant.SetAuthority(authority)
	a := azure{vault, tenant, &atomic.Bool{}, t.TempDir()}
	vault.Intercept(a.serve)
	a.rotate(t)
	return a
}

// serve answers for the tenant of those who call us; the vault's identity lives in another one.
func (a azure) serve(w http.ResponseWriter, r *http.Request) bool {
	if strings.HasPrefix(r.URL.Path, "/keys/") && a.away.Load() {
		panic(http.ErrAbortHandler)
	}
	if !strings.HasPrefix(r.URL.Path, "/"+faketenant.TenantID) {
		return false
	}
	a.tenant.ServeHTTP(w, r)
	return true
}

// rotate makes a new version of the vault's key and returns its URL.
func (a azure) rotate(t *testing.T) string {
	t.Helper()
	id, err := a.vault.Rotate("kek")
	if err != nil {
		t.Fatal(err)
	}
	return vaultKey + "/" + id
}

// settings are those of a service with a sealed keys file, that signs in at the vault by a client secret. Later pairs win.
func (a azure) settings(t *testing.T, keks string, more ...string) []string {
	t.Helper()
	own := []string{
		"ISSUER_ROLES_FILE=" + rolesFile(t), "ISSUER_KEYS_FILE=" + a.keysFile(), "ISSUER_KEYS_ENCRYPTION_KEY=" + keks,
		"ISSUER_ENTRA_CLIENT_ID=" + fakevault.ClientID, "ISSUER_ENTRA_CLIENT_SECRET=" + fakevault.ClientSecret,
		"ISSUER_KEYVAULT_TENANT=" + fakevault.TenantID,
	}
	return environ(authority, append(own, more...)...)
}

func (a azure) keysFile() string { return filepath.Join(a.dir, "keys.json") }

// byWorkload are the settings of a workload identity in place of the client secret.
func (a azure) byWorkload(t *testing.T) []string {
	t.Helper()
	file := filepath.Join(a.dir, "token")
	if err := os.WriteFile(file, []byte(fakevault.FederatedToken), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"ISSUER_ENTRA_CLIENT_SECRET=", "AZURE_FEDERATED_TOKEN_FILE=" + file}
}

// execute runs the program to its end; what it prints shows no secret.
func (a azure) execute(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	p := program{environ: environ, stdin: strings.NewReader(""), stdout: &out, stderr: &errs, azure: a.vault.Client()}
	code = p.run(t.Context(), args)
	noSecrets(t, out.String()+errs.String())
	return code, out.String(), errs.String()
}

// run is execute for a program that must not fail; it returns what it printed.
func (a azure) run(t *testing.T, environ []string, args ...string) string {
	t.Helper()
	code, stdout, stderr := a.execute(t, environ, args...)
	if code != exitDone {
		t.Fatalf("issuer %v: exit code %d: %s", args, code, stderr)
	}
	return stdout
}

// wrap has the program make a key-encryption key, and returns the item for the settings.
func (a azure) wrap(t *testing.T, key, id string) string {
	t.Helper()
	return strings.TrimSuffix(a.run(t, a.settings(t, ""), "keys", "wrap", key, "--id", id), "\n")
}

func (a azure) serveCold(t *testing.T, environ []string) served {
	t.Helper()
	s := listening(t, startProgram(t, program{environ: environ, azure: a.vault.Client()}, "serve"))
	t.Cleanup(func() { noSecrets(t, s.stdout.String()+s.stderr.String()) })
	return s
}

func noSecrets(t *testing.T, text string) {
	t.Helper()
	for _, hidden := range []string{fakevault.ClientSecret, fakevault.FederatedToken, "fake-token-"} {
		if strings.Contains(text, hidden) {
			t.Errorf("a secret is shown:\n%s", text)
		}
	}
}

func (a azure) grants(t *testing.T, s served) {
	t.Helper()
	if got := s.exchange(t, personaToken(t, a.tenant, "reader")); got.Status != http.StatusOK {
		t.Errorf("an exchange was answered %d %s", got.Status, got.Reason)
	}
}

func TestTheVaultIsAskedOnceAtStart(t *testing.T) {
	t.Parallel()
	for name, workload := range map[string]bool{"by client secret": false, "by workload identity": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAzure(t)
			var more []string
			if workload {
				more = a.byWorkload(t)
			}
			settings := a.settings(t, a.wrap(t, vaultKey, "k1"), more...)
			before := a.vault.Calls()
			s := a.serveCold(t, settings)
			s.awaitReady(t)
			for range 3 {
				a.grants(t, s)
			}
			_, set := s.get(t, "/.well-known/jwks.json")
			s.end()
			if strings.Contains(s.stderr.String(), `"warn"`) {
				t.Errorf("a start that goes well warns:\n%s", s.stderr)
			}
			if got := a.vault.Calls(); got.Unwraps != before.Unwraps+1 || got.SignIns != before.SignIns+1 {
				t.Errorf("the vault was asked more than once: %+v after %+v", got, before)
			}
			again := a.serveCold(t, settings)
			again.awaitReady(t)
			if _, after := again.get(t, "/.well-known/jwks.json"); !bytes.Equal(set, after) {
				t.Error("the key set changed over a restart")
			}
		})
	}
}

func TestServeStartsWithoutTheVaultAndRecovers(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	item := a.wrap(t, vaultKey, "k7")
	a.away.Store(true)
	s := a.serveCold(t, a.settings(t, item))
	s.stderr.await(t, `key-encryption key \"k7\": unwrapKey with `+vaultKey, s.ended)
	s.stderr.await(t, "the vault broke the connection off; check the network and try again", s.ended)
	s.awaitEntra(t)
	got := s.exchange(t, personaToken(t, a.tenant, "reader"))
	if got.Status != http.StatusServiceUnavailable || got.Reason != "keys_unavailable" || got.RetryAfter == "" {
		t.Errorf("without the vault: %d %s, Retry-After %q", got.Status, got.Reason, got.RetryAfter)
	}
	response, body := s.get(t, "/readyz")
	if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), `"keyvault":"does not work at the moment`) {
		t.Errorf("/readyz without the vault: %s %s", response.Status, body)
	}
	a.away.Store(false)
	s.awaitReady(t)
	a.grants(t, s)
	if _, body := s.get(t, "/readyz"); !strings.Contains(string(body), `"keyvault":"ok"`) {
		t.Errorf("/readyz with the vault back: %s", body)
	}
	if code := s.end(); code != exitDone {
		t.Errorf("exit code %d", code)
	}
}

// Where only a person can help, every command says how, names the id, and leaves the ring as it is.
func TestAKeyEncryptionKeyThatTheVaultDoesNotGive(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		trouble func(t *testing.T, a azure, item string) string
		want    string
	}{
		"the identity may not unwrap": {func(_ *testing.T, a azure, item string) string { a.vault.Deny("unwrapkey"); return item }, "grant it the role Key Vault Crypto User"},
		"the version is disabled":     {func(_ *testing.T, a azure, item string) string { a.vault.Disable("kek", ""); return item }, "this version of the key is disabled"},
		"the key was deleted":         {func(_ *testing.T, a azure, item string) string { a.vault.Delete("kek"); return item }, "the vault has no such key or version"},
		"the bytes are another version's": {func(t *testing.T, a azure, item string) string {
			_, wrapped, _ := strings.Cut(item, "#")
			return "k1:" + a.rotate(t) + "#" + wrapped
		}, "wrapped with another key, version or algorithm"},
		"another key bears the id":         {func(t *testing.T, a azure, _ string) string { return a.wrap(t, vaultKey, "k1") }, "is not the one it was written with"},
		"the id is gone from the settings": {func(t *testing.T, a azure, _ string) string { return a.wrap(t, vaultKey, "k2") }, "not among those set"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAzure(t)
			item := a.wrap(t, vaultKey, "k1")
			a.run(t, a.settings(t, item), "keys", "rotate")
			ring, err := os.ReadFile(a.keysFile())
			if err != nil {
				t.Fatal(err)
			}
			settings := a.settings(t, c.trouble(t, a, item))
			for _, args := range [][]string{{"keys", "rotate"}, {"keys", "reseal"}, {"keys", "rotate", "--now"}} {
				code, stdout, stderr := a.execute(t, settings, args...)
				if code != exitFailed || stdout != "" || strings.Count(stderr, "\n") != 1 ||
					!strings.Contains(stderr, `key-encryption key "k1"`) || !strings.Contains(stderr, c.want) {
					t.Errorf("%v: exit code %d, stdout %q, stderr %q, want %q", args, code, stdout, stderr, c.want)
				}
			}
			s := a.serveCold(t, settings)
			s.stderr.await(t, c.want, s.ended)
			s.awaitEntra(t)
			if got := s.exchange(t, personaToken(t, a.tenant, "reader")); got.Reason != "keys_unavailable" {
				t.Errorf("serve answers %d %s", got.Status, got.Reason)
			}
			s.end()
			if after, err := os.ReadFile(a.keysFile()); err != nil || !bytes.Equal(ring, after) {
				t.Errorf("the ring was changed (%v)", err)
			}
		})
	}
}

// A key that was rotated away, and that no row needs any more, takes nothing down when the vault does not give it.
func TestAKeyEncryptionKeyMovesFromTheSettingsIntoTheVaultAndOn(t *testing.T) {
	t.Parallel()
	a := newAzure(t)
	first := a.wrap(t, vaultKey, "k2")
	version := strings.TrimPrefix(first[:strings.Index(first, "#")], "k2:"+vaultKey+"/")
	second := a.wrap(t, a.rotate(t), "k3")
	a.run(t, a.settings(t, goodKEK), "keys", "rotate")
	a.run(t, a.settings(t, first+","+goodKEK), "keys", "reseal")
	a.run(t, a.settings(t, second+","+first), "keys", "reseal")

	a.vault.Disable("kek", version)
	a.run(t, a.settings(t, second+","+first), "keys", "rotate")
	s := a.serveCold(t, a.settings(t, second+","+first))
	s.stderr.await(t, `key-encryption key \"k2\": unwrapKey with `, s.ended)
	s.awaitStatus(t, "/readyz", http.StatusOK)
	s.awaitStatus(t, "/readyz?full", http.StatusServiceUnavailable)
	s.awaitEntra(t)
	a.grants(t, s)
	s.end()
	again := a.serveCold(t, a.settings(t, second))
	again.awaitReady(t)
}
