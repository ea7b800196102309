package rolestore_test

import (
	"testing"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// The cast of these tests.
const (
	contoso  = "7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901"
	fabrikam = "0c9e8d7f-6a5b-4c3d-8e2f-1a0b9c8d7e6f"
	alice    = "11d3e5f7-0a1b-4c2d-8e3f-4a5b6c7d8e9f"
	bob      = "22e4f6a8-1b2c-4d3e-8f4a-5b6c7d8e9fa0"
	editors  = "d1000001-0000-4000-8000-000000000001"
)

func userGrant(id, role string) rolestore.Grant {
	return rolestore.Grant{Tenant: contoso, Principal: rolestore.Principal{Kind: rolestore.KindUser, ID: id}, Role: role}
}

func userBlock(id, reason string) rolestore.Block {
	return rolestore.Block{Tenant: contoso, Principal: rolestore.Principal{Kind: rolestore.KindUser, ID: id}, Reason: reason}
}

func aliceQuery() rolestore.Query { return rolestore.Query{TenantID: contoso, ObjectID: alice} }

// rolesOf returns the roles of an answer, in its order.
func rolesOf(a rolestore.Answer) []string {
	var roles []string
	for _, g := range a.Grants {
		roles = append(roles, g.Role)
	}
	return roles
}
