package keyvault_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keyvault"
	"github.com/hasura-issuer/hasura-issuer/keyvault/fakevault"
)

// scene is a vault that worked a moment ago, and what was wrapped then.
type scene struct {
	fake    *fakevault.Vault
	config  keyvault.Config
	wrapped keyvault.Wrapped
}

// refusals are all sentences but those of hostile answers. Each is asked of both
// operations, whose name stands for OPERATION.
var refusals = map[string]struct {
	trouble func(t *testing.T, s *scene)
	want    string // what the sentence says, after the key's URL
	again   bool   // whether it is worth trying again
	only    string // the one operation that it concerns
}{
	"the identity has no permission": {
		trouble: func(_ *testing.T, s *scene) { s.fake.Deny("wrapkey"); s.fake.Deny("unwrapkey") },
		want:    "may not OPERATION with it; grant it the role Key Vault Crypto User",
	},
	"the identity has no permission in a managed HSM": {
		trouble: func(_ *testing.T, s *scene) {
			s.fake.Deny("wrapkey")
			s.fake.Deny("unwrapkey")
			s.move("https://ring.managedhsm.azure.net")
		},
		want: "grant it the role Managed HSM Crypto User",
	},
	"the version is disabled": {
		trouble: func(_ *testing.T, s *scene) { s.fake.Disable("kek", s.wrapped.Key.Version()) },
		want:    "this version of the key is disabled; enable it",
		only:    "unwrapKey",
	},
	"the key was deleted": {
		trouble: func(_ *testing.T, s *scene) { s.fake.Delete("kek") },
		want:    "the vault has no such key or version",
	},
	"the version is of another vault's key": {
		trouble: func(t *testing.T, s *scene) { t.Helper(); s.fake.Delete("kek"); rotate(t, s.fake) },
		want:    "the vault has no such key or version",
	},
	"the wrapped bytes are another key's": {
		trouble: func(t *testing.T, s *scene) {
			t.Helper()
			_, bytes, _ := strings.Cut(s.wrapped.String(), "#")
			s.reparse(azure + "/keys/kek/" + rotate(t, s.fake) + "#" + bytes)
		},
		want: "the vault cannot unwrap it; it was altered, or wrapped with another key",
		only: "unwrapKey",
	},
	"16 bytes were wrapped": {
		trouble: func(t *testing.T, s *scene) {
			t.Helper()
			s.wrapped = wrapHere(t, s.fake, s.wrapped.Key.Version(), secret[:16])
		},
		want: "unwrapped is not 32 bytes but 16",
		only: "unwrapKey",
	},
	"33 bytes were wrapped": {
		trouble: func(t *testing.T, s *scene) {
			t.Helper()
			s.wrapped = wrapHere(t, s.fake, s.wrapped.Key.Version(), append(secret[:], '!'))
		},
		want: "unwrapped is not 32 bytes but 33",
		only: "unwrapKey",
	},
	"too many ask": {
		trouble: func(_ *testing.T, s *scene) { s.fake.Throttle(true) },
		want:    "the vault answered 429; try again later",
		again:   true,
	},
	"everything is down": {
		trouble: func(_ *testing.T, s *scene) { s.fake.Down(true) },
		want:    "the vault broke the connection off; check the network",
		again:   true,
	},
	"nothing listens": {
		trouble: func(_ *testing.T, s *scene) { s.fake.Close() },
		want:    "the vault cannot be reached (dial tcp 127.0.0.1:",
		again:   true,
	},
	"the certificate is not trusted": {
		trouble: func(_ *testing.T, s *scene) {
			s.config.HTTPClient = nil
			s.config.Authority = s.fake.URL()
			s.move(s.fake.URL())
		},
		want: "the vault shows a certificate that is not trusted (it is signed by an authority that this machine does not know)",
	},
	"the certificate is another host's": {
		trouble: func(t *testing.T, s *scene) { t.Helper(); s.config.HTTPClient = meet(t, certificate(time.Now())) },
		want:    "the vault shows a certificate that is not trusted (it is for another host)",
	},
	"the certificate is expired": {
		trouble: func(t *testing.T, s *scene) {
			t.Helper()
			s.config.HTTPClient = meet(t, certificate(time.Now().AddDate(-1, 0, 0), "*.vault.azure.net"))
		},
		want: "the vault shows a certificate that is not trusted (it is expired or not yet valid)",
	},
	"the vault is a stand-in and the authority is not": {
		trouble: func(_ *testing.T, s *scene) { s.move(s.fake.URL()) },
		want:    "a stand-in, which gets no token of " + authority,
	},
	"the client secret is wrong": {
		trouble: func(_ *testing.T, s *scene) { s.config.ClientSecret = "wrong" + fakevault.ClientSecret },
		want:    "was refused (AADSTS7000215); check the tenant id, the client id, and that the client secret",
	},
	"the client secret is wrong at a stand-in": {
		trouble: func(_ *testing.T, s *scene) {
			s.config.ClientSecret = "wrong" + fakevault.ClientSecret
			s.config.Authority = s.fake.URL()
			s.move(s.fake.URL())
		},
		want: "was refused (AADSTS7000215)",
	},
	"the client id is unknown": {
		trouble: func(_ *testing.T, s *scene) { s.config.ClientID = fakevault.TenantID },
		want:    "was refused (AADSTS700016)",
	},
	"the tenant is not the vault's": {
		trouble: func(_ *testing.T, s *scene) { s.config.TenantID = fakevault.ClientID },
		want:    "the vault trusts another tenant than " + fakevault.ClientID,
	},
	"no federated credential matches": {
		trouble: func(t *testing.T, s *scene) {
			t.Helper()
			s.config = byFile(t, s.fake, "other"+fakevault.FederatedToken)
		},
		want: "was refused (AADSTS700213); check the tenant id, the client id, and that the identity has a federated",
	},
	"the token file is missing": {
		trouble: func(t *testing.T, s *scene) {
			t.Helper()
			s.config = byFile(t, s.fake, "")
			s.config.FederatedTokenFile = filepath.Join(filepath.Dir(s.config.FederatedTokenFile), "absent")
		},
		want: "cannot be read or holds no token",
	},
	"the token file is empty": {
		trouble: func(t *testing.T, s *scene) { t.Helper(); s.config = byFile(t, s.fake, "\n") },
		want:    "cannot be read or holds no token",
	},
	"the token file is a picture": {
		trouble: func(t *testing.T, s *scene) {
			t.Helper()
			s.config = byFile(t, s.fake, strings.Repeat("x", 40<<10))
		},
		want: "cannot be read or holds no token",
	},
	"the token is refused": {
		trouble: func(_ *testing.T, s *scene) { s.fake.Expire(true) },
		want:    "the vault does not accept the token",
	},
	"the sign-in is down": {
		trouble: func(_ *testing.T, s *scene) {
			s.fake.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
				if strings.HasPrefix(r.URL.Path, "/keys/") {
					return false
				}
				http.Error(w, "busy", http.StatusServiceUnavailable)
				return true
			})
		},
		want:  "at " + authority + ": it answered 503; try again later",
		again: true,
	},
	"the sign-in breaks off": {
		trouble: func(_ *testing.T, s *scene) {
			s.fake.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
				if strings.HasSuffix(r.URL.Path, "/token") {
					panic(http.ErrAbortHandler)
				}
				return false
			})
		},
		want:  "the sign-in at " + authority + " broke the connection off",
		again: true,
	},
	"the firewall refuses": {
		trouble: func(_ *testing.T, s *scene) { s.answer(403, forbidden("ForbiddenByFirewall")) },
		want:    "the vault's firewall refuses this address",
	},
	"the key is not for wrapping": {
		trouble: func(_ *testing.T, s *scene) { s.answer(403, forbidden("KeyOperationForbidden")) },
		want:    "add OPERATION to the key's permitted operations",
	},
	"the version is not yet valid": {
		trouble: func(_ *testing.T, s *scene) { s.answer(403, forbidden("KeyNotYetValid")) },
		want:    "check its activation and expiry dates",
	},
	"the key is an EC key": {
		trouble: func(_ *testing.T, s *scene) { s.answer(400, `{"error":{"code":"BadParameter"}}`) },
		want:    "the key must be an RSA key, for RSA-OAEP-256",
		only:    "wrapKey",
	},
	"the vault has an inner error": {
		trouble: func(_ *testing.T, s *scene) { s.answer(500, `{"error":{"code":"InternalServerError"}}`) },
		want:    "the vault answered 500; try again later",
		again:   true,
	},
}
