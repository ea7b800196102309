package api

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/rs/cors"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

// ownOrigin is the one of our own pages, in a browser's words (RFC 6454 §6.2): lower case, and no port where it goes
// without saying.
func ownOrigin(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return "none" // which no browser says
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	return scheme + "://" + strings.TrimSuffix(host, map[string]string{"https": ":443", "http": ":80"}[scheme])
}

// knownOrigin refuses what a page sends that has no business here. CORS alone keeps it from reading the answer, not from
// asking: a form goes to any site, and made-up tokens would count against everybody at the visitor's address. Browsers
// always say where a POST comes from; others need not.
func (a *API) knownOrigin(r *http.Request) error {
	origins := r.Header["Origin"]
	switch {
	case len(origins) == 0:
		return nil
	case len(origins) == 1 && slices.Contains(a.origins, origins[0]):
		return nil
	}
	return refuse(issuer.ReasonPolicyDenied, "the Origin header names no page that may ask: it is neither ours nor in ISSUER_CORS_ORIGINS")
}

// preflightAge is how long, in seconds, a browser need not ask again.
const preflightAge = 600

func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// exactOrigins lets browsers of the origins given read every answer, errors and wrong methods too, without credentials:
// a refusal that a page cannot read is a riddle. An origin matches byte for byte, so "*" matches none.
func exactOrigins(origins []string) corsPolicy {
	policy := cors.New(cors.Options{
		AllowOriginVaryRequestFunc: func(r *http.Request, origin string) (bool, []string) {
			return len(r.Header.Values("Origin")) == 1 && slices.Contains(origins, origin), nil
		},
		AllowedMethods: []string{
			http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		},
		AllowedHeaders: []string{"Authorization", "Content-Type", "Traceparent", "X-Request-Id"},
		ExposedHeaders: []string{"Retry-After", "WWW-Authenticate", "X-Request-Id"},
		MaxAge:         preflightAge,
	})
	return func(w http.ResponseWriter, r *http.Request) bool {
		policy.HandlerFunc(w, r)
		return isPreflight(r)
	}
}

// anyOrigin is for what the whole world may read. The header is there whoever asks, so that a cache in between may hand
// one answer to all.
func anyOrigin(w http.ResponseWriter, r *http.Request) bool {
	w.Header()["Access-Control-Allow-Origin"] = everybody
	if !isPreflight(r) {
		return false
	}
	w.Header().Set("Access-Control-Allow-Methods", "GET, HEAD")
	w.Header().Set("Access-Control-Allow-Headers", "*")
	w.Header().Set("Access-Control-Max-Age", strconv.Itoa(preflightAge))
	w.WriteHeader(http.StatusNoContent)
	return true
}

// noOrigin is for routes that are no business of a browser's.
func noOrigin(http.ResponseWriter, *http.Request) bool { return false }
