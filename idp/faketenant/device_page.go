package faketenant

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// devicePage is where a person goes with the code that a device shows: it asks for the code, then who to be. Somebody who
// has no browser takes the address of a choice, such as /devicelogin?user_code=…&persona=editor.
func (t *Tenant) devicePage(w http.ResponseWriter, r *http.Request) {
	userCode := strings.ToUpper(strings.TrimSpace(r.URL.Query().Get("user_code")))
	client, waits := t.devices.waiting(userCode, t.now())
	p := page{Title: "Enter code", Sentence: "Enter the code that the device shows.", AsksCode: true}
	switch {
	case userCode != "" && !waits:
		p.Sentence = "There is no such code, or it is no longer good. " + p.Sentence
	case waits && r.URL.Query().Get("decline") != "":
		t.devices.decide(userCode, "")
		p = page{Title: "Declined", Sentence: "The device gets nothing. You can close this window."}
	case waits:
		p = t.deviceChoices(r, userCode, client)
	}
	show(w, http.StatusOK, p)
}

// deviceChoices signs the chosen person in, or asks who that is to be.
func (t *Tenant) deviceChoices(r *http.Request, userCode, client string) page {
	if id, known := t.identity(r.URL.Query().Get("persona")); known && !id.program() {
		t.devices.decide(userCode, id.ObjectID)
		return page{Title: "Signed in", Sentence: "You are " + id.fullName + " on the device. You can close this window."}
	}
	p := page{Title: "Sign in", Sentence: "This tenant is made up, and asks for no password. Who do you want to be on the device, for the app " + client + "?"}
	link := func(name, value string) string {
		return "?" + url.Values{"user_code": {userCode}, name: {value}}.Encode()
	}
	for _, id := range t.identities() {
		if !id.program() {
			p.Choices = append(p.Choices, choice{id.fullName, id.login, id.Name + ", who " + id.Description, link("persona", id.Name)})
		}
	}
	p.Choices = append(p.Choices, choice{"Nobody", "", "declines: the device is not yours", link("decline", "1")})
	return p
}

// waiting tells whether a device waits for the person with this code, and for which app.
func (d *devices) waiting(userCode string, now time.Time) (client string, waits bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if g := d.by(userCode); g != nil && g.oid == "" && !g.declined && now.Before(g.expires) {
		return g.client, true
	}
	return "", false
}

// decide records who signed in, or with an empty oid that nobody will.
func (d *devices) decide(userCode, oid string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if g := d.by(userCode); g != nil {
		g.oid, g.declined = oid, oid == ""
	}
}

func (d *devices) by(userCode string) *deviceGrant {
	for _, g := range d.grants {
		if g.userCode == userCode {
			return g
		}
	}
	return nil
}
