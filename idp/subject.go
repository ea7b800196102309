package idp

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Kind is what sort of caller a token stands for.
type Kind string

// The kinds of callers.
const (
	KindUser Kind = "user" // somebody who signed in; the app acts on their behalf
	KindApp  Kind = "app"  // an app by itself: a daemon, a managed identity
)

// Subject is who is calling, as far as a verified token says. TenantID and ObjectID together are the identity.
type Subject struct {
	TenantID string // lower-case GUID
	ObjectID string // lower-case GUID; of the user, or of the app's service principal
	Kind     Kind
	ClientID string   // lower-case GUID of the app that got the token (azp or appid)
	AppRoles []string // values of "roles"; GUIDs among them are groups emitted as roles, and are left out

	// Groups are lower-case GUIDs. A tenant can be set to send groups by name (sAMAccountName and the like): those are
	// left out, since a name can be given to another group, and so match no grant. They do not make GroupsOmitted true.
	Groups []string

	// GroupsOmitted is true when Entra left groups out because there are too many: Groups is not the whole truth.
	GroupsOmitted bool
	Guest         bool      // the caller's home is another tenant or identity provider
	TokenID       string    // uti, for audit; empty when absent or of an unusual form
	Expiry        time.Time // exp, UTC

	// Claims holds those that Config.KeepClaims names, as text: strings as they are, numbers and booleans as JSON
	// writes them. A claim that is absent, null, a list or an object is not in it. GUIDs of tid, oid, azp and appid
	// are in lower case. None is longer than 4096 bytes or holds control characters: a token with such a one is refused.
	Claims map[string]string
}

// clone returns a Subject that shares nothing with s that could be changed.
func (s Subject) clone() Subject {
	s.AppRoles, s.Groups, s.Claims = slices.Clone(s.AppRoles), slices.Clone(s.Groups), maps.Clone(s.Claims)
	return s
}

// apart is clone for what is kept beyond the request. The texts of lists are parts of a copy of all that the token lists, also
// of what is left out of them; these have a copy of their own, which holds nothing else.
func (s Subject) apart() Subject {
	s.AppRoles, s.Groups, s.Claims = apart(s.AppRoles), apart(s.Groups), maps.Clone(s.Claims)
	return s
}

func apart(list []string) []string {
	if list == nil {
		return nil
	}
	rest := strings.Join(list, "")
	own := make([]string, len(list))
	for i, text := range list {
		own[i], rest = rest[:len(text)], rest[len(text):]
	}
	return own
}
