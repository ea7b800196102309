package faketenant

import (
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
	mux.HandleFunc("GET "+instancePath, t.instance)
	mux.Handle("/{tid}/oauth2/v2.0/token", tokenCORS(http.HandlerFunc(t.token)))
	mux.HandleFunc("/{tid}/oauth2/v2.0/devicecode", t.deviceAuthorization)
	mux.HandleFunc("GET "+devicePath, t.devicePage)
	mux.HandleFunc("GET /{tid}/oauth2/v2.0/authorize", t.authorize)
	mux.HandleFunc("GET /{tid}/oauth2/v2.0/logout", t.logout)
	mux.Handle("/graph/v1.0/", t.graphRoutes("/graph"))
	mux.HandleFunc("GET /personas", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, "no-store", t.Personas())
	})
	mux.HandleFunc("GET /personas/{name}/token", t.personaToken)
	return mux
}

// ServeHTTP answers what Entra's sign-in service does (discovery documents and key sets of both versions for the known
// directories, "common" and "organizations", with or without ?appid=; the instances of the cloud; the endpoints that sign
// people in and out and give tokens), Graph below /graph/v1.0, the personas at /personas (JSON) and their tokens at /personas/{name}/token (text/plain).
func (t *Tenant) ServeHTTP(w http.ResponseWriter, r *http.Request) { t.front(t.mux).ServeHTTP(w, r) }

// front counts a request and lets the interception have it first.
func (t *Tenant) front(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t.mu.Lock()
		t.hits[r.URL.Path]++
		intercept, date := t.intercept, t.now().Add(t.dateOffset)
		t.mu.Unlock()
		w.Header().Set("Date", date.UTC().Format(http.TimeFormat))
		if intercept != nil && intercept(w, r) {
			return
		}
		t.brave(w, r, next)
	})
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
			unknown := tenantNotFound.because(segment)
			unknown.oauth = "invalid_tenant" // the token endpoint says invalid_request
			t.refuse(w, r, unknown)
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

func write(w http.ResponseWriter, status int, cacheControl string, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", cacheControl)
	w.WriteHeader(status)
	_, _ = w.Write(mustJSON(body)) //nolint:gosec // G705: JSON, and says so
}
