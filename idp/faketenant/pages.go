package faketenant

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"
)

//go:embed pages.css
var pageStyle string

//go:embed pages.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

// page is what the template shows: a heading, then a sentence, links, or both.
type page struct {
	Style    template.CSS
	Title    string
	Sentence string
	Choices  []choice
	AsksCode bool // of a device, in a form that leads to this same page
}

// choice is a persona to be, and the address that makes it so.
type choice struct{ Name, Login, Description, Link string }

// personaPage asks the person who to be. Each choice is a link to this same request.
func (t *Tenant) personaPage(w http.ResponseWriter, r authorizeRequest) {
	p := page{Title: "Sign in", Sentence: "This tenant is made up, and asks for no password. Who do you want to be for the app " + r.client.ID + "?"}
	for _, id := range t.identities() {
		if id.program() {
			continue
		}
		query := r.URL.Query()
		query.Set("persona", id.Name)
		p.Choices = append(p.Choices, choice{id.fullName, id.login, id.Name + ", who " + id.Description, "?" + query.Encode()})
	}
	show(w, http.StatusOK, p)
}

func (t *Tenant) errorPage(w http.ResponseWriter, r *http.Request, refused aadsts) {
	sentence, _ := t.refusal(r, refused)["error_description"].(string)
	show(w, refused.status, page{Title: "Sign-in failed", Sentence: sentence})
}

func (t *Tenant) signedOutPage(w http.ResponseWriter) {
	show(w, http.StatusOK, page{Title: "Signed out", Sentence: "You can close this window."})
}

// show writes a page that may do nothing but look like itself: no script, no other host, no frame around it.
func show(w http.ResponseWriter, status int, p page) {
	p.Style = template.CSS(pageStyle) //nolint:gosec // G203: the embedded style sheet, not input
	sum, forms := sha256.Sum256([]byte(pageStyle)), "'none'"
	if p.AsksCode {
		forms = "'self'"
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+
		"'; base-uri 'none'; form-action "+forms+"; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store, no-cache")
	w.WriteHeader(status)
	_ = pageTemplate.Execute(w, p) // the person may be gone
}
