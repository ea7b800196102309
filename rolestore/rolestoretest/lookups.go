package rolestoretest

import (
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// The cast.
const (
	contoso  = "7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901"
	fabrikam = "0c9e8d7f-6a5b-4c3d-8e2f-1a0b9c8d7e6f"

	alice   = "11d3e5f7-0a1b-4c2d-8e3f-4a5b6c7d8e9f"
	mallory = "33f5a7b9-2c3d-4e4f-9a5b-6c7d8e9fa0b1"
	nobody  = "55b7c9db-4e5f-4a6b-8c7d-8e9fa0b1c2d3"

	editors = "d1000001-0000-4000-8000-000000000001"
	writers = "d1000002-0000-4000-8000-000000000002"

	daemon = "c0ffee00-1111-4222-8333-444444444444"
	rogue  = "c0ffee01-1111-4222-8333-444444444444"
)

// content is the document of the look-up tests. Each role occurs once, so that
// it names its grant.
func content() rolestore.Document {
	past, future := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC), time.Date(2099, 2, 3, 4, 5, 6, 0, time.UTC)
	grant := func(tenant string, kind rolestore.PrincipalKind, id, role string) rolestore.Grant {
		return rolestore.Grant{Tenant: tenant, Principal: rolestore.Principal{Kind: kind, ID: id}, Role: role}
	}
	over := grant(contoso, rolestore.KindUser, alice, "alice-over")
	over.Until = past
	later := grant(contoso, rolestore.KindUser, alice, "alice-later")
	later.From = future
	block := func(tenant string, kind rolestore.PrincipalKind, id, reason string, until time.Time) rolestore.Block {
		return rolestore.Block{Tenant: tenant, Principal: rolestore.Principal{Kind: kind, ID: id}, Until: until, Reason: reason}
	}
	return rolestore.Document{
		Grants: []rolestore.Grant{
			grant(contoso, rolestore.KindUser, alice, "alice"), over, later,
			grant(contoso, rolestore.KindUser, mallory, "mallory"),
			grant(contoso, rolestore.KindUser, daemon, "user-with-the-id-of-an-app"),
			grant(contoso, rolestore.KindGroup, editors, "editors"),
			grant(contoso, rolestore.KindGroup, strings.ToUpper(writers), "writers"),
			grant(contoso, rolestore.KindGroup, alice, "group-with-the-id-of-a-user"),
			grant(contoso, rolestore.KindAppRole, "Hasura.Reader", "readers"),
			grant(contoso, rolestore.KindAppRole, `{a,"b\c'}`, "strange-app-role"),
			grant(contoso, rolestore.KindApp, daemon, "daemon"),
			grant(contoso, rolestore.KindApp, alice, "app-with-the-id-of-a-user"),
			grant(contoso, rolestore.KindEveryone, "", "everyone"),
			grant(fabrikam, rolestore.KindUser, alice, "fabrikam-alice"),
			grant(fabrikam, rolestore.KindGroup, editors, "fabrikam-editors"),
			grant(fabrikam, rolestore.KindEveryone, "", "fabrikam-everyone"),
		},
		Blocks: []rolestore.Block{
			block(contoso, rolestore.KindUser, mallory, "mallory left", time.Time{}),
			block(contoso, rolestore.KindApp, rogue, "rogue", future),
			block(contoso, rolestore.KindApp, mallory, "app with the id of mallory", past),
			block(fabrikam, rolestore.KindUser, alice, "alice at fabrikam", past),
		},
	}
}

func userQuery() rolestore.Query { return rolestore.Query{TenantID: contoso, ObjectID: alice} }

// lookup is one caller, the roles of its grants and the reasons of its blocks.
type lookup struct {
	query  rolestore.Query
	roles  []string
	blocks []string
}

