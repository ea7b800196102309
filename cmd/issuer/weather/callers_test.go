package weather

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// Why a request may be put off: the reasons of 503.
const (
	noKeys   = "idp_unavailable"
	noRoles  = "roles_unavailable"
	noGroups = "groups_unavailable"
	noPolicy = "policy_unavailable"
	noAudit  = "audit_unavailable"
	tooOften = "rate_limited"
)

// caller is somebody with a token, and what they may hear.
type caller struct {
	name, token string
	roles       []string // the default one first; none: refused
	refused     int      // the token endpoint's status
	reason      string   // why
	asks        []string // what may be unavailable to them
	unseen      bool     // their key may have to be looked for, whatever the weather
	limited     bool     // they ask more often than they may
}

// cast are the callers: of every kind that a dependency treats differently.
func cast(t testing.TB, tenant *faketenant.Tenant) []caller {
	t.Helper()
	token := func(persona string) string {
		token, err := tenant.Token(persona)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	granted := []string{noKeys, noRoles, noPolicy, noAudit}
	return []caller{
		{name: "with an app role", token: token("reader"), roles: []string{"reader"}, asks: granted},
		{name: "with groups in the token", token: token("editor"), roles: []string{"editor", "reader"}, asks: granted},
		{name: "with groups that Graph knows", token: token("crowded"), roles: []string{"editor"}, asks: append([]string{noGroups}, granted...)},
		{name: "a program that asks too often", token: token("daemon"), roles: []string{"service"}, asks: granted, limited: true},
		{name: "without roles", token: token("nobody"), refused: 403, reason: "no_roles", asks: []string{noKeys, noRoles, noAudit}},
		{name: "blocked", token: token("guest"), refused: 403, reason: "blocked", asks: []string{noKeys, noRoles, noAudit}},
		{name: "with a tampered token", token: tampered(token("editor")), refused: 400, reason: "signature_invalid", asks: []string{noKeys}},
		{
			name: "with a stranger's key", token: tenant.Sign(tenant.Claims("editor"), faketenant.SignedBy(faketenant.KeyStranger)),
			refused: 400, reason: "key_unknown", asks: []string{noKeys}, unseen: true,
		},
	}
}

// tampered is the token with another signature of the same length.
func tampered(token string) string {
	cut := strings.LastIndexByte(token, '.') + 1
	signature := []byte(token[cut:])
	slices.Reverse(signature[:len(signature)-1]) // the last character is not any
	return token[:cut] + string(signature)
}

// answer is what a door said, read as whoever stands there reads it.
type answer struct {
	door       door
	status     int
	reason     string
	retryAfter string
	role       string   // whom Hasura would take the caller for
	roles      []string // where the door names them
}

// wrong says what is wrong with an answer to the caller while the reasons in may be given; "" if nothing is.
func (c caller) wrong(a answer, may []string) string {
	limited := c.limited && a.reason == tooOften
	putOff := slices.Contains(c.asks, a.reason) && (slices.Contains(may, a.reason) || c.unseen)
	switch {
	case a.status == http.StatusOK && len(c.roles) > 0:
		if a.role != c.roles[0] || a.roles != nil && !slices.Equal(a.roles, c.roles) {
			return fmt.Sprintf("they are %q of %q, want %q", a.role, a.roles, c.roles)
		}
		return ""
	case limited && a.status == a.door.status(http.StatusTooManyRequests), putOff && a.status == a.door.status(http.StatusServiceUnavailable):
		if a.status != http.StatusUnauthorized && a.retryAfter == "" {
			return "they are not told when to come again"
		}
		return ""
	case len(c.roles) == 0 && a.status == a.door.status(c.refused) && a.reason == c.reason:
		return ""
	}
	return fmt.Sprintf("unfit, while %q may be said", may)
}

// settled tells whether the answer is the one of fair weather.
func (c caller) settled(a answer) bool { return c.wrong(a, nil) == "" }
