package adminapi

import (
	"encoding/base64"

	"github.com/go-json-experiment/json"

	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi/internal/wire"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// defaultLimit is how much a page holds where nobody says.
const defaultLimit = 100

// filterNames are the parameters that choose entries, by the names of roles.yaml's members.
var filterNames = []string{"tenant", "user", "group", "app_role", "app", "everyone", "role"}

// filterOf reads those parameters. Each narrows; one that is empty is one too many.
func filterOf(p wire.Parameters) (rolestore.Filter, error) {
	filter := rolestore.Filter{Tenant: p["tenant"], Role: p["role"]}
	for _, kind := range []rolestore.PrincipalKind{rolestore.KindUser, rolestore.KindGroup, rolestore.KindAppRole, rolestore.KindApp, rolestore.KindEveryone} {
		id, given := p[string(kind)]
		if !given {
			continue
		}
		if filter.Principal != (rolestore.Principal{}) {
			return rolestore.Filter{}, wire.Refuse(wire.ReasonRequestMalformed, "user, group, app_role, app and everyone exclude each other")
		}
		filter.Principal = rolestore.Principal{Kind: kind, ID: id}
		if kind == rolestore.KindEveryone {
			if _, err := p.Flag(string(kind)); err != nil {
				return rolestore.Filter{}, err
			}
			filter.Principal.ID = ""
		}
	}
	for _, name := range []string{"tenant", "role"} {
		if text, given := p[name]; given && text == "" {
			return rolestore.Filter{}, wire.Refuse(wire.ReasonRequestMalformed, name+" is empty")
		}
	}
	return checked(filter)
}

// checked is the filter's own check, as an answer to who wrote it.
func checked(filter rolestore.Filter) (rolestore.Filter, error) {
	found, err := filter.Checked()
	if err != nil {
		return rolestore.Filter{}, wire.Refuse(wire.ReasonRequestMalformed, err.Error())
	}
	return found, nil
}

// cursorOf writes a place so that it fits into a query. It is no secret and no promise: clients take it from one answer
// to the next request.
func cursorOf(at rolestore.Place) string {
	text, err := json.Marshal([]string{at.Tenant, string(at.Principal.Kind), at.Principal.ID, at.Role})
	if err != nil {
		panic(err) // a store's texts are valid
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// placeOf reads it. Whether there is such a place, the store tells.
func placeOf(cursor string) (rolestore.Place, error) {
	var words []string
	text, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || json.Unmarshal(text, &words) != nil || len(words) != 4 {
		return rolestore.Place{}, wire.Refuse(wire.ReasonRequestMalformed, "the cursor is none that an answer has named")
	}
	principal := rolestore.Principal{Kind: rolestore.PrincipalKind(words[1]), ID: words[2]}
	return rolestore.Place{Tenant: words[0], Principal: principal, Role: words[3]}, nil
}
