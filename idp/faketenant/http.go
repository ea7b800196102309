package faketenant

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	cloudName      = "microsoftonline.com"
	otherCloudName = "microsoftonline.us"
	anyTenant      = "{tenantid}" // stands for the tenant in documents for all tenants, with the braces
	keepable       = "max-age=86400, private"
)

func (t *Tenant) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{tid}/v2.0/.well-known/openid-configuration", t.ofTenant(t.discoveryV2))
	mux.HandleFunc("GET /{tid}/.well-known/openid-configuration", t.ofTenant(t.discoveryV1))
	mux.HandleFunc("GET /{tid}/discovery/v2.0/keys", t.ofTenant(t.keysV2))
	mux.HandleFunc("GET /{tid}/discovery/keys", t.ofTenant(t.keysV1))
	mux.HandleFunc("GET /personas", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, "no-store", t.Personas())
	})
	mux.HandleFunc("GET /personas/{name}/token", t.personaToken)
	return mux
}

// ServeHTTP answers discovery documents and key sets of both versions for the known directories, "common" and
// "organizations", with or without ?appid=; the personas at /personas (JSON) and their tokens at
// /personas/{name}/token (text/plain).
func (t *Tenant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	t.hits[r.URL.Path]++
	intercept := t.intercept
	t.mu.Unlock()
	if intercept != nil && intercept(w, r) {
		return
	}
	t.mux.ServeHTTP(w, r)
}

// ofTenant answers 400 with AADSTS90002, as Entra does, unless the path's tenant is known. What answer returns is
// written as JSON.
func (t *Tenant) ofTenant(answer func(segment, tid, query string) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*") // as Entra: pages read its documents
		segment := r.PathValue("tid")
		tid := strings.ToLower(segment)
		if tid == "common" || tid == "organizations" {
			tid = anyTenant
		} else if !slices.Contains(t.tenantIDs, tid) {
			write(w, http.StatusBadRequest, "no-store", t.tenantUnknown(segment))
			return
		}
		query := ""
		if app := r.URL.Query().Get("appid"); app != "" {
			query = "?appid=" + url.QueryEscape(app)
		}
		write(w, http.StatusOK, keepable, answer(segment, tid, query))
	}
}

func (t *Tenant) keysV2(_, tid, _ string) any { return map[string]any{"keys": t.keySet(tid)} }

// keysV1 has the same keys, without saying whose they are.
func (t *Tenant) keysV1(_, tid, _ string) any {
	set := t.keySet(tid)
	for i := range set {
		set[i].Cloud, set[i].Issuer = "", ""
	}
	return map[string]any{"keys": set}
}

func (t *Tenant) personaToken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	token, err := t.Token(r.PathValue("name"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	_, _ = w.Write([]byte(token)) //nolint:gosec // G705: a token we signed, as text/plain
}

func (t *Tenant) tenantUnknown(segment string) map[string]any {
	trace, correlation, at := guid(), guid(), t.now().UTC().Format("2006-01-02 15:04:05Z")
	return map[string]any{
		"error": "invalid_tenant",
		"error_description": fmt.Sprintf("AADSTS90002: Tenant '%s' not found. Check to make sure you have the correct "+
			"tenant ID and are signing into the correct cloud. Trace ID: %s Correlation ID: %s Timestamp: %s",
			segment, trace, correlation, at),
		"error_codes": []int{90002}, "timestamp": at, "trace_id": trace, "correlation_id": correlation,
		"error_uri": t.base() + "/error?code=90002",
	}
}

func write(w http.ResponseWriter, status int, cacheControl string, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", cacheControl)
	w.WriteHeader(status)
	_, _ = w.Write(mustJSON(body))
}
