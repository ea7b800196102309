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

// MarshalJSON writes the document with the names roles.yaml has: an object of
// the lists grants and blocks, in the order of the document.
func (d Document) MarshalJSON() ([]byte, error) {
	out := struct {
		Grants []entryJSON `json:"grants"`
		Blocks []entryJSON `json:"blocks"`
	}{make([]entryJSON, 0, len(d.Grants)), make([]entryJSON, 0, len(d.Blocks))}
	for _, g := range d.Grants {
		e := newEntryJSON(g.Tenant, g.Principal)
		e.Role, e.Priority, e.Session, e.From, e.Until, e.Reason = g.Role, g.Priority, g.Session, g.From, g.Until, g.Reason
		out.Grants = append(out.Grants, e)
	}
	for _, b := range d.Blocks {
		e := newEntryJSON(b.Tenant, b.Principal)
		e.Until, e.Reason = b.Until, b.Reason
		out.Blocks = append(out.Blocks, e)
	}
	return json.Marshal(out, json.Deterministic(true))
}
