package adminapi

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi/internal/wire"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// entry is a grant or a block as a body says it, in the words of roles.yaml. Whom it means the path says already; a body
// that says it too, as an answer does, has to say the same.
type entry struct {
	Tenant   *string                    `json:"tenant"`
	User     *string                    `json:"user"`
	Group    *string                    `json:"group"`
	AppRole  *string                    `json:"app_role"`
	App      *string                    `json:"app"`
	Everyone *bool                      `json:"everyone"`
	Role     *string                    `json:"role"`
	Priority int                        `json:"priority"`
	Session  map[string]rolestore.Value `json:"session"`
	From     time.Time                  `json:"from"`
	Until    time.Time                  `json:"until"`
	Reason   string                     `json:"reason"`
}

// blockEntry is an entry as a block may be said.
type blockEntry struct {
	Tenant *string   `json:"tenant"`
	User   *string   `json:"user"`
	App    *string   `json:"app"`
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
}

func readGrant(w http.ResponseWriter, r *http.Request, id rolestore.Filter) (rolestore.Grant, error) {
	var e entry
	if err := wire.Decode(w, r, &e); err != nil {
		return rolestore.Grant{}, err
	}
	if err := e.agrees(id); err != nil {
		return rolestore.Grant{}, err
	}
	return rolestore.Grant{
		Tenant: id.Tenant, Principal: id.Principal, Role: id.Role,
		Priority: e.Priority, Session: e.Session, From: e.From.UTC(), Until: e.Until.UTC(), Reason: e.Reason,
	}, nil
}

func readBlock(w http.ResponseWriter, r *http.Request, id rolestore.Filter) (rolestore.Block, error) {
	var e blockEntry
	if err := wire.Decode(w, r, &e); err != nil {
		return rolestore.Block{}, err
	}
	if err := (entry{Tenant: e.Tenant, User: e.User, App: e.App}).agrees(id); err != nil {
		return rolestore.Block{}, err
	}
	return rolestore.Block{Tenant: id.Tenant, Principal: id.Principal, Until: e.Until.UTC(), Reason: e.Reason}, nil
}

// agrees refuses a body that names somebody else than the path does.
func (e entry) agrees(id rolestore.Filter) error {
	kindID := func(kind rolestore.PrincipalKind) string {
		if id.Principal.Kind != kind {
			return "" // no id is
		}
		return id.Principal.ID
	}
	for _, member := range []struct {
		name, want string
		got        *string
	}{
		{"tenant", id.Tenant, e.Tenant},
		{"user", kindID(rolestore.KindUser), e.User},
		{"group", kindID(rolestore.KindGroup), e.Group},
		{"app_role", kindID(rolestore.KindAppRole), e.AppRole},
		{"app", kindID(rolestore.KindApp), e.App},
		{"role", id.Role, e.Role},
	} {
		if member.got != nil && (*member.got != member.want || *member.got == "") {
			return wire.Refuse(wire.ReasonEntryRefused, "the body's "+member.name+" is not that of the path")
		}
	}
	if e.Everyone != nil && (!*e.Everyone || id.Principal.Kind != rolestore.KindEveryone) {
		return wire.Refuse(wire.ReasonEntryRefused, "the body's everyone is not that of the path")
	}
	return nil
}

// identityOf reads whom a path means: a tenant, a principal such as user:<object id> or everyone, and of a grant a role.
func identityOf(r *http.Request) (rolestore.Filter, error) {
	var words [3]string
	for i, name := range []string{"tenant", "principal", "role"} {
		text, err := url.PathUnescape(mux.Vars(r)[name])
		if err != nil {
			return rolestore.Filter{}, wire.Refuse(wire.ReasonRequestMalformed, "the path is not percent-encoded")
		}
		words[i] = text
	}
	kind, id, _ := strings.Cut(words[1], ":")
	if kind == "" || kind == string(rolestore.KindEveryone) && words[1] != kind {
		return rolestore.Filter{}, wire.Refuse(wire.ReasonRequestMalformed, "the principal in the path wants to be user:, group:, app_role: or app: and an id, or everyone")
	}
	return checked(rolestore.Filter{
		Tenant: words[0], Principal: rolestore.Principal{Kind: rolestore.PrincipalKind(kind), ID: id}, Role: words[2],
	})
}
