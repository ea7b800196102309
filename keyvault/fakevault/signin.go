package fakevault

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

// assertionType is RFC 7523 §2.2.
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// resources are what tokens are for, one to each kind of vault in each cloud.
var resources = []string{
	"https://vault.azure.net", "https://vault.azure.cn", "https://vault.usgovcloudapi.net",
	"https://managedhsm.azure.net", "https://managedhsm.azure.cn", "https://managedhsm.usgovcloudapi.net",
}

// resource is the one of the vault at a host. On loopback it speaks for
// Azure's public cloud.
func resource(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	for _, r := range resources {
		if strings.HasSuffix(host, "."+strings.TrimPrefix(r, "https://")) {
			return r
		}
	}
	return resources[0]
}

// authenticated tells whether the request has a token that is good here, and
// answers it if not.
func (v *Vault) authenticated(w http.ResponseWriter, r *http.Request) bool {
	wanted := resource(r.Host)
	text, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	v.mu.Lock()
	held := v.tokens[text]
	good := held != nil && !held.expired && held.resource == wanted
	message := "AKV10032: Invalid issuer."
	switch {
	case !bearer:
		v.calls.Challenges++
		message = "AKV10000: Request is missing a Bearer or PoP token."
	case held != nil && held.resource != wanted:
		message = "AKV10022: Invalid audience. Expected " + wanted + ", found: " + held.resource + "."
	case held != nil && held.expired:
		message = "[TokenExpired] Error validating token: 'S2S12086'."
	}
	v.mu.Unlock()
	if !good {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(
			`Bearer authorization="https://login.microsoftonline.com/%s", resource="%s"`, TenantID, wanted))
		refuse(w, http.StatusUnauthorized, "Unauthorized", message, "")
	}
	return good
}

// signIn serves the discovery documents and the tokens of a directory.
func (v *Vault) signIn() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /common/discovery/instance", instances)
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", discover)
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", v.hand)
	return mux
}

// instances vouches for the public cloud's hosts.
func instances(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"api-version": "1.1",
		"tenant_discovery_endpoint": "https://login.microsoftonline.com/" + TenantID +
			"/v2.0/.well-known/openid-configuration",
		"metadata": []map[string]any{{
			"preferred_network": "login.microsoftonline.com",
			"preferred_cache":   "login.windows.net",
			"aliases":           []string{"login.microsoftonline.com", "login.windows.net"},
		}},
	})
}

func discover(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("tenant") != TenantID {
		deny(w, http.StatusBadRequest, "invalid_tenant", 90002, "Tenant not found.")
		return
	}
	base := "https://" + r.Host + "/" + TenantID
	answer(w, http.StatusOK, map[string]any{
		"issuer":                                base + "/v2.0",
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"token_endpoint":                        base + "/oauth2/v2.0/token",
		"jwks_uri":                              base + "/discovery/v2.0/keys",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt"},
	})
}

// hand hands out a token, or says why not as Entra does.
func (v *Vault) hand(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	scope, found := wantedResource(r.PostFormValue("scope"))
	secret, assertion := r.PostFormValue("client_secret"), r.PostFormValue("client_assertion")
	switch {
	case r.PathValue("tenant") != TenantID:
		deny(w, http.StatusBadRequest, "invalid_tenant", 90002, "Tenant not found.")
	case r.PostFormValue("grant_type") != "client_credentials":
		deny(w, http.StatusBadRequest, "unsupported_grant_type", 70003, "The grant type is not supported.")
	case r.PostFormValue("client_id") != ClientID:
		deny(w, http.StatusBadRequest, "unauthorized_client", 700016, "Application was not found in the directory.")
	case !found:
		deny(w, http.StatusBadRequest, "invalid_scope", 70011, "The provided value for scope is not valid.")
	case secret != "" && secret != ClientSecret:
		deny(w, http.StatusUnauthorized, "invalid_client", 7000215, "Invalid client secret provided: "+secret)
	case secret == "" && r.PostFormValue("client_assertion_type") != assertionType:
		deny(w, http.StatusUnauthorized, "invalid_client", 7000216, "client_assertion or client_secret is required.")
	case secret == "" && assertion != FederatedToken:
		deny(w, http.StatusUnauthorized, "invalid_client", 700213, "No matching federated identity record: "+assertion)
	default:
		answer(w, http.StatusOK, map[string]any{
			"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": v.mint(scope),
		})
	}
}

// wantedResource reads a scope such as https://vault.azure.net/.default. The
// SDK adds OIDC's own scopes, which mean nothing here.
func wantedResource(scope string) (string, bool) {
	for one := range strings.FieldsSeq(scope) {
		if name, ok := strings.CutSuffix(one, "/.default"); ok && slices.Contains(resources, name) {
			return name, true
		}
	}
	return "", false
}

func (v *Vault) mint(scope string) string {
	text := "fake-token-" + rand.Text()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.calls.SignIns++
	v.tokens[text] = &token{resource: scope, expired: v.stale}
	return text
}

// deny writes an error as Entra does.
func deny(w http.ResponseWriter, status int, code string, number int, message string) {
	answer(w, status, map[string]any{
		"error":             code,
		"error_description": fmt.Sprintf("AADSTS%d: %s", number, message),
		"error_codes":       []int{number},
	})
}
