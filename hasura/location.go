package hasura

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

const (
	inCookie = "Cookie"
	inHeader = "Header"
)

// location says where a request carries its token: kind "" is the Authorization header.
type location struct{ kind, name string }

// request makes the headers of a request with the token in its place; role "" sends no role header.
func (l location) request(token, role string) http.Header {
	h := http.Header{}
	switch l.kind {
	case inCookie:
		h.Set("Cookie", l.name+"="+token)
	case inHeader:
		h.Set(l.name, token)
	default:
		h.Set("Authorization", "Bearer "+token)
	}
	if role != "" {
		h.Set(roleVariable, role)
	}
	return h
}

// bearer takes the token out of an Authorization header as both engines do: two words, the first exactly "Bearer".
func bearer(value string) (string, bool) {
	words := strings.Fields(value)
	if len(words) != 2 || words[0] != "Bearer" {
		return "", false
	}
	return words[1], true
}

// uriText is what a URI with a scheme may be made of (RFC 3986 §2 and §3).
var uriText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(
		`^[A-Za-z][A-Za-z0-9+.-]*:(?:[\w.~!$&'()*+,;=:@/?\[\]-]|%[0-9A-Fa-f]{2})*` +
			`(?:#(?:[\w.~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?$`)
})

// isURI says whether v2's URI parser takes s; the brackets of an IPv6 address belong into the authority only.
func isURI(s string) bool {
	u, err := url.Parse(s)
	return err == nil && uriText().MatchString(s) && !strings.ContainsAny(u.Opaque+u.Path+u.RawQuery, "[]")
}

// stringOrURI reads a StringOrURI (RFC 7519 §2): text, and with a colon in it a URI.
func (r *reader) stringOrURI(o map[string]any, name string) string {
	s := r.text(o, name)
	if strings.Contains(s, ":") && !isURI(s) {
		r.fail("."+name, "failed to parse StringOrURI")
	}
	return s
}

// audience reads "aud" or "audience": one StringOrURI or an array of them; nil only where there is none.
func (r *reader) audience(o map[string]any, name string) []string {
	if _, isList := o[name].([]any); !isList && has(o, name) {
		return []string{r.stringOrURI(o, name)}
	}
	list := r.texts(o, name)
	for _, s := range list {
		r.stringOrURI(map[string]any{name: s}, name)
	}
	return list
}
