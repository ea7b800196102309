package keyvault_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/keyvault"
)

const version = "0123456789abcdef0123456789abcdef"

func TestParseKey(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		azure + "/keys/kek/" + version:                     "",
		azure + "/keys/kek":                                "",
		azure + "/keys/" + strings.Repeat("k", 127):        "",
		"https://r-1.managedhsm.azure.net/keys/kek":        "",
		"https://r.managedhsm.azure.cn/keys/kek":           "",
		"https://r.managedhsm.usgovcloudapi.net/keys/kek":  "",
		"https://r.vault.azure.cn/keys/kek":                "",
		"https://r.vault.usgovcloudapi.net/keys/kek":       "",
		"https://127.0.0.1:8443/keys/kek":                  "",
		"https://[::1]:8443/keys/kek":                      "",
		"https://localhost/keys/kek":                       "",
		"https://RING.Vault.Azure.NET/keys/Kek":            azure + "/keys/Kek",
		"https://ring.vault.azure.net:443/keys/kek":        azure + "/keys/kek",
		"HTTPS://ring.vault.azure.net/keys/kek/" + version: azure + "/keys/kek/" + version,
	} {
		if want == "" {
			want = raw
		}
		key, err := keyvault.ParseKey(raw)
		if err != nil || key.String() != want {
			t.Errorf("%s: got %s, %v; want %s", raw, key, err, want)
		}
	}
	key, err := keyvault.ParseKey(azure + "/keys/kek/" + version)
	if err != nil || key.Version() != version {
		t.Errorf("got version %q, %v", key.Version(), err)
	}
}

// hostile are URLs that must not be taken for a vault's key, and a word of why.
var hostile = map[string]string{
	"":                                     "https://",
	"kek":                                  "https://",
	"http://ring.vault.azure.net/keys/kek": "https://",
	"//ring.vault.azure.net/keys/kek":      "https://",
	"https:ring.vault.azure.net/keys/kek":  "https://",
	"https:///keys/kek":                    "https://",
	"file:///keys/kek":                     "https://",
	"http://127.0.0.1/keys/kek":            "https://",
	"https://user:word@ring.vault.azure.net/keys/kek": "user or password",
	"https://user@ring.vault.azure.net/keys/kek":      "user or password",
	"https://@ring.vault.azure.net/keys/kek":          "user or password",
	azure + "/keys/kek?api-version=1":                 "query or fragment",
	azure + "/keys/kek?":                              "query or fragment",
	azure + "/keys/kek#top":                           "query or fragment",
	azure + "/keys/kek#":                              "query or fragment",
	"https://evil-vault.azure.net/keys/kek":           "name a vault",
	"https://vault.azure.net/keys/kek":                "name a vault",
	"https://.vault.azure.net/keys/kek":               "name a vault",
	"https://a.b.vault.azure.net/keys/kek":            "name a vault",
	"https://-.vault.azure.net/keys/kek":              "name a vault",
	"https://ring.vault.azure.net.evil.com/keys/kek":  "name a vault",
	"https://ring.vault.azure.net./keys/kek":          "name a vault",
	"https://ring.vault.azure.com/keys/kek":           "name a vault",
	"https://ring.vault.azure.net:8443/keys/kek":      "name a vault",
	"https://ring.vault.azure.net:/keys/kek":          "name a vault",
	"https://ring.vault.azure.net:443:443/keys/kek":   "cannot be read",
	"https://rıng.vault.azure.net/keys/kek":           "name a vault",
	"https://ring%2evault.azure.net/keys/kek":         "cannot be read",
	"https://evil.com\\.vault.azure.net/keys/kek":     "cannot be read",
	"https://evil.com/.vault.azure.net/keys/kek":      "name a vault",
	"https://evil.com%2f.vault.azure.net/keys/kek":    "cannot be read",
	"https://localhost.evil.com/keys/kek":             "name a vault",
	"https://127.0.0.1.evil.com/keys/kek":             "name a vault",
	"https://10.0.0.1/keys/kek":                       "name a vault",
	"https://169.254.169.254/keys/kek":                "name a vault",
	"https://0.0.0.0/keys/kek":                        "name a vault",
	"https://[::1%25lo]/keys/kek":                     "name a vault",
	azure:                                             "/keys/KEY/VERSION",
	azure + "/":                                       "/keys/KEY/VERSION",
	azure + "/keys":                                   "/keys/KEY/VERSION",
	azure + "/secrets/kek":                            "/keys/KEY/VERSION",
	azure + "//keys/kek":                              "/keys/KEY/VERSION",
	azure + "/KEYS/kek":                               "/keys/KEY/VERSION",
	azure + "/keys/kek/" + version + "/":              "/keys/KEY/VERSION",
	azure + "/keys/kek/" + version + "/wrapkey":       "/keys/KEY/VERSION",
	azure + "/keys/../secrets/kek":                    "/keys/KEY/VERSION",
	azure + "/keys/":                                  "name must be",
	azure + "/keys/..":                                "name must be",
	azure + "/keys/../" + version:                     "name must be",
	azure + "/keys/%2e%2e":                            "name must be",
	azure + "/keys/a%2fb":                             "name must be",
	azure + "/keys/k_k":                               "name must be",
	azure + "/keys/" + strings.Repeat("k", 128):       "name must be",
	azure + "/keys/kek/":                              "version must be",
	azure + "/keys/kek/..":                            "version must be",
	azure + "/keys/kek/latest":                        "version must be",
	azure + "/keys/kek/" + version[1:]:                "version must be",
	azure + "/keys/kek/" + strings.ToUpper(version):   "version must be",
	azure + "/keys/kek\n":                             "cannot be read",
	azure + "/keys/kek\x00":                           "cannot be read",
	" " + azure + "/keys/kek":                         "cannot be read",
	azure + "/keys/" + strings.Repeat("k", 4096):      "longer than any",
}

