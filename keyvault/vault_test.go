package keyvault_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/keyvault"
	"github.com/hasura-issuer/hasura-issuer/keyvault/fakevault"
)

func TestWhatIsWrappedComesBackThroughTheSettings(t *testing.T) {
	t.Parallel()
	fake := start(t)
	loopback := bySecret(fake)
	loopback.Authority = fake.URL()
	for name, c := range map[string]struct {
		config keyvault.Config
		key    string
	}{
		"by client secret":                     {bySecret(fake), azure + "/keys/kek"},
		"by workload identity":                 {byFile(t, fake, fakevault.FederatedToken+"\n"), azure + "/keys/kek"},
		"with a managed HSM":                   {bySecret(fake), "https://ring.managedhsm.azure.net/keys/kek"},
		"in the cloud of China":                {bySecret(fake), "https://ring.vault.azure.cn/keys/kek"},
		"in the cloud of the US government":    {bySecret(fake), "https://ring.vault.usgovcloudapi.net/keys/kek"},
		"with a vault and sign-in on loopback": {loopback, fake.URL() + "/keys/kek"},
		"with an authority that ends in a slash": {
			func() keyvault.Config { c := bySecret(fake); c.Authority += "/"; return c }(), azure + "/keys/kek",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			vault := open(t, c.config)
			wrapped := wrap(t, vault, c.key)
			if wrapped.Key.Version() == "" || !strings.HasPrefix(wrapped.String(), c.key+"/") {
				t.Errorf("wrapped by %s, want a version of %s", wrapped.Key, c.key)
			}
			again, err := keyvault.ParseWrapped(wrapped.String())
			if err != nil || again != wrapped {
				t.Fatalf("the text of %s does not read back: %v", wrapped.Key, err)
			}
			unwraps(t, vault, again)
		})
	}
}

func TestAStandInIsAskedAlone(t *testing.T) {
	t.Parallel()
	fake := start(t)
	bySecret, byFile := bySecret(fake), byFile(t, fake, fakevault.FederatedToken)
	for name, config := range map[string]keyvault.Config{"by client secret": bySecret, "by workload identity": byFile} {
		fake.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
			if "https://"+r.Host != fake.URL() {
				t.Errorf("%s: %s was asked for %s", name, r.Host, r.URL.Path)
			}
			return false
		})
		config.Authority = fake.URL()
		vault := open(t, config)
		unwraps(t, vault, wrap(t, vault, fake.URL()+"/keys/kek"))
	}
}

func TestUnwrapCostsOneKeyOperation(t *testing.T) {
	t.Parallel()
	fake := start(t)
	vault := open(t, bySecret(fake))
	wrapped := wrap(t, vault, azure+"/keys/kek")
	unwraps(t, vault, wrapped)
	unwraps(t, vault, wrapped)
	got := fake.Calls()
	// Each call is five requests: challenge, two documents, sign-in, operation.
	want := fakevault.Calls{Challenges: 3, SignIns: 3, Wraps: 1, Unwraps: 2, Requests: 15}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestARotatedKeyStillUnwrapsWhatItsOldVersionWrapped(t *testing.T) {
	t.Parallel()
	fake := start(t)
	vault := open(t, bySecret(fake))
	before := wrap(t, vault, azure+"/keys/kek")
	current := rotate(t, fake)
	unwraps(t, vault, before)
	after := wrap(t, vault, azure+"/keys/kek")
	if after.Key.Version() != current {
		t.Errorf("wrapped with %s, want the version %s", after.Key, current)
	}
	if pinned := wrap(t, vault, before.Key.String()); pinned.Key != before.Key {
		t.Errorf("wrapped with %s, want the version that was asked for", pinned.Key)
	}
}

func TestTheTokenFileIsReadAnew(t *testing.T) {
	t.Parallel()
	fake := start(t)
	config := byFile(t, fake, "not yet the right one")
	vault := open(t, config)
	key := parseKey(t, azure+"/keys/kek")
	if _, err := vault.Wrap(t.Context(), key, secret); err == nil {
		t.Fatal("a wrong token was taken")
	}
	if err := os.WriteFile(config.FederatedTokenFile, []byte(fakevault.FederatedToken), 0o600); err != nil {
		t.Fatal(err)
	}
	unwraps(t, vault, wrap(t, vault, key.String()))
}

func TestAVaultMayBeAskedConcurrently(t *testing.T) {
	t.Parallel()
	fake := start(t)
	vault := open(t, bySecret(fake))
	wrapped := wrap(t, vault, azure+"/keys/kek")
	failed := make(chan error, 4)
	for range cap(failed) {
		go func() {
			got, err := vault.Unwrap(context.Background(), wrapped)
			if err == nil && got != secret {
				err = errors.New("another secret came back")
			}
			failed <- err
		}()
	}
	for range cap(failed) {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
}

func TestNothingIsAskedForAZeroValue(t *testing.T) {
	t.Parallel()
	fake := start(t)
	vault := open(t, bySecret(fake))
	if _, err := vault.Wrap(t.Context(), keyvault.Key{}, secret); err == nil {
		t.Error("wrapped with no key")
	}
	if _, err := vault.Unwrap(t.Context(), keyvault.Wrapped{}); err == nil {
		t.Error("unwrapped nothing")
	}
	if _, err := vault.Unwrap(t.Context(), keyvault.Wrapped{Key: parseKey(t, azure+"/keys/kek")}); err == nil {
		t.Error("unwrapped nothing with a key")
	}
	if got := fake.Calls().Requests; got != 0 {
		t.Errorf("%d requests were sent", got)
	}
}