func lookups() map[string]lookup {
	own := []string{"alice", "alice-over", "alice-later", "everyone"}
	with := func(more ...string) []string { return append(more, own...) }
	return map[string]lookup{
		"a user gets its own and everyone's, also what is over and what has not begun": {
			query: userQuery(), roles: own,
		},
		"groups and app roles add theirs": {
			query: rolestore.Query{TenantID: contoso, ObjectID: alice, Groups: []string{editors, nobody, writers}, AppRoles: []string{"Other", "Hasura.Reader"}},
			roles: with("editors", "writers", "readers"),
		},
		"GUIDs are compared in any case": {
			query: rolestore.Query{TenantID: strings.ToUpper(contoso), ObjectID: strings.ToUpper(alice), Groups: []string{strings.ToUpper(editors), writers}},
			roles: with("editors", "writers"),
		},
		"app roles are compared exactly": {
			query: rolestore.Query{TenantID: contoso, ObjectID: alice, AppRoles: []string{"hasura.reader", "Hasura.Reader ", `{a,"b\c'}`}},
			roles: with("strange-app-role"),
		},
		"a group that is named twice counts once": {
			query: rolestore.Query{TenantID: contoso, ObjectID: alice, Groups: []string{editors, strings.ToUpper(editors), editors}, AppRoles: []string{"Hasura.Reader", "Hasura.Reader"}},
			roles: with("editors", "readers"),
		},
		"what no grant can name is passed over": {
			query: rolestore.Query{
				TenantID: contoso, ObjectID: alice,
				Groups:   []string{"", "editors", "\x00", "\xff", editors + " ", editors},
				AppRoles: []string{"", "\x00", "\xff", "a b", editors, strings.Repeat("x", 9999)},
			},
			roles: with("editors"),
		},
		"a user does not get what its client may, nor is it blocked with it": {
			query: rolestore.Query{TenantID: contoso, ObjectID: alice, ClientID: rogue}, roles: own,
		},
		"a user with the id of an app is not that app": {
			query: rolestore.Query{TenantID: contoso, ObjectID: daemon, ClientID: daemon},
			roles: []string{"user-with-the-id-of-an-app", "everyone"},
		},
		"an app gets its own and everyone's, by client id and not by object id": {
			query: rolestore.Query{TenantID: contoso, App: true, ClientID: strings.ToUpper(daemon), ObjectID: alice},
			roles: []string{"daemon", "everyone"},
		},
		"an app has groups and app roles too": {
			query: rolestore.Query{TenantID: contoso, App: true, ClientID: daemon, Groups: []string{editors}, AppRoles: []string{"Hasura.Reader"}},
			roles: []string{"daemon", "everyone", "editors", "readers"},
		},
		"an app with the id of a user is not that user": {
			query: rolestore.Query{TenantID: contoso, App: true, ClientID: alice},
			roles: []string{"app-with-the-id-of-a-user", "everyone"},
		},
		"a stranger gets what everyone gets": {
			query: rolestore.Query{TenantID: contoso, ObjectID: nobody}, roles: []string{"everyone"},
		},
		"another tenant is another world": {
			query:  rolestore.Query{TenantID: fabrikam, ObjectID: alice, Groups: []string{editors, writers}, AppRoles: []string{"Hasura.Reader"}},
			roles:  []string{"fabrikam-alice", "fabrikam-editors", "fabrikam-everyone"},
			blocks: []string{"alice at fabrikam"},
		},
		"an unknown tenant has nothing": {
			query: rolestore.Query{TenantID: nobody, ObjectID: alice, Groups: []string{editors}},
		},
		"a blocked user keeps its grants beside the block": {
			query: rolestore.Query{TenantID: contoso, ObjectID: strings.ToUpper(mallory)},
			roles: []string{"mallory", "everyone"}, blocks: []string{"mallory left"},
		},
		"a blocked app is found by its client id, also when the block is over": {
			query: rolestore.Query{TenantID: contoso, App: true, ClientID: mallory},
			roles: []string{"everyone"}, blocks: []string{"app with the id of mallory"},
		},
		"a block does not fall on who names the blocked one as a group": {
			query: rolestore.Query{TenantID: contoso, ObjectID: nobody, Groups: []string{mallory}},
			roles: []string{"everyone"},
		},
	}
}
