package rolestore_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

func TestADocumentAsJSONHasTheNamesOfRolesYAML(t *testing.T) {
	t.Parallel()
	const tenant, id = "7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901", "11d3e5f7-2a4c-46e8-90b2-d4f6a8c0e101"
	until := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	document := rolestore.Document{
		Grants: []rolestore.Grant{
			{
				Tenant: tenant, Principal: rolestore.Principal{Kind: rolestore.KindUser, ID: id}, Role: "editor", Priority: 10, Until: until, Reason: "INC-77",
				Session: map[string]rolestore.Value{"x-hasura-b": rolestore.List("eu"), "x-hasura-a": rolestore.Text("1")},
			},
			{Tenant: tenant, Principal: rolestore.Principal{Kind: rolestore.KindGroup, ID: id}, Role: "a"},
			{Tenant: tenant, Principal: rolestore.Principal{Kind: rolestore.KindAppRole, ID: "R"}, Role: "b"},
			{Tenant: tenant, Principal: rolestore.Principal{Kind: rolestore.KindApp, ID: id}, Role: "c"},
			{Tenant: tenant, Principal: rolestore.Principal{Kind: rolestore.KindEveryone}, Role: "d"},
		},
		Blocks: []rolestore.Block{{Tenant: tenant, Principal: rolestore.Principal{Kind: rolestore.KindUser, ID: id}, Reason: "left"}},
	}
	got, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"grants":[` +
		`{"tenant":"` + tenant + `","user":"` + id + `","role":"editor","priority":10,"session":{"x-hasura-a":"1","x-hasura-b":["eu"]},"until":"2026-12-31T00:00:00Z","reason":"INC-77"},` +
		`{"tenant":"` + tenant + `","group":"` + id + `","role":"a"},` +
		`{"tenant":"` + tenant + `","app_role":"R","role":"b"},` +
		`{"tenant":"` + tenant + `","app":"` + id + `","role":"c"},` +
		`{"tenant":"` + tenant + `","everyone":true,"role":"d"}],` +
		`"blocks":[{"tenant":"` + tenant + `","user":"` + id + `","reason":"left"}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if empty, err := json.Marshal(rolestore.Document{}); err != nil || string(empty) != `{"grants":[],"blocks":[]}` {
		t.Errorf("an empty document: %s, %v", empty, err)
	}
}
