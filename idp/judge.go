package idp

import (
	"slices"
	"strings"

	"github.com/hasura-issuer/hasura-issuer/idp/internal/entrakeys"
)

// judge holds claims that are verified against the policy, and says whose they are. It is a pure function.
func (p policy) judge(c *claims, tenant string, set *entrakeys.Set) (Subject, error) {
	if err := p.forUs(c, set.Named); err != nil {
		return Subject{}, err
	}
	if err := c.bearerAccessToken(set.Named); err != nil {
		return Subject{}, err
	}
	if err := c.notAnAgent(); err != nil {
		return Subject{}, err
	}
	client, err := p.client(c)
	if err != nil {
		return Subject{}, err
	}
	guest, err := p.guest(c, set)
	if err != nil {
		return Subject{}, err
	}
	kind, err := p.permission(c, set)
	if err != nil {
		return Subject{}, err
	}
	subject := Subject{TenantID: tenant, Kind: kind, ClientID: client, Guest: guest, Expiry: c.exp.time(), Claims: c.kept}
	return c.describe(subject)
}

// forUs wants one audience. RFC 7519 allows a list of them, but Entra sends none, and a token for several is everybody's.
// The aud of an ID token is the app that somebody signed in to: its sender is better told that it is one.
func (p policy) forUs(c *claims, named bool) error {
	audience, err := c.aud.must("aud")
	if err != nil {
		return err
	}
	switch {
	case slices.Contains(p.audiences, audience):
		return nil
	case !bool(c.cnf) && c.saysWhoSignedIn(named):
		return refuse(ReasonIDToken, notAnAccessToken)
	default:
		return refuse(ReasonAudienceNotOurs, "aud is not on the list of audiences")
	}
}

// bearerAccessToken refuses what was not issued to be shown to us by whoever holds it.
func (c *claims) bearerAccessToken(named bool) error {
	if c.cnf {
		return refuse(ReasonBoundToken, "cnf: the token is bound to a key (RFC 7800)")
	}
	if c.saysWhoSignedIn(named) {
		return refuse(ReasonIDToken, notAnAccessToken)
	}
	return nil
}

const notAnAccessToken = "nonce, at_hash or c_hash is there, or scp and azp are not" //nolint:gosec // G101 takes it for a secret

// saysWhoSignedIn sees an ID token. It has none of scp, azp and appid, and often a nonce or a hash of what came with it
// (OpenID Connect Core section 2); roles say nothing, since ID tokens have them too. B2C's access tokens repeat the nonce of the sign-in (learn.microsoft.com/azure/
// active-directory-b2c/access-tokens), so with an issuer trusted by name it counts only where scp or azp is not there.
func (c *claims) saysWhoSignedIn(named bool) bool {
	anonymous := c.scp.state == absent && c.azp.state == absent && c.appid.state == absent
	nonce := bool(c.nonce) && (!named || c.scp.state == absent || c.azp.state == absent)
	return nonce || bool(c.atHash) || bool(c.codHash) || anonymous
}

// notAnAgent refuses Entra's agent identities, by a facet's value: facets as such stand in ordinary tokens too.
func (c *claims) notAnAgent() error {
	if c.actFacets.state == faulty || c.subFacets.state == faulty {
		return refuse(ReasonClaimInvalid, "xms_act_fct or xms_sub_fct is not a string")
	}
	if bool(c.agentParent) || hasAgentFacet(c.actFacets.value) || hasAgentFacet(c.subFacets.value) {
		return refuse(ReasonAgentRefused, "an agent identity acts or is acted for")
	}
	return nil
}

// hasAgentFacet looks for 11, an agent identity, and 13, the user account of one.
func hasAgentFacet(facets string) bool {
	for facet := range strings.FieldsSeq(facets) {
		if facet == "11" || facet == "13" {
			return true
		}
	}
	return false
}

// client returns the app that got the token: azp in v2.0, appid in v1.0.
func (p policy) client(c *claims) (string, error) {
	name, claim := "azp", c.azp
	if c.azp.state == absent {
		name, claim = "appid", c.appid
	} else if c.appid.state != absent && c.appid.value != c.azp.value {
		return "", refuse(ReasonClaimInvalid, "azp and appid disagree")
	}
	client, err := claim.mustGUID(name)
	if err != nil {
		return "", err
	}
	if len(p.clients) > 0 && !slices.Contains(p.clients, client) {
		return "", refuse(ReasonClientNotAllowed, name+" is not on the list of clients")
	}
	return client, nil
}

// guest tells whether the caller's home is elsewhere: Entra says so by acct, or by an idp that is not the tenant's own.
func (p policy) guest(c *claims, set *entrakeys.Set) (bool, error) {
	if c.acct.state == faulty || c.idp.state == faulty {
		return false, refuse(ReasonClaimInvalid, "acct is not a number or idp is not a string")
	}
	home := c.idp.state == absent || strings.EqualFold(c.idp.value, set.V1Issuer) || strings.EqualFold(c.idp.value, set.V2Issuer)
	guest := c.acct.value != 0 || !home
	if guest && p.refuseGuests {
		return false, refuse(ReasonGuestRefused, "acct or idp says that the caller is a guest")
	}
	return guest, nil
}

// permission tells users from apps and checks what each of them needs.
func (p policy) permission(c *claims, set *entrakeys.Set) (Kind, error) {
	kind, err := c.kind(set.Named)
	if err != nil {
		return "", err
	}
	if c.roles.state == faulty {
		return "", refuse(ReasonClaimInvalid, "roles is not a list of strings")
	}
	switch {
	case kind == KindUser && !p.hasScope(c.scp.value):
		return "", refuse(ReasonScopeMissing, "scp holds none of the scopes")
	case kind == KindApp && len(p.appRoles) == 0:
		return "", refuse(ReasonAppOnlyRefused, "an app by itself, and no app role is configured")
	case kind == KindApp && !slices.ContainsFunc(c.appRoles(), func(role string) bool { return slices.Contains(p.appRoles, role) }):
		return "", refuse(ReasonAppRoleMissing, "roles holds none of the app roles")
	}
	return kind, nil
}

// kind goes by idtyp. That claim is optional; without it an app's token is one without a scope whose subject is the
// object itself, while a user's sub differs for each app. That guess is for Entra's tenants alone: an issuer trusted by
// name may put the object id into its users' sub too, as B2C does.
func (c *claims) kind(named bool) (Kind, error) {
	if c.scp.state == faulty {
		return "", refuse(ReasonClaimInvalid, "scp is not a string")
	}
	itself := !named && c.scp.state == absent && c.oid.value != "" && c.oid.value == c.sub.value
	switch {
	case c.idtyp.value == "app" && c.scp.state != absent:
		return "", refuse(ReasonClaimInvalid, "idtyp is app, yet there is a scp")
	case c.idtyp.value == "app", c.idtyp.state == absent && itself:
		return KindApp, nil
	case c.idtyp.value == "user", c.idtyp.state == absent:
		return KindUser, nil
	default:
		return "", refuse(ReasonClaimInvalid, "idtyp is neither user nor app")
	}
}

// hasScope reads scp as RFC 6749 section 3.3 writes scopes: separated by single spaces.
func (p policy) hasScope(scp string) bool {
	for scope := range strings.SplitSeq(scp, " ") {
		if slices.Contains(p.scopes, scope) {
			return true
		}
	}
	return false
}
