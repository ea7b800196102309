package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

const pathJWKS = "/.well-known/jwks.json"

// retryJWKS is how often a ring is read again.
const retryJWKS = 15 * time.Second

// What a fetch of the key set counts under when it does not name a relying party of ours.
const (
	PartyNone    = "none"    // it names nobody
	PartyUnknown = "unknown" // it names somebody else, or more than one, or cannot be read
)

// jwks answers from memory. Engines live on the exact form of Cache-Control: lower case, one blank, no other directive,
// or Hasura v2 fetches once a second or never again. Whatever name they come by, they get their keys.
func (a *API) jwks(w http.ResponseWriter, r *http.Request, _ *entry) error {
	party, counted := a.party(r.URL.RawQuery)
	if r.Method != http.MethodGet { // HEAD takes no keys home
		party = ""
	}
	body, etag, err := a.keys.JWKS(party)
	if err != nil {
		return &issuer.Error{Reason: issuer.ReasonKeysUnavailable, RetryAfter: retryJWKS, Err: fmt.Errorf("publish keys: %w", err)}
	}
	if r.Method == http.MethodGet {
		a.config.Meter.KeySetFetched(counted)
	}
	writePublic(w, r, body, etag, a.mayKeep)
	return nil
}

// party returns the relying party that a query names by rp, and what the fetch counts under: its name, or that it names
// nobody of ours. Names come from the settings, never from the request.
func (a *API) party(query string) (name, counted string) {
	if query == "" {
		return "", PartyNone
	}
	values, err := url.ParseQuery(query)
	names := values["rp"]
	if err == nil && len(names) == 0 {
		return "", PartyNone
	}
	if err != nil || len(names) != 1 {
		return "", PartyUnknown
	}
	i := slices.Index(a.config.RelyingParties, names[0])
	if i < 0 {
		return "", PartyUnknown
	}
	return a.config.RelyingParties[i], a.config.RelyingParties[i]
}

// publicFor is the Cache-Control of what everybody may keep for so long, in whole seconds.
func publicFor(age time.Duration) []string {
	return []string{"public, max-age=" + strconv.FormatInt(int64(age/time.Second), 10)}
}

// writePublic writes JSON that everybody may keep, as publicFor says, or 304 to whom still has it (RFC 9110 §13.1.2).
func writePublic(w http.ResponseWriter, r *http.Request, body []byte, etag string, mayKeep []string) {
	header := w.Header()
	header["Cache-Control"] = mayKeep
	if etag != "" {
		header["Etag"] = []string{etag}
		if held := r.Header["If-None-Match"]; len(held) > 0 && holds(held, etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	writeJSON(w, http.StatusOK, body)
}

// holds reports whether If-None-Match names the tag, by the weak comparison of RFC 9110 §8.8.3.2. Our tags hold no comma.
func holds(headers []string, etag string) bool {
	for tag := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == "*" || tag == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}
