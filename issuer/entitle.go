package issuer

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// terms are the settings that a decision rests on.
type terms struct {
	ttl           time.Duration // whole seconds
	sessionClaims []SessionClaim
}

// entitlement is what a token will say of its bearer's rights.
type entitlement struct {
	Roles   []string                   // distinct, at least one, the default first
	Session map[string]rolestore.Value // session variables, without those for the roles
	Expiry  time.Time                  // whole seconds, at least one second ahead
}

// apart returns a copy that shares nothing with e. Texts that come from a memory of answers are parts of a whole answer, which
// would stay for as long as one of them does.
func (e entitlement) apart() entitlement {
	variables := make(map[string]rolestore.Value, len(e.Session))
	for name, value := range e.Session {
		if value.IsList() {
			variables[strings.Clone(name)] = rolestore.List(clones(value.List())...)
		} else {
			variables[strings.Clone(name)] = rolestore.Text(strings.Clone(value.Text()))
		}
	}
	return entitlement{clones(e.Roles), variables, e.Expiry}
}

// clones returns a copy of a list and of each text in it.
func clones(list []string) []string {
	own := make([]string, len(list))
	for i, text := range list {
		own[i] = strings.Clone(text)
	}
	return own
}

// longestRole is how long the name of a role may be, in bytes.
const longestRole = 128

// isRole tells whether name may be a role's: a letter or _, and then letters, digits, _, . and -.
func isRole(name string) bool {
	if name == "" || len(name) > longestRole {
		return false
	}
	for i := range len(name) {
		c := name[i]
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c != '.' && c != '-' && (c < '0' || '9' < c)) {
			return false
		}
	}
	return true
}

// entitle decides: from who is calling, what the store holds about them, the roles they wish for (none: all) and the time
// to what they get. It is pure, and the order of the answer does not matter. A JWT counts whole seconds (RFC 7519 §2), so
// a grant or a subject token that ends within the second counts as over: no token could be written that does not outlive it.
//
// It refuses, in this order, with token_expired, blocked, no_roles (whatever the wish), roles_unavailable (a store gave what
// no token may hold) and role_not_granted (one wished role that is not held refuses all).
func entitle(subject idp.Subject, answer rolestore.Answer, wish []string, t terms, now time.Time) (entitlement, error) {
	if over(subject.Expiry, now) {
		return entitlement{}, refuse(ReasonTokenExpired, "the subject token ran out while it was being exchanged")
	}
	if slices.ContainsFunc(answer.Blocks, func(b rolestore.Block) bool { return Blocks(b, now) }) {
		return entitlement{}, refuse(ReasonBlocked, "a block of the caller is in force")
	}
	grants := inForce(answer.Grants, now)
	if len(grants) == 0 {
		return entitlement{}, refuse(ReasonNoRoles, "no grant of the caller is in force")
	}
	if err := wellFormed(grants); err != nil {
		return entitlement{}, err
	}
	grants, held := narrow(grants, wish)
	if !held {
		return entitlement{}, refuse(ReasonRoleNotGranted, "scope names a role that no grant in force gives")
	}
	slices.SortFunc(grants, byRank)
	return entitlement{
		Roles:   roles(grants),
		Session: session(grants, subject, t.sessionClaims),
		Expiry:  expiry(subject, grants, t.ttl, now),
	}, nil
}

// over reports whether less than a whole second is left until the end.
func over(end, now time.Time) bool { return end.Unix() <= now.Unix() }

// Blocks reports whether a block is in force.
func Blocks(b rolestore.Block, now time.Time) bool { return b.Until.IsZero() || b.Until.After(now) }

// inForce returns a new list of the grants that hold at now: from is the first moment, until the first one after.
func inForce(grants []rolestore.Grant, now time.Time) []rolestore.Grant {
	list := make([]rolestore.Grant, 0, len(grants))
	for _, g := range grants {
		if !g.From.After(now) && (g.Until.IsZero() || !over(g.Until, now)) {
			list = append(list, g)
		}
	}
	return list
}

// wellFormed holds grants against what stores promise. It is the last look before the words are signed, so a store that
// does not check (a query of the operator's, a corrupt row) cannot put a strange role or a reserved name into a token.
func wellFormed(grants []rolestore.Grant) error {
	for _, g := range grants {
		if !isRole(g.Role) {
			return unusable("the store gave a role whose name is not allowed")
		}
		for name := range g.Session {
			if !isVariable(name) {
				return unusable("the store gave a session variable whose name is not allowed")
			}
		}
	}
	return nil
}

// unusable is for an answer that must not be acted on: without the odd row the caller might get more than is meant.
func unusable(finding string) error {
	return &Error{ReasonRolesUnavailable, retryRoles, errors.New(finding)}
}

// narrow keeps the grants of the wished roles. held is false when one of those is not among them.
func narrow(grants []rolestore.Grant, wish []string) (kept []rolestore.Grant, held bool) {
	if len(wish) == 0 {
		return grants, true
	}
	kept = make([]rolestore.Grant, 0, len(grants))
	wished := make(map[string]bool, len(wish)) // true once a grant for it was met
	for _, role := range wish {
		wished[role] = false
	}
	for _, g := range grants {
		if _, ok := wished[g.Role]; ok {
			wished[g.Role] = true
			kept = append(kept, g)
		}
	}
	for _, found := range wished {
		if !found {
			return nil, false
		}
	}
	return kept, true
}

// byRank orders grants by who has the say: priority, and then what is the same on every replica and in every order of rows.
func byRank(a, b rolestore.Grant) int {
	return cmp.Or(
		cmp.Compare(b.Priority, a.Priority),
		cmp.Compare(a.Role, b.Role),
		cmp.Compare(a.Principal.Kind, b.Principal.Kind),
		cmp.Compare(a.Principal.ID, b.Principal.ID),
	)
}

// roles returns each role once. Of ranked grants the first of a role is its highest, so the roles come out ranked too.
func roles(ranked []rolestore.Grant) []string {
	list := make([]string, 0, len(ranked))
	seen := make(map[string]bool, len(ranked))
	for _, g := range ranked {
		if !seen[g.Role] {
			seen[g.Role] = true
			list = append(list, g.Role)
		}
	}
	return list
}

// expiry is the earliest end there is: of the lifetime, of the subject token, of any grant whose rights are in the token.
func expiry(subject idp.Subject, grants []rolestore.Grant, ttl time.Duration, now time.Time) time.Time {
	end := min(now.Unix()+int64(ttl/time.Second), subject.Expiry.Unix())
	for _, g := range grants {
		if !g.Until.IsZero() {
			end = min(end, g.Until.Unix())
		}
	}
	return time.Unix(end, 0).UTC()
}