func TestParseKeyRefusesTheHostile(t *testing.T) {
	t.Parallel()
	for raw, want := range hostile {
		key, err := keyvault.ParseKey(raw)
		if err == nil || key != (keyvault.Key{}) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, %v; want %q", raw, key, err, want)
			continue
		}
		if strings.Contains(err.Error(), "user:word") {
			t.Errorf("%q: the error repeats it: %v", raw, err)
		}
		// Nor does one get in as the key of a wrapped value.
		if _, err := keyvault.ParseWrapped(raw + "#" + modulus(256)); err == nil {
			t.Errorf("%q: taken in a wrapped key", raw)
		}
	}
}

// modulus is a wrapped value of some size, in base64url.
func modulus(size int) string { return base64.RawURLEncoding.EncodeToString(make([]byte, size)) }

func TestParseWrapped(t *testing.T) {
	t.Parallel()
	key := azure + "/keys/kek/" + version
	for _, size := range []int{256, 384, 512} {
		wrapped, err := keyvault.ParseWrapped(key + "#" + modulus(size))
		if err != nil || wrapped.String() != key+"#"+modulus(size) || wrapped.Key.String() != key {
			t.Errorf("%d bytes: got %s, %v", size, wrapped, err)
		}
	}
	good := modulus(256)
	for name, c := range map[string]struct{ raw, want string }{
		"nothing":               {"", "the key's URL, #, and"},
		"no bytes":              {key, "the key's URL, #, and"},
		"empty bytes":           {key + "#", "has 0 bytes"},
		"the bytes alone":       {good, "the key's URL, #, and"},
		"no URL":                {"#" + good, "https://"},
		"no version":            {azure + "/keys/kek#" + good, "lacks the version"},
		"two fragments":         {key + "#" + good + "#" + good, "not base64url"},
		"padding":               {key + "#" + good + "==", "not base64url"},
		"the other alphabet":    {key + "#" + strings.Repeat("+", 342), "not base64url"},
		"a line break":          {key + "#" + good + "\n", "not base64url"},
		"a line break within":   {key + "#" + good[:100] + "\r\n" + good[100:], "not base64url"},
		"a space":               {key + "#" + good + " ", "not base64url"},
		"bits after the end":    {key + "#" + good[:len(good)-1] + "B", "not base64url"},
		"one byte too few":      {key + "#" + modulus(255), "has 255 bytes"},
		"one byte too many":     {key + "#" + modulus(257), "has 257 bytes"},
		"a symmetric key's":     {key + "#" + modulus(40), "has 40 bytes"},
		"more than is possible": {key + "#" + modulus(4096), "longer than any"},
		"far more":              {key + "#" + strings.Repeat("A", 1<<20), "longer than any"},
	} {
		wrapped, err := keyvault.ParseWrapped(c.raw)
		if err == nil || wrapped != (keyvault.Wrapped{}) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, %v; want %q", name, wrapped, err, c.want)
		}
	}
}

// A value that is taken has one text, names a host of the kinds that are
// allowed, and holds nothing that a URL could hide.
func FuzzParseWrapped(f *testing.F) {
	f.Add(azure + "/keys/kek/" + version + "#" + modulus(256))
	f.Add("https://127.0.0.1:8443/keys/kek/" + version + "#" + modulus(512))
	for raw := range hostile {
		f.Add(raw + "#" + modulus(384))
	}
	f.Fuzz(func(t *testing.T, raw string) {
		wrapped, err := keyvault.ParseWrapped(raw)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\r\n") || len(err.Error()) > 200 {
				t.Errorf("not one sentence: %v", err)
			}
			return
		}
		text := wrapped.String()
		again, err := keyvault.ParseWrapped(text)
		if err != nil || again != wrapped || again.String() != text {
			t.Errorf("%q became %q, which reads as %v, %v", raw, text, again, err)
		}
		_, before, _ := strings.Cut(raw, "#")
		if _, after, _ := strings.Cut(text, "#"); before != after {
			t.Errorf("%q: other bytes: %q", raw, after)
		}
		if strings.ContainsAny(wrapped.Key.String(), "@?#%\\ ") || strings.Contains(wrapped.Key.String(), "..") {
			t.Errorf("%q: taken as %s", raw, wrapped.Key)
		}
	})
}
