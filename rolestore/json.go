package rolestore

import (
	"time"

	"github.com/go-json-experiment/json"
)

// entryJSON is an entry as JSON: the members of roles.yaml, those without a
// value left out.
type entryJSON struct {
	Tenant   string           `json:"tenant"`
	User     string           `json:"user,omitempty"`
	Group    string           `json:"group,omitempty"`
	AppRole  string           `json:"app_role,omitempty"`
	App      string           `json:"app,omitempty"`
	Everyone bool             `json:"everyone,omitzero"`
	Role     string           `json:"role,omitempty"`
	Priority int              `json:"priority,omitzero"`
	Session  map[string]Value `json:"session,omitempty"`
	From     time.Time        `json:"from,omitzero"`
	Until    time.Time        `json:"until,omitzero"`
	Reason   string           `json:"reason,omitempty"`
}

func newEntryJSON(tenant string, p Principal) entryJSON {
	e := entryJSON{Tenant: tenant}
	switch p.Kind {
	case KindUser:
		e.User = p.ID
	case KindGroup:
		e.Group = p.ID
	case KindAppRole:
		e.AppRole = p.ID
	case KindApp:
		e.App = p.ID
	case KindEveryone:
		e.Everyone = true
	}
	return e
}

// MarshalJSON writes an object of the lists grants and blocks, in the order of
// the document.
func (d Document) MarshalJSON() ([]byte, error) {
	type plain Document // the same without this method; the package json writes [] where encoding/json would write null
	return json.Marshal(plain(d), json.Deterministic(true))
}

// MarshalJSON writes the grant with the names roles.yaml has, what has no value
// left out. Nothing reads it back: to store a grant is another matter.
func (g Grant) MarshalJSON() ([]byte, error) {
	e := newEntryJSON(g.Tenant, g.Principal)
	e.Role, e.Priority, e.Session, e.From, e.Until, e.Reason = g.Role, g.Priority, g.Session, g.From, g.Until, g.Reason
	return json.Marshal(e, json.Deterministic(true))
}

// MarshalJSON writes the block with the names roles.yaml has; see Grant.MarshalJSON.
func (b Block) MarshalJSON() ([]byte, error) {
	e := newEntryJSON(b.Tenant, b.Principal)
	e.Until, e.Reason = b.Until, b.Reason
	return json.Marshal(e)
}
