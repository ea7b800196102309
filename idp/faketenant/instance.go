package faketenant

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const instancePath = "/common/discovery/instance"

// globalHosts are the names of the global cloud, which are aliases of each other.
var globalHosts = []string{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"}

// instance tells to which cloud an authorization endpoint belongs, which MSAL asks before it trusts a host. It knows the
// global cloud, and the tenant's own host for a cloud of one.
func (t *Tenant) instance(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	asked, err := url.Parse(r.URL.Query().Get("authorization_endpoint"))
	own, _ := url.Parse(t.base())
	var metadata []any
	switch {
	case err != nil || asked.Host == "":
		t.refuse(w, r, instanceUnknown)
		return
	case slices.Contains(globalHosts, asked.Host):
		metadata = append(metadata, map[string]any{"preferred_network": globalHosts[0], "preferred_cache": globalHosts[1], "aliases": globalHosts})
	case asked.Host != own.Host:
		t.refuse(w, r, instanceUnknown)
		return
	}
	if !slices.Contains(globalHosts, own.Host) {
		metadata = append(metadata, map[string]any{"preferred_network": own.Host, "preferred_cache": own.Host, "aliases": []string{own.Host}})
	}
	segment, _, _ := strings.Cut(strings.TrimPrefix(asked.Path, "/"), "/")
	if segment == "" {
		segment = "common"
	}
	write(w, http.StatusOK, keepable, map[string]any{
		"tenant_discovery_endpoint": t.base() + "/" + segment + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata":                  metadata,
	})
}
