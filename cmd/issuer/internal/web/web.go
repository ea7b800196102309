// Package web answers one question: how does a page of ours reach a browser, and what may it do there?
//
// It serves files from memory, packed, and says with each answer what a page may load: what comes from its own origin, and
// nothing else. Its parts are the modules and styles that pages share: plain ES modules for the web platform alone, that
// know the shapes of our JSON and draw them, and ask nobody for it. It knows nothing of who may see a page.
package web

import (
	"embed"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed parts
var embedded embed.FS

// Parts are the shared modules and styles, below parts/ as pages import them.
func Parts() fs.FS { return embedded }

// Policy says what a page may do in a browser. The zero value is good.
type Policy struct {
	Connect []string // origins that it may ask, besides its own
}

// Secure sets the headers that hold a page, and what it loads, to the policy: no inline script or style, no frame around it,
// no other host, no guessing of types. Answers are not shown to pages of other origins, opened windows included.
func (p Policy) Secure(h http.Header) {
	connect := strings.Join(append([]string{"'self'"}, p.Connect...), " ")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src "+connect+
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
