package idp

import (
	"context"
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp/internal/entrakeys"
)

const (
	minLeft  = 10 * time.Second // with less to live a token is of no use to anybody
	maxAhead = 48 * time.Hour   // the longest that Entra issues live 28 hours

	// lastSecond is the end of the year 9999, the last that RFC 3339 can write.
	lastSecond = 253402300799
)

// must returns the value of a claim we cannot do without.
func (t text) must(name string) (string, error) {
	if t.state == absent {
		return "", refuse(ReasonClaimMissing, name+" is missing")
	}
	if t.state == faulty || t.value == "" {
		return "", refuse(ReasonClaimInvalid, name+" is not a string with something in it")
	}
	return t.value, nil
}

// mustGUID is must for a claim that holds a GUID; the result is in lower case.
func (t text) mustGUID(name string) (string, error) {
	value, err := t.must(name)
	if err != nil {
		return "", err
	}
	id, ok := guid(value)
	if !ok {
		return "", refuse(ReasonClaimInvalid, name+" is not a GUID")
	}
	return id, nil
}

// meantForOthers sees the two tokens that people send by mistake all the time. It comes before the signature, because
// that of a Graph token covers a changed header and verifies for nobody else.
func (t *token) meantForOthers() error {
	if t.forGraph {
		return refuse(ReasonGraphToken, "the header holds a nonce")
	}
	if reason := audienceOfOthers(t.claims.aud.value); reason != "" {
		return refuse(reason, "aud is a Microsoft API")
	}
	return nil
}

// audienceOfOthers returns the reason to refuse an audience that belongs to Microsoft Graph (or its predecessor) or to
// Azure Resource Manager, in any cloud, or "".
func audienceOfOthers(audience string) Reason {
	switch strings.TrimSuffix(strings.ToLower(audience), "/") {
	case "00000003-0000-0000-c000-000000000000", "https://graph.microsoft.com", "https://graph.microsoft.us",
		"https://dod-graph.microsoft.us", "https://microsoftgraph.chinacloudapi.cn",
		"00000002-0000-0000-c000-000000000000", "https://graph.windows.net", "https://graph.chinacloudapi.cn":
		return ReasonGraphToken
	case "797f4846-ba00-4fd7-ba43-dac1f8f63013", "https://management.azure.com", "https://management.core.windows.net",
		"https://management.usgovcloudapi.net", "https://management.core.usgovcloudapi.net",
		"https://management.chinacloudapi.cn", "https://management.core.chinacloudapi.cn":
		return ReasonARMToken
	default:
		return ""
	}
}

// keyFor returns the key that kid names and the set it stands in. A key that is held never waits. One that is not is
// looked for with Entra, unless the token does not even claim an issuer we expect.
func keyFor(ctx context.Context, source *entrakeys.Source, t *token) (*entrakeys.Set, *entrakeys.Key, error) {
	if set := source.Held(); set != nil {
		if key := set.Key(t.kid); key != nil {
			return set, key, nil
		}
	}
	if v1, v2, known := source.Issuers(); known && !t.claims.hasIssuer(v1, v2) {
		return nil, nil, refuse(ReasonIssuerUnknown, "iss is not the tenant's for this ver, and the key is unknown")
	}
	set, err := source.Learn(ctx, t.kid)
	if err != nil {
		return nil, nil, err
	}
	key := set.Key(t.kid)
	if key == nil {
		return nil, nil, refuse(ReasonKeyUnknown, "the tenant publishes no key with this kid")
	}
	return set, key, nil
}

// unambiguous refuses a token in which a reader less strict than this one would find another tenant, user or scope.
func (c *claims) unambiguous() error {
	if c.variant {
		return refuse(ReasonClaimInvalid, "a claim's name differs from one we read only in case")
	}
	return nil
}

// lifetime is when a token may be used, by its own words.
type lifetime struct{ exp, nbf, iat time.Time }

// lifetime reads exp, nbf and iat. Without the latter two a token began long ago.
func (c *claims) lifetime() (lifetime, error) {
	if c.exp.state == absent {
		return lifetime{}, refuse(ReasonClaimMissing, "exp is missing")
	}
	if !c.exp.isTime() || !c.nbf.isTime() || !c.iat.isTime() {
		return lifetime{}, refuse(ReasonClaimInvalid, "exp, nbf or iat is not a time in whole seconds")
	}
	return lifetime{exp: c.exp.time(), nbf: c.nbf.time(), iat: c.iat.time()}, nil
}

// holds checks exp, nbf and iat (RFC 7519 sections 4.1.4 to 4.1.6). exp has no leeway, since what is made of this token
// must not outlive it.
func (l lifetime) holds(now time.Time, leeway time.Duration) error {
	left := l.exp.Sub(now)
	if left < minLeft {
		return refuse(ReasonTokenExpired, "exp is past or less than ten seconds ahead")
	}
	if left > maxAhead {
		return refuse(ReasonClaimInvalid, "exp is more than 48 hours ahead")
	}
	latest := now.Add(leeway)
	if l.nbf.After(latest) || l.iat.After(latest) {
		return refuse(ReasonTokenNotYetValid, "nbf or iat is ahead of our clock")
	}
	return nil
}

// isTime accepts a claim that is absent too.
func (n number) isTime() bool {
	return n.state == absent || (n.state == sound && 0 < n.value && n.value <= lastSecond)
}

func (n number) time() time.Time { return time.Unix(n.value, 0).UTC() }

// issuedBy checks that the token names the tenant's issuer and that the key is that issuer's.
func (c *claims) issuedBy(set *entrakeys.Set, key *entrakeys.Key) error {
	if _, err := c.iss.must("iss"); err != nil {
		return err
	}
	if version, err := c.ver.must("ver"); err != nil {
		return err
	} else if version != "1.0" && version != "2.0" {
		return refuse(ReasonClaimInvalid, "ver is neither 1.0 nor 2.0")
	}
	if !c.hasIssuer(set.V1Issuer, set.V2Issuer) {
		return refuse(ReasonIssuerUnknown, "iss is not the tenant's for this ver")
	}
	if !set.MaySign(key) {
		return refuse(ReasonKeyIssuerMismatch, "the key was published for another issuer or cloud")
	}
	return nil
}

// hasIssuer compares byte by byte; a version and the other's issuer do not go together.
func (c *claims) hasIssuer(v1, v2 string) bool {
	if c.iss.value == "" {
		return false
	}
	return (c.ver.value == "1.0" && c.iss.value == v1) || (c.ver.value == "2.0" && c.iss.value == v2)
}
