package faketenant

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"strings"
	"time"

	"github.com/google/uuid"
)

// mostGroups is how many groups fit into a token; with more it has none.
const mostGroups = 200

// errand is what a token is for, besides whose it is.
type errand struct {
	tid, client, acr string   // acr tells how the client authenticated: 0 not, 1 by secret, 2 by certificate or assertion
	audience         string   // of the token
	scopes           []string // delegated permissions; none in tokens of programs
}

// usual is the errand of a persona's token: the page calls the API, and so does the daemon.
func (t *Tenant) usual(id identity) errand {
	e := errand{t.tenantIDs[0], SPAClientID, "0", APIClientID, []string{apiScope}}
	if id.program() {
		e.client, e.acr, e.scopes = DaemonClientID, "1", nil
	}
	return e
}

// Claims are those of a fresh v2.0 token of the persona, for the caller to alter and Sign; nil for an unknown persona.
// Times are int64 seconds, lists are []string. As with Entra, iat and nbf lie 300 s in the past, sub is pairwise, and
// uti, aio, rh and xms_ftd are random; groups are left out for programs, and named by _claim_names where they are more
// than 200.
func (t *Tenant) Claims(persona string) map[string]any {
	for _, id := range t.identities() {
		if id.Name == persona {
			return t.v2Claims(id, t.usual(id))
		}
	}
	return nil
}

// V1Claims are those of a fresh v1.0 token of the persona, which Entra gives for an API whose manifest does not ask for
// version 2; nil for an unknown persona. Sign adds the x5t header of such tokens. The audience is the API's App ID URI.
func (t *Tenant) V1Claims(persona string) map[string]any {
	for _, id := range t.identities() {
		if id.Name == persona {
			e := t.usual(id)
			e.audience = "api://" + APIClientID
			return t.v1Claims(id, e)
		}
	}
	return nil
}

func (t *Tenant) v2Claims(id identity, e errand) map[string]any {
	now := t.now()
	c := map[string]any{
		"aud": e.audience, "iss": t.V2Issuer(e.tid), "tid": e.tid, "oid": id.ObjectID, "ver": "2.0",
		"iat": now.Unix() - 300, "nbf": now.Unix() - 300, "exp": now.Add(t.life(id)).Unix(), "azp": e.client, "azpacr": e.acr,
		"aio": "AVQAq/8TAAAA" + base64.StdEncoding.EncodeToString(random(46)),
		"rh":  "1." + opaque(36) + ".", "uti": opaque(16), "xms_ftd": opaque(32),
	}
	if id.program() {
		c["sub"] = id.ObjectID
	} else {
		c["sub"] = pairwise(e.audience, id.ObjectID)
		c["name"], c["preferred_username"], c["sid"] = id.fullName, id.login, guid()
		c["scp"] = strings.Join(e.scopes, " ")
		maps.Copy(c, groupClaims(e.tid, id))
	}
	if len(id.AppRoles) > 0 {
		c["roles"] = id.AppRoles
	}
	maps.Copy(c, id.extra)
	return c
}

// groupClaims are the person's groups, or, where they are too many, the word that they were left out. Its URL leads to
// a service that was shut down years ago: Entra still writes it so.
func groupClaims(tid string, id identity) map[string]any {
	switch {
	case len(id.Groups) == 0:
		return nil
	case len(id.Groups) <= mostGroups:
		return map[string]any{"groups": id.Groups}
	}
	endpoint := "https://graph.windows.net/" + tid + "/users/" + id.ObjectID + "/getMemberObjects"
	return map[string]any{
		"_claim_names":   map[string]any{"groups": "src1"},
		"_claim_sources": map[string]any{"src1": map[string]any{"endpoint": endpoint}},
	}
}

func (t *Tenant) v1Claims(id identity, e errand) map[string]any {
	c, issuer := t.v2Claims(id, e), t.V1Issuer(e.tid)
	c["ver"], c["iss"] = "1.0", issuer
	c["appid"], c["appidacr"] = c["azp"], c["azpacr"]
	for _, v2only := range []string{"azp", "azpacr", "preferred_username", "sid"} {
		delete(c, v2only)
	}
	if id.program() {
		c["idp"] = issuer
		return c
	}
	c["sub"] = pairwise(APIClientID, id.ObjectID)
	given, family, _ := strings.Cut(id.fullName, " ")
	c["given_name"], c["family_name"], c["unique_name"] = given, family, id.login
	c["acr"], c["amr"], c["ipaddr"] = "1", []string{"pwd", "mfa"}, "203.0.113.17"
	if _, guest := c["idp"]; !guest { // Entra gives guests no upn
		c["upn"] = id.login
	}
	return c
}

// life is how long a token holds that is made now.
func (t *Tenant) life(id identity) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.lifetime > 0:
		return t.lifetime
	case id.program():
		return time.Hour
	default:
		return 75 * time.Minute
	}
}

// SetTokenLifetime makes all tokens hold for d from now on, as a policy of the directory would; zero ends that. The token
// endpoint adds refresh_in where they hold for two hours or longer, as Entra does.
func (t *Tenant) SetTokenLifetime(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lifetime = d
}

// pairwise is the sub of a person in the eyes of one app.
func pairwise(app, objectID string) string {
	sum := sha256.Sum256([]byte(app + objectID))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails, says its documentation
	return b
}

func opaque(n int) string { return base64.RawURLEncoding.EncodeToString(random(n)) }

func guid() string { return uuid.NewString() }

// isGUID takes the one spelling that Entra uses.
func isGUID(s string) bool { return len(s) == 36 && uuid.Validate(s) == nil }
