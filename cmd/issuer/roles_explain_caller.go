package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// noObjectID stands for the object id of an app's service principal, which only its token names.
const noObjectID = "00000000-0000-0000-0000-000000000000"

// assumedLife is what a token that was not shown has left: more than any token of ours lives.
const assumedLife = 24 * time.Hour

// caller is whom the flags describe, as a fresh token would.
func (c *rolesExplainCmd) caller(s settings) (idp.Subject, error) {
	tenant, own, err := principalFlags{Tenant: c.Tenant, User: c.User, App: c.App}.one(s, blockable)
	if err != nil {
		return idp.Subject{}, err
	}
	checked, err := rolestore.Filter{Tenant: tenant, Principal: own}.Checked()
	if err != nil {
		return idp.Subject{}, usageError{err}
	}
	caller := idp.Subject{
		TenantID: checked.Tenant, ObjectID: checked.Principal.ID, Kind: idp.KindUser, AppRoles: c.AppRole,
		Expiry: time.Now().Add(assumedLife).UTC(),
	}
	if c.App != "" {
		caller.Kind, caller.ClientID, caller.ObjectID = idp.KindApp, checked.Principal.ID, noObjectID
	}
	for _, id := range c.Group {
		group, err := rolestore.Filter{Principal: rolestore.Principal{Kind: rolestore.KindGroup, ID: id}}.Checked()
		if err != nil {
			return idp.Subject{}, usageError{err}
		}
		caller.Groups = append(caller.Groups, group.Principal.ID)
	}
	return caller, nil
}

// checkRoles refuses names that no grant can have.
func (c *rolesExplainCmd) checkRoles() error {
	for _, value := range c.AppRole {
		if _, err := (rolestore.Filter{Principal: rolestore.Principal{Kind: rolestore.KindAppRole, ID: value}}).Checked(); err != nil {
			return usageError{err}
		}
	}
	for _, role := range append(c.Scope, c.Role) {
		if _, err := (rolestore.Filter{Role: role}).Checked(); err != nil {
			return usageError{err}
		}
	}
	return nil
}

// assumptions are what only a token could tell of a caller.
func (s *settings) assumptions(caller idp.Subject, groupsUnknown bool) []string {
	notes := []string{"no token was seen: it is taken to be fresh, with no app roles but those that are named"}
	if caller.ClientID == "" {
		notes[0] += ", and from a client that is not known"
	}
	if groupsUnknown {
		notes = append(notes, "the caller's groups are not known: name them, or let Microsoft Graph be asked (ISSUER_ENTRA_CLIENT_ID and a credential, or ISSUER_ENTRA_MANAGED_IDENTITY)")
	}
	if caller.Kind == idp.KindApp {
		notes = append(notes, "the object id of an app stands in its token alone; here it is zeros")
	}
	var without []string
	for _, claim := range s.SessionClaims.list {
		known := claim.Claim == "tid" || claim.Claim == "oid" || caller.ClientID != "" && (claim.Claim == "azp" || claim.Claim == "appid")
		if !known {
			without = append(without, fmt.Sprintf("%s (%s)", claim.Variable, claim.Claim))
		}
	}
	if len(without) > 0 {
		notes = append(notes, "these come from claims of the token and are left out: "+strings.Join(without, ", "))
	}
	return notes
}

// refusal is why a token of a caller's would be refused, as far as that can be told without one; nil: for nothing.
func (s *settings) refusal(caller idp.Subject) error {
	refuse := func(reason issuer.Reason, finding string) error {
		return &issuer.Error{Reason: reason, Err: errors.New(finding)}
	}
	holds := slices.ContainsFunc(caller.AppRoles, func(value string) bool { return slices.Contains(s.EntraAppRoles, value) })
	switch {
	case !s.serves(caller.TenantID):
		return refuse(issuer.ReasonTenantNotAllowed, "ISSUER_ENTRA_TENANTS does not name this tenant")
	case caller.Kind == idp.KindApp && len(s.EntraAppRoles) == 0:
		return refuse(issuer.ReasonAppOnlyRefused, "ISSUER_ENTRA_APP_ROLES names no app role, so programs that call for themselves are refused")
	case caller.Kind == idp.KindApp && !holds:
		return refuse(issuer.ReasonAppRoleMissing, "an app-only token needs one of the app roles that ISSUER_ENTRA_APP_ROLES names")
	}
	return nil
}

// serves reports whether tokens of a tenant can be accepted.
func (s *settings) serves(tenant string) bool {
	return slices.Contains(s.EntraTenants, tenant) ||
		slices.ContainsFunc(s.EntraIssuers.list, func(i idp.Issuer) bool { return strings.EqualFold(i.TenantID, tenant) })
}

// cures say what to do about a caller who gets no token.
var cures = map[issuer.Reason]string{
	issuer.ReasonNoRoles:           "give the caller, or a group or an app role of theirs, a role: issuer roles grant",
	issuer.ReasonRoleNotGranted:    "ask for no more than the roles that are held, or grant the one that is not: issuer roles grant",
	issuer.ReasonBlocked:           "if the block is wrong, lift it: issuer roles unblock",
	issuer.ReasonPolicyDenied:      "the policy decides that: ISSUER_POLICY_DIR or ISSUER_POLICY_URL says which",
	issuer.ReasonPolicyUnavailable: "issuer check --online tries the policy",
	issuer.ReasonTooManyRoles:      "let the client ask for fewer roles by scope, or make the session variables shorter",
	issuer.ReasonGroupsUnavailable: "issuer check --online tells why Microsoft Graph cannot be asked; until it can, name the caller by --user and --group",
	issuer.ReasonRolesUnavailable:  "issuer check --online tries the store",
	issuer.ReasonIDPUnavailable:    "issuer check --online tries Entra",
}

// cure is what to do about a refusal: of the token, or of the caller.
func (x *explainer) cure(e issuer.Explanation, seen suspect) string {
	if e.Open {
		return "name the caller's groups by --group, or explain their token by --token -"
	}
	if cure := cures[e.Reason]; cure != "" || e.Granted {
		return cure
	}
	return seen.cure(idp.Reason(e.Reason))
}
