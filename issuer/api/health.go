package api

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// livez says that the process runs: whatever state its parts are in, a restart would not mend them.
func (a *API) livez(w http.ResponseWriter, _ *http.Request, _ *entry) error {
	checks, _ := a.checks()
	writeSecret(w, http.StatusOK, health(a.ready(), checks))
	return nil
}

// readyz says whether to send requests here: while the key set can be published and the process is not draining. Parts
// that failed do not count, or a dead database would take the key set off the balancer; with ?full they do.
func (a *API) readyz(w http.ResponseWriter, r *http.Request, _ *entry) error {
	checks, sound := a.checks()
	ready, status := a.ready(), http.StatusOK
	if r.URL.Query().Has("full") {
		ready = ready && sound
	}
	if !ready {
		status = http.StatusServiceUnavailable
	}
	writeSecret(w, status, health(ready, checks))
	return nil
}

func (a *API) ready() bool {
	_, _, err := a.keys.JWKS("")
	return err == nil && !a.draining.Load()
}

// checks returns the members of "checks", and whether every part is well. What exactly failed is in the log of whoever
// found out: this page is public.
func (a *API) checks() (members []byte, sound bool) {
	sound = true
	for i, check := range a.config.Checks {
		text := "off"
		if !check.Off {
			var well bool
			text, well = check.state()
			sound = sound && well
		}
		if i > 0 {
			members = append(members, ',')
		}
		members = append(appendText(members, check.Name), ':')
		members = appendText(members, text)
	}
	return members, sound
}

// state returns what may be said of a part that is in use, and whether it works.
func (c Check) state() (text string, well bool) {
	err := c.Health()
	if open, ok := errors.AsType[interface {
		error
		Public() string
	}](err); ok {
		return open.Public(), false
	}
	switch {
	case err != nil:
		return "does not work at the moment, see the log", false
	case c.Alarms != nil:
		return alarmed(c.Alarms()), true
	default:
		return "ok", true
	}
}

// State is what a part is at.
type State string

// The states of a part.
const (
	Well    State = "ok"
	Off     State = "off"     // not in use
	Alarmed State = "alarmed" // it works, and will not for long if nobody looks
	Down    State = "failed"  // it does not work
)

// Part is a part of the service as the health routes show it.
type Part struct {
	Name  string
	State State
	Says  string // what there is to say of one that is alarmed or down; no secret
}

// Health returns whether requests should be sent here, as /readyz says it, and every part. It answers from memory.
func (a *API) Health() (ready bool, parts []Part) {
	for _, check := range a.config.Checks {
		part := Part{Name: check.Name, State: Off}
		if !check.Off {
			text, well := check.state()
			switch part.State = Well; {
			case !well:
				part.State, part.Says = Down, text
			case text != "ok":
				part.State, part.Says = Alarmed, text
			}
		}
		parts = append(parts, part)
	}
	return a.ready(), parts
}

// alarmed returns the state of a part that works: what will become of it if nobody looks, or that all is well.
func alarmed(alarms []string) string {
	if len(alarms) == 0 {
		return "ok"
	}
	return strings.Join(alarms, "; ")
}

func health(ready bool, checks []byte) []byte {
	return []byte(`{"ready":` + strconv.FormatBool(ready) + `,"checks":{` + string(checks) + "}}")
}

// appendText appends text as a JSON string. It cannot fail: names of checks and their states are constants of the program.
func appendText(dst []byte, text string) []byte {
	dst, _ = jsontext.AppendQuote(dst, text)
	return dst
}
