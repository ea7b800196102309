package idp

// Glance is what a token says of itself. Nothing in it is verified, so it decides nothing: it is for telling a person
// what is wrong with a token that Verify refused.
type Glance struct {
	Version, Issuer, Audience    string // as they stand in the token, whatever they are
	TenantID, ObjectID, ClientID string // lower-case GUIDs, "" for what is none
	HasScope, HasRoles           bool   // scp, and roles, are there
	Nonce                        bool   // the header has one, as in tokens of Microsoft Graph
}

// Look returns what raw says of itself; ok is false where that cannot be read, or is longer than any token.
func Look(raw string) (seen Glance, ok bool) {
	if len(raw) > maxToken {
		return Glance{}, false
	}
	t, err := parse(raw, nil)
	if err != nil {
		return Glance{}, false
	}
	c := &t.claims
	id := func(claim text) string {
		lower, isGUID := guid(claim.value)
		if !isGUID {
			return ""
		}
		return lower
	}
	seen = Glance{
		Version: c.ver.value, Issuer: c.iss.value, Audience: c.aud.value, TenantID: id(c.tid), ObjectID: id(c.oid), ClientID: id(c.azp),
		HasScope: c.scp.state != absent, HasRoles: c.roles.state != absent, Nonce: t.forGraph,
	}
	if seen.ClientID == "" {
		seen.ClientID = id(c.appid)
	}
	return seen, true
}
