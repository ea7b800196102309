package keyvault_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant/rsatest"
	"github.com/hasura-issuer/hasura-issuer/keyvault"
	"github.com/hasura-issuer/hasura-issuer/keyvault/fakevault"
)

// secret is what is wrapped in every test, so that any error can be searched
// for it.
var secret = [32]byte([]byte("thirty-two bytes nobody may see!"))

// azure is where the fake is reached through its own client, which takes every
// host to be the fake. So the rules for real hosts hold.
const (
	azure     = "https://ring.vault.azure.net"
	authority = "https://login.microsoftonline.com"
)

// start runs a fake with one key named kek.
func start(t *testing.T) *fakevault.Vault {
	t.Helper()
	fake, err := fakevault.Start(rsatest.Lender(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	rotate(t, fake)
	return fake
}

func rotate(t *testing.T, fake *fakevault.Vault) string {
	t.Helper()
	id, err := fake.Rotate("kek")
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func bySecret(fake *fakevault.Vault) keyvault.Config {
	return keyvault.Config{
		Authority:    authority,
		TenantID:     fakevault.TenantID,
		ClientID:     fakevault.ClientID,
		ClientSecret: fakevault.ClientSecret,
		HTTPClient:   fake.Client(),
	}
}

func byFile(t *testing.T, fake *fakevault.Vault, token string) keyvault.Config {
	t.Helper()
	config := bySecret(fake)
	config.ClientSecret = ""
	config.FederatedTokenFile = filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(config.FederatedTokenFile, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	return config
}

func open(t *testing.T, config keyvault.Config) *keyvault.Vault {
	t.Helper()
	vault, err := keyvault.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return vault
}

func parseKey(t *testing.T, raw string) keyvault.Key {
	t.Helper()
	key, err := keyvault.ParseKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func wrap(t *testing.T, vault *keyvault.Vault, key string) keyvault.Wrapped {
	t.Helper()
	wrapped, err := vault.Wrap(t.Context(), parseKey(t, key), secret)
	if err != nil {
		t.Fatal(err)
	}
	return wrapped
}

// wrapHere wraps any bytes with the fake's public key, as an operator could.
func wrapHere(t *testing.T, fake *fakevault.Vault, version string, value []byte) keyvault.Wrapped {
	t.Helper()
	sealed, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, fake.PublicKey("kek", version), value, nil)
	if err != nil {
		t.Fatal(err)
	}
	text := azure + "/keys/kek/" + version + "#" + base64.RawURLEncoding.EncodeToString(sealed)
	wrapped, err := keyvault.ParseWrapped(text)
	if err != nil {
		t.Fatal(err)
	}
	return wrapped
}

func unwraps(t *testing.T, vault *keyvault.Vault, wrapped keyvault.Wrapped) {
	t.Helper()
	got, err := vault.Unwrap(t.Context(), wrapped)
	if err != nil {
		t.Fatal(err)
	}
	if got != secret {
		t.Error("another secret came back")
	}
}
