package faketenant

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const sessionCookie = "faketenant_session"

// authorizeRequest is a request to the authorization endpoint whose redirect URI may be told of errors.
type authorizeRequest struct {
	*http.Request
	tid    string
	client registration
	query  url.Values
}

func (r authorizeRequest) param(name string) string { return r.query.Get(name) }

// authorize is the authorization endpoint (RFC 6749 section 3.1). A person chooses who to be on a page, unless login_hint
// or an earlier choice says so. What is wrong with the app or its redirect URI is told to the person, all else to the app.
func (t *Tenant) authorize(w http.ResponseWriter, r *http.Request) {
	request, refused := t.checkClient(r)
	if refused != nil {
		t.errorPage(w, r, *refused)
		return
	}
	if refused := request.check(t); refused != nil {
		t.sendBack(w, request, t.errorParameters(r, *refused))
		return
	}
	id, chosen := t.chosen(request)
	switch {
	case chosen:
		t.finish(w, request, id)
	case request.param("prompt") == "none":
		t.sendBack(w, request, t.errorParameters(r, notSignedIn))
	default:
		t.personaPage(w, request)
	}
}

// checkClient finds the directory and the app, and whether the redirect URI is the app's.
func (t *Tenant) checkClient(r *http.Request) (authorizeRequest, *aadsts) {
	query, segment := r.URL.Query(), r.PathValue("tid")
	app, known := t.registry.app(query.Get("client_id"))
	tid, redirect := strings.ToLower(segment), query.Get("redirect_uri")
	var refused aadsts
	switch {
	case query.Get("client_id") == "":
		refused = parameterMissing.because("client_id")
	case tid == "common" || tid == "organizations":
		refused = notMultiTenant.because(query.Get("client_id"))
	case !slices.Contains(t.tenantIDs, tid):
		refused = tenantNotFound.because(segment)
	case !known:
		refused = appUnknown.because(query.Get("client_id"))
	case !app.mayRedirect(redirect):
		refused = redirectUnknown.because(redirect, app.ID)
	default:
		return authorizeRequest{r, tid, app, query}, nil
	}
	return authorizeRequest{}, &refused
}

// mayRedirect takes the redirect URIs that are registered, character by character, and every one on loopback.
func (r registration) mayRedirect(uri string) bool {
	return uri != "" && (slices.Contains(r.Redirects, uri) || isLoopback(uri))
}

func isLoopback(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.User == nil && u.Fragment == "" &&
		slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, u.Hostname())
}

// check judges the rest of the request.
func (r authorizeRequest) check(t *Tenant) *aadsts {
	var refused aadsts
	w, err := t.wishOf(r.param("scope"))
	if err == nil {
		_, err = t.granted(r.client, w, false)
	}
	mode := r.param("response_mode")
	switch challenge := r.param("code_challenge"); {
	case r.param("response_type") != "code":
		refused = responseUnsupported.because(r.param("response_type"))
	case mode != "" && mode != "query" && mode != "fragment":
		refused = modeUnsupported.because(mode)
	case challenge == "" && r.client.Platform == PlatformSPA:
		refused = challengeMissing
	case challenge != "" && (r.param("code_challenge_method") != "S256" || len(challenge) != 43):
		refused = methodUnsupported
	case err != nil:
		refused = asRefusal(err)
	default:
		return nil
	}
	return &refused
}

// chosen is who signs in, where that needs no page: by the link on it, by login_hint, or, for a silent request, by the
// cookie that the last sign-in left. A request that asks for the page (prompt=login, select_account or consent) gets it.
func (t *Tenant) chosen(r authorizeRequest) (identity, bool) {
	name := r.param("persona")
	switch prompt := r.param("prompt"); {
	case name != "":
	case prompt == "none":
		cookie, err := r.Cookie(sessionCookie)
		if err != nil || (r.param("login_hint") != "" && !t.same(r.param("login_hint"), cookie.Value)) {
			return identity{}, false
		}
		name = cookie.Value
	case prompt == "":
		name = r.param("login_hint")
	}
	id, known := t.identity(name)
	return id, known && !id.program()
}

func (t *Tenant) same(one, other string) bool {
	a, known := t.identity(one)
	b, alsoKnown := t.identity(other)
	return known && alsoKnown && a.ObjectID == b.ObjectID
}

// finish remembers the choice and sends the person back with a code.
func (t *Tenant) finish(w http.ResponseWriter, r authorizeRequest, id identity) {
	until := t.now().Add(refreshLife)
	if r.client.Platform == PlatformSPA {
		until = t.now().Add(spaLife)
	}
	code := t.sessions.newCode(codeGrant{
		signIn:   signIn{id.ObjectID, r.tid, r.client.ID, until},
		redirect: r.param("redirect_uri"), challenge: r.param("code_challenge"), nonce: r.param("nonce"), expires: t.now().Add(codeLife),
	})
	setSession(w, r.Request, id.Name)
	parameters := url.Values{"code": {code}, "session_state": {guid()}}
	if r.param("client_info") == "1" {
		parameters.Set("client_info", clientInfo(id, r.tid))
	}
	t.sendBack(w, r, parameters)
}

// sendBack redirects to the app, with the parameters in the query or, if it asked for that, in the fragment.
func (t *Tenant) sendBack(w http.ResponseWriter, r authorizeRequest, parameters url.Values) {
	target, err := url.Parse(r.param("redirect_uri"))
	if err != nil { // a registered one that is no URL
		t.errorPage(w, r.Request, requestMalformed)
		return
	}
	if state := r.param("state"); state != "" {
		parameters.Set("state", state)
	}
	location := ""
	if r.param("response_mode") == "fragment" {
		location = target.String() + "#" + parameters.Encode()
	} else {
		query := target.Query()
		maps.Copy(query, parameters)
		target.RawQuery = query.Encode()
		location = target.String()
	}
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusFound)
}

// errorParameters are those of RFC 6749 section 4.1.2.1.
func (t *Tenant) errorParameters(r *http.Request, refused aadsts) url.Values {
	body, parameters := t.refusal(r, refused), url.Values{}
	for _, name := range []string{"error", "error_description", "error_uri", "suberror", "claims"} {
		if value, is := body[name].(string); is {
			parameters.Set(name, value)
		}
	}
	return parameters
}
