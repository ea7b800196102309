package issuer

import (
	"strings"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// SessionClaim sets a session variable from a claim of the verified subject token.
type SessionClaim struct {
	Variable string // x-hasura-… in lower case; no grant can set it
	Claim    string // oid, tid, azp or appid (the same: the calling app), or a name that the verifier keeps
}

// The names inside the namespace that carry the decision itself.
const (
	defaultRole  = "x-hasura-default-role"
	allowedRoles = "x-hasura-allowed-roles"
	chosenRole   = "x-hasura-role" // the engine sets it from the request; a claim by this name would only confuse
)

// isVariable reports whether name may be a session variable: x-hasura- and then small letters, digits and -. The prefix also
// keeps it off the registered claims where the namespace is the root.
func isVariable(name string) bool {
	rest, prefixed := strings.CutPrefix(name, "x-hasura-")
	if !prefixed || rest == "" || name == defaultRole || name == allowedRoles || name == chosenRole {
		return false
	}
	for i := range len(rest) {
		if c := rest[i]; c != '-' && (c < 'a' || 'z' < c) && (c < '0' || '9' < c) {
			return false
		}
	}
	return true
}

// session gathers the variables of ranked grants: of two that disagree the first, which ranks higher, has the say. A
// variable that comes from claims is never a grant's, also where the token lacks the claim.
func session(ranked []rolestore.Grant, subject idp.Subject, claims []SessionClaim) map[string]rolestore.Value {
	variables := map[string]rolestore.Value{}
	for _, g := range ranked {
		for name, value := range g.Session {
			if _, set := variables[name]; !set {
				variables[name] = value
			}
		}
	}
	for _, c := range claims {
		delete(variables, c.Variable)
		if text, ok := claim(subject, c.Claim); ok {
			variables[c.Variable] = rolestore.Text(text)
		}
	}
	return variables
}

// claim returns the text of a verified claim.
func claim(s idp.Subject, name string) (string, bool) {
	switch name {
	case "oid":
		return s.ObjectID, true
	case "tid":
		return s.TenantID, true
	case "azp", "appid": // tokens of version 2 say azp, those of version 1 appid
		return s.ClientID, s.ClientID != ""
	}
	text, ok := s.Claims[name]
	return text, ok
}
