package faketenant

import (
	"net/http"
	"net/url"
)

// setSession remembers who signed in, for silent requests; an empty name forgets it. Over TLS the cookie works in the
// hidden frames of MSAL.js, too.
func setSession(w http.ResponseWriter, r *http.Request, name string) {
	cookie := &http.Cookie{Name: sessionCookie, Value: name, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if r.TLS != nil {
		cookie.Secure, cookie.SameSite = true, http.SameSiteNoneMode
	}
	if name == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
}

// logout forgets who signed in and sends the person on, if the address is on loopback or one of an app's (OpenID Connect
// RP-Initiated Logout 1.0).
func (t *Tenant) logout(w http.ResponseWriter, r *http.Request) {
	setSession(w, r, "")
	query := r.URL.Query()
	target, err := url.Parse(query.Get("post_logout_redirect_uri"))
	if err != nil || !t.registry.mayRedirect(target.String()) {
		t.signedOutPage(w)
		return
	}
	if state := query.Get("state"); state != "" {
		values := target.Query()
		values.Set("state", state)
		target.RawQuery = values.Encode()
	}
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.Header().Set("Location", target.String())
	w.WriteHeader(http.StatusFound)
}

// mayRedirect reports whether any app may redirect there.
func (r *registry) mayRedirect(uri string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, app := range r.apps {
		if app.mayRedirect(uri) {
			return true
		}
	}
	return false
}
