package rolestore

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Rules are the settings that bound what may be granted.
type Rules struct {
	// AllowAdmin lets the role "admin" be granted, which in Hasura may do everything.
	AllowAdmin bool
	// ReservedVariables are names of session variables, in any case, that no
	// grant may set since they come from verified claims. x-hasura-role,
	// x-hasura-default-role and x-hasura-allowed-roles are always among them.
	ReservedVariables []string
}

func (r Rules) isReserved(variable string) bool {
	switch variable {
	case "x-hasura-role", "x-hasura-default-role", "x-hasura-allowed-roles":
		return true
	}
	return slices.ContainsFunc(r.ReservedVariables, func(name string) bool { return strings.EqualFold(name, variable) })
}

// flaw is what is wrong with one member of a grant or a block. Its text repeats
// no value: somebody may have written a mail address for an object id.
type flaw struct{ member, text string }

// flaws collects them.
type flaws []flaw

// want adds a flaw unless the condition holds.
func (f *flaws) want(ok bool, member, text string) {
	if !ok {
		*f = append(*f, flaw{member, text})
	}
}

// Sentences that are said in more than one place.
const (
	wantTenant  = "want the tenant's id, a GUID"
	wantRole    = "want a letter or _ and then up to 127 letters, digits, _ . or -"
	wantOneLine = "want one line of valid text without control characters"
	wantTime    = "want a time from 1970 on, not finer than a microsecond, as 2026-12-31T00:00:00Z"
)

// Sentences with a number, written once: rules are asked about every row of every look-up.
var (
	wantFewVariables = fmt.Sprintf("want at most %d variables", maxVariables)
	wantFewItems     = fmt.Sprintf("want at most %d items", maxItems)
	wantShortReason  = fmt.Sprintf("want at most %d bytes", maxReason)
	wantShortValue   = fmt.Sprintf("want at most %d bytes", maxValue)
)

// grant returns what is wrong with g, whose GUIDs are in lower case.
func (r Rules) grant(g Grant) flaws {
	var f flaws
	f.want(isGUID(g.Tenant), "tenant", wantTenant)
	f.principal(g.Principal)
	f.want(isRole(g.Role), "role", wantRole)
	f.want(r.AllowAdmin || g.Role != "admin", "role", "admin may do everything in Hasura and cannot be granted (ISSUER_ALLOW_ADMIN_ROLE would allow it)")
	f.want(math.MinInt32 <= g.Priority && g.Priority <= math.MaxInt32, "priority", "want a whole number of at most 32 bits")
	f.want(len(g.Session) <= maxVariables, "session", wantFewVariables)
	if len(g.Session) > 0 { // or sorting no names would cost more than all the rest
		for _, name := range slices.Sorted(maps.Keys(g.Session)) {
			r.variable(&f, name, g.Session[name])
		}
	}
	f.want(isTime(g.From), "from", wantTime)
	f.want(isTime(g.Until), "until", wantTime)
	f.want(g.From.IsZero() || g.Until.IsZero() || g.From.Before(g.Until), "until", "want a time after from: this grant would never be in force")
	f.reason(g.Reason)
	return f
}

// block returns what is wrong with b, whose GUIDs are in lower case.
func (r Rules) block(b Block) flaws {
	var f flaws
	f.want(isGUID(b.Tenant), "tenant", wantTenant)
	f.principal(b.Principal)
	f.want(b.Principal.Kind == KindUser || b.Principal.Kind == KindApp, string(b.Principal.Kind), "only a user or an app can be blocked")
	f.want(isTime(b.Until), "until", wantTime)
	f.reason(b.Reason)
	return f
}

func (f *flaws) principal(p Principal) {
	member := string(p.Kind)
	switch p.Kind {
	case KindUser, KindGroup:
		f.want(isGUID(p.ID), member, "want an object id, a GUID")
	case KindApp:
		f.want(isGUID(p.ID), member, "want a client id, a GUID")
	case KindAppRole:
		f.want(isAppRole(p.ID), member, "want the value of an app role: up to 120 printable characters without a space, and no GUID (for a group write group)")
	case KindEveryone:
		f.want(p.ID == "", member, "want true, and no id")
	default:
		f.want(false, "principal", "want one of user, group, app_role, app, everyone")
	}
}

func (f *flaws) reason(reason string) {
	f.want(isClean(reason), "reason", wantOneLine)
	f.want(len(reason) <= maxReason, "reason", wantShortReason)
}

// variable judges one session variable.
func (r Rules) variable(f *flaws, name string, v Value) {
	member := "session." + name
	if !isVariable(name) {
		// The name is not repeated: it may be anything.
		f.want(false, "session", "want names like x-hasura-org-id: x-hasura- and then lower-case letters, digits and -, at most 128 in all")
		return
	}
	f.want(!r.isReserved(name), member, "comes from verified claims and the decision alone: a grant cannot set it")
	f.want(len(v.list) <= maxItems, member, wantFewItems)
	for _, text := range v.texts() {
		f.want(isClean(text), member, wantOneLine)
		f.want(len(text) <= maxValue, member, wantShortValue)
	}
}

// isTime tells whether every store keeps t unchanged: Postgres knows
// microseconds, RFC 3339 years of four digits. Zero stands for no time.
func isTime(t time.Time) bool {
	return t.IsZero() || t.Year() >= 1970 && t.Year() <= 9999 && t.Truncate(time.Microsecond).Equal(t)
}
