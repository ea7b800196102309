package faketenant

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"strings"
	"time"
)

// Persona is somebody who can have a token. The ids stay the same from start to start, so that roles can be granted
// to them in a file.
type Persona struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	ObjectID    string   `json:"object_id"` // lower-case GUID
	Groups      []string `json:"groups"`    // lower-case GUIDs
	AppRoles    []string `json:"app_roles"` // values of the roles claim
}

// identity is a persona with what only its tokens tell.
type identity struct {
	Persona
	fullName, login string         // both empty: a program
	extra           map[string]any // further claims, in tokens of both versions
}

// identities makes them anew at each call, so that no caller can alter those of another.
func (t *Tenant) identities() []identity {
	none := []string{}
	return []identity{
		{
			Persona{"reader", "has the app role Hasura.Reader", "11d3e5f7-2a4c-46e8-90b2-d4f6a8c0e101", none, []string{"Hasura.Reader"}},
			"Alice Example", "alice@contoso.example", nil,
		},
		{
			Persona{"editor", "is a member of two groups", "66c8dae0-7f91-4bd3-a507-b9ecfd053606", []string{
				"d1000001-aaaa-4bbb-8ccc-000000000001", "d1000002-aaaa-4bbb-8ccc-000000000002",
			}, none},
			"Erin Example", "erin@contoso.example", nil,
		},
		{
			Persona{"nobody", "administers the directory, which grants nothing", "77d9ebf1-80a2-4ce4-b618-caf0de164707", none, none},
			"Nadia Example", "nadia@contoso.example",
			map[string]any{"wids": []string{"62e90394-69f5-4237-9190-012177145e10"}}, // Global Administrator
		},
		{
			Persona{"guest", "is a guest from another directory", "33f5a7b9-4c6e-48a0-92d4-f6b8cae20303", none, none},
			"Gus Guest", "gus@fabrikam.example",
			map[string]any{"email": "gus@fabrikam.example", "idp": t.V1Issuer(OtherTenantID), "acct": 1},
		},
		{
			Persona{"daemon", "is a program, with the app role Hasura.Exchange", "44a6b8ca-5d7f-49b1-83e5-a7c9dbf31404", none, []string{"Hasura.Exchange"}},
			"", "",
			map[string]any{"idtyp": "app"},
		},
	}
}

// Personas are reader, editor, nobody, guest and daemon, in this order. The caller owns the answer.
func (t *Tenant) Personas() []Persona {
	var all []Persona
	for _, id := range t.identities() {
		all = append(all, id.Persona)
	}
	return all
}

// Token is a fresh v2.0 access token of the persona for APIClientID, valid for 75 minutes (the daemon's for 60). An
// unknown persona is an error that names those there are.
func (t *Tenant) Token(persona string) (string, error) {
	claims := t.Claims(persona)
	if claims == nil {
		var names []string
		for _, p := range t.Personas() {
			names = append(names, p.Name)
		}
		return "", fmt.Errorf("no such persona, there are %s", strings.Join(names, ", "))
	}
	return t.Sign(claims), nil
}

// Claims are those of a fresh v2.0 token of the persona, for the caller to alter and Sign; nil for an unknown persona.
// Times are int64 seconds, lists are []string. As with Entra, iat and nbf lie 300 s in the past, sub is pairwise, and
// uti, aio, rh and xms_ftd are random.
func (t *Tenant) Claims(persona string) map[string]any {
	for _, id := range t.identities() {
		if id.Name == persona {
			return t.v2Claims(id)
		}
	}
	return nil
}

func (t *Tenant) v2Claims(id identity) map[string]any {
	tid, now, life := t.tenantIDs[0], t.now(), 75*time.Minute
	c := map[string]any{
		"aud": APIClientID, "iss": t.V2Issuer(tid), "tid": tid, "oid": id.ObjectID, "ver": "2.0",
		"iat": now.Unix() - 300, "nbf": now.Unix() - 300,
		"aio": "AVQAq/8TAAAA" + base64.StdEncoding.EncodeToString(random(46)),
		"rh":  "1." + opaque(36) + ".", "uti": opaque(16), "xms_ftd": opaque(32),
	}
	if id.login == "" {
		life = time.Hour
		c["azp"], c["azpacr"], c["sub"] = DaemonClientID, "1", id.ObjectID
	} else {
		pairwise := sha256.Sum256([]byte(APIClientID + id.ObjectID))
		c["azp"], c["azpacr"], c["sub"] = SPAClientID, "0", base64.RawURLEncoding.EncodeToString(pairwise[:])
		c["name"], c["preferred_username"], c["scp"], c["sid"] = id.fullName, id.login, "access_as_user", guid()
	}
	c["exp"] = now.Add(life).Unix()
	if len(id.AppRoles) > 0 {
		c["roles"] = id.AppRoles
	}
	if len(id.Groups) > 0 {
		c["groups"] = id.Groups
	}
	maps.Copy(c, id.extra)
	return c
}

// V1Claims are those of a fresh v1.0 token of the persona, which Entra gives for an API whose manifest does not ask for
// version 2; nil for an unknown persona. Sign adds the x5t header of such tokens. The audience is the API's App ID URI.
func (t *Tenant) V1Claims(persona string) map[string]any {
	c := t.Claims(persona)
	if c == nil {
		return nil
	}
	issuer := t.V1Issuer(t.tenantIDs[0])
	c["ver"], c["iss"], c["aud"] = "1.0", issuer, "api://"+APIClientID
	c["appid"], c["appidacr"] = c["azp"], c["azpacr"]
	login, person := c["preferred_username"]
	for _, v2only := range []string{"azp", "azpacr", "preferred_username", "sid"} {
		delete(c, v2only)
	}
	if !person {
		c["idp"] = issuer
		return c
	}
	given, family, _ := strings.Cut(c["name"].(string), " ")
	c["given_name"], c["family_name"], c["unique_name"] = given, family, login
	c["acr"], c["amr"], c["ipaddr"] = "1", []string{"pwd", "mfa"}, "203.0.113.17"
	if _, guest := c["idp"]; !guest { // Entra gives guests no upn
		c["upn"] = login
	}
	return c
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails, says its documentation
	return b
}

func opaque(n int) string { return base64.RawURLEncoding.EncodeToString(random(n)) }

// guid is a random one (RFC 9562 section 5.4).
func guid() string {
	b := random(16)
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
