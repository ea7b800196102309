package adminapi

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/issuer/adminapi/internal/wire"
	"github.com/hasura-issuer/hasura-issuer/issuer/api"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// question is what is asked about a caller: one with a token, or one that is described.
type question struct {
	SubjectToken string    `json:"subject_token"`
	Tenant       string    `json:"tenant"`
	User         string    `json:"user"`
	App          string    `json:"app"`
	Groups       *[]string `json:"groups"`
	AppRoles     []string  `json:"app_roles"`
	Scope        []string  `json:"scope"`
	Role         string    `json:"role"`
	Address      string    `json:"address"` // which only a policy looks at
}

// explain answers what a caller would get, and why. No token is made that an engine would take.
func (a *API) explain(w http.ResponseWriter, r *http.Request, _ *api.Account) error {
	if _, err := wire.ParametersOf(r); err != nil {
		return err
	}
	var q question
	if err := wire.Decode(w, r, &q); err != nil {
		return err
	}
	asked, err := a.question(q)
	if err != nil {
		return err
	}
	var notes []string
	if asked.SubjectToken == "" {
		notes, asked.Refusal = a.config.Assume(asked.Caller, asked.GroupsUnknown)
	}
	if asked.Beside, err = a.beside(r.Context(), q, asked.GroupsUnknown); err != nil {
		return err
	}
	explanation, err := a.config.Explainer.Explain(r.Context(), asked)
	if err != nil {
		return err
	}
	cure := a.config.Cure(explanation.Reason)
	if explanation.Open {
		cure = "name the caller's groups, or send a token of theirs as subject_token"
	}
	return wire.Answer(w, http.StatusOK, struct {
		issuer.Explanation

		Cure  string   `json:"cure,omitzero"`   // what to do about the reason
		Notes []string `json:"notes,omitempty"` // what is not known, in sentences
	}{explanation, cure, notes})
}

// question checks what was asked.
func (a *API) question(q question) (asked issuer.Question, err error) {
	if slices.Contains(q.Scope, "") {
		return asked, wire.Refuse(wire.ReasonEntryRefused, "scope: an item is empty")
	}
	for _, role := range append([]string{q.Role}, q.Scope...) {
		if _, err := (rolestore.Filter{Role: role}).Checked(); err != nil {
			return asked, wire.Refuse(wire.ReasonEntryRefused, err.Error())
		}
	}
	if _, err := netip.ParseAddr(q.Address); q.Address != "" && err != nil {
		return asked, wire.Refuse(wire.ReasonEntryRefused, "address: it wants an IP address, such as 192.0.2.7")
	}
	asked.Scope, asked.Address = q.Scope, q.Address
	if q.Role != "" {
		asked.About = []string{q.Role}
	}
	described := q.Tenant != "" || q.User != "" || q.App != "" || q.Groups != nil || len(q.AppRoles) > 0
	switch {
	case q.SubjectToken != "" && described:
		return asked, wire.Refuse(wire.ReasonEntryRefused, "a subject_token says by itself who calls: leave out tenant, user, app, groups and app_roles")
	case q.SubjectToken != "":
		asked.SubjectToken = q.SubjectToken
		return asked, nil
	case q.Tenant == "" || (q.User == "") == (q.App == ""):
		return asked, wire.Refuse(wire.ReasonEntryRefused, "say who calls: subject_token, or tenant and exactly one of user and app")
	}
	asked.Caller, err = a.caller(q)
	asked.GroupsUnknown = asked.Caller.Kind == idp.KindUser && q.Groups == nil && !a.config.AsksGraph
	return asked, err
}

const (
	// assumedLife is what a token that was not shown has left: more than any token of ours lives.
	assumedLife = 24 * time.Hour
	// noObjectID stands for the object id of an app's service principal, which only its token names.
	noObjectID = "00000000-0000-0000-0000-000000000000"
)

// caller is whom the question describes, as a fresh token would.
func (a *API) caller(q question) (idp.Subject, error) {
	own := rolestore.Principal{Kind: rolestore.KindUser, ID: q.User}
	if q.App != "" {
		own = rolestore.Principal{Kind: rolestore.KindApp, ID: q.App}
	}
	all := []rolestore.Principal{own}
	if q.Groups != nil {
		for _, id := range *q.Groups {
			all = append(all, rolestore.Principal{Kind: rolestore.KindGroup, ID: id})
		}
	}
	for _, value := range q.AppRoles {
		all = append(all, rolestore.Principal{Kind: rolestore.KindAppRole, ID: value})
	}
	subject := idp.Subject{TenantID: strings.ToLower(q.Tenant), Expiry: a.config.Now().Add(assumedLife).UTC(), AppRoles: q.AppRoles}
	for _, p := range all {
		found, err := rolestore.Filter{Tenant: q.Tenant, Principal: p}.Checked()
		if err != nil {
			return idp.Subject{}, wire.Refuse(wire.ReasonEntryRefused, err.Error())
		}
		switch id := found.Principal.ID; p.Kind { //nolint:exhaustive // no other kind is in the list
		case rolestore.KindUser:
			subject.Kind, subject.ObjectID = idp.KindUser, id
		case rolestore.KindApp:
			subject.Kind, subject.ClientID, subject.ObjectID = idp.KindApp, id, noObjectID
		case rolestore.KindGroup:
			subject.Groups = append(subject.Groups, id)
		}
	}
	subject.GroupsOmitted = subject.Kind == idp.KindUser && q.Groups == nil && a.config.AsksGraph
	return subject, nil
}

// mostBeside is how many of a role's holders are named to who lacks it.
const mostBeside = 100

// beside looks up who else holds the role that is asked about, and while the caller's groups are not known those that are wished for,
// which such a group may hold.
func (a *API) beside(ctx context.Context, q question, groupsUnknown bool) ([]rolestore.Grant, error) {
	if q.Tenant == "" || a.config.GrantsElsewhere != "" {
		return nil, nil
	}
	var roles []string
	if q.Role != "" {
		roles = append(roles, q.Role)
	}
	if groupsUnknown {
		roles = append(roles, q.Scope...)
	}
	slices.Sort(roles)
	var beside []rolestore.Grant
	for _, role := range slices.Compact(roles) {
		holders, err := a.config.Roles.HoldersOf(ctx, q.Tenant, role, mostBeside)
		if err != nil {
			return nil, storeError(err)
		}
		beside = append(beside, holders.Grants...)
	}
	return beside, nil
}
