package faketenant

import (
	"fmt"
	"strings"
)

// Groups that the personas are members of, and the object ids that other files need.
const (
	GroupOne = "d1000001-aaaa-4bbb-8ccc-000000000001" // of editor and crowded
	GroupTwo = "d1000002-aaaa-4bbb-8ccc-000000000002" // of editor

	crowdedGroups  = 250
	daemonObjectID = "44a6b8ca-5d7f-49b1-83e5-a7c9dbf31404"
	daemonRole     = "Hasura.Exchange"
	operatorRole   = "Issuer.Admin"
	globalAdmin    = "62e90394-69f5-4237-9190-012177145e10" // the template of a directory role
)

// Persona is somebody who can have a token. The ids stay the same from start to start, so that roles can be granted
// to them in a file.
type Persona struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	ObjectID    string   `json:"object_id"` // lower-case GUID
	Groups      []string `json:"groups"`    // lower-case GUIDs, as the directory has them now
	AppRoles    []string `json:"app_roles"` // values of the roles claim
}

// identity is a persona, or an app that speaks for itself, with what only its tokens tell.
type identity struct {
	Persona
	fullName, login string         // both empty: a program
	extra           map[string]any // further claims, in tokens of both versions
}

func (id identity) program() bool { return id.login == "" }

// cast are the personas as they are on the first day. They are made anew at each call, so that no caller can alter
// those of another.
func (t *Tenant) cast() []identity {
	none := []string{}
	return []identity{
		{
			Persona{"reader", "has the app role Hasura.Reader", "11d3e5f7-2a4c-46e8-90b2-d4f6a8c0e101", none, []string{"Hasura.Reader"}},
			"Alice Example", "alice@contoso.example", nil,
		},
		{
			Persona{"editor", "is a member of two groups", "66c8dae0-7f91-4bd3-a507-b9ecfd053606", []string{GroupOne, GroupTwo}, none},
			"Erin Example", "erin@contoso.example", nil,
		},
		{
			Persona{"crowded", "is a member of so many groups that the token leaves them out", "22e4f6a8-3b5d-47f9-81c3-e5a7b9d1f202", crowd(), none},
			"Bob Example", "bob@contoso.example", nil,
		},
		{
			Persona{"nobody", "holds a directory role in Entra, which is no Hasura role", "77d9ebf1-80a2-4ce4-b618-caf0de164707", none, none},
			"Nadia Example", "nadia@contoso.example",
			map[string]any{"wids": []string{globalAdmin}},
		},
		{
			Persona{"guest", "is a guest from another directory", "33f5a7b9-4c6e-48a0-92d4-f6b8cae20303", none, none},
			"Gus Guest", "gus@fabrikam.example",
			map[string]any{"email": "gus@fabrikam.example", "idp": t.V1Issuer(OtherTenantID), "acct": 1},
		},
		{
			Persona{"daemon", "is a program, with the app role Hasura.Exchange", daemonObjectID, none, []string{daemonRole}},
			"", "",
			map[string]any{"idtyp": "app"},
		},
		{
			Persona{"operator", "has the app role Issuer.Admin, which operates the issuer", "88eafc02-91b3-4df5-a729-dbf1e2750808", none, []string{operatorRole}},
			"Olga Example", "olga@contoso.example", nil,
		},
	}
}

// crowd are the groups of crowded: GroupOne is one of them, somewhere in the middle.
func crowd() []string {
	var all []string
	for i := range crowdedGroups - 1 {
		if i == crowdedGroups/2 {
			all = append(all, GroupOne)
		}
		all = append(all, fmt.Sprintf("d2000000-aaaa-4bbb-8ccc-%012d", i+1))
	}
	return all
}

// identities are the personas with the groups that the directory knows of now.
func (t *Tenant) identities() []identity {
	all := t.cast()
	for i := range all {
		if object, known := t.directory.find(t.tenantIDs[0], all[i].ObjectID); known {
			all[i].Groups = append([]string{}, object.groups...)
		}
	}
	return all
}

// identity finds a persona by its name, object id or login.
func (t *Tenant) identity(name string) (identity, bool) {
	for _, id := range t.identities() {
		if id.Name == name || id.ObjectID == name || (id.login != "" && id.login == name) {
			return id, true
		}
	}
	return identity{}, false
}

// Personas are reader, editor, crowded, nobody, guest, daemon and operator, in this order. The caller owns the answer.
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
