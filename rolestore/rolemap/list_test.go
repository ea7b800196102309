package rolemap_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolemap"
)

func TestAllThatIsKeptIsListed(t *testing.T) {
	t.Parallel()
	s := withRole(t)
	s.must(s.store.PutRole(t.Context(), known, rolemap.Role{Role: "bare", Component: "urn:bare"}, nil))
	s.list(found("user:b", bob), lost("user:x", rolemap.Unknown))
	_, err := s.store.PutHolders(t.Context(), known, rolemap.List{Tenant: tenant, Role: sales, Kind: rolestore.KindGroup, Holders: []rolemap.Holder{found("group:g", carol)}})
	s.must(err)
	got, err := s.store.All(t.Context())
	s.must(err)
	want := []rolemap.Mapped{
		{Role: "bare", Component: "urn:bare", Fields: []string{}, Holders: []rolemap.Listed{}},
		{Role: sales, Component: "urn:sales", Fields: []string{"orders"}, Holders: []rolemap.Listed{
			{Tenant: tenant, Kind: rolestore.KindUser, Name: "user:b", ID: bob},
			{Tenant: tenant, Kind: rolestore.KindUser, Name: "user:x", Unresolved: rolemap.Unknown},
			{Tenant: tenant, Kind: rolestore.KindGroup, Name: "group:g", ID: carol},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("all (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]rolemap.Holder{found("group:g", carol)}, got[1].Listed(tenant, rolestore.KindGroup)); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
}

// seedSchema is that of the role mapper whose tables are read, with everything that is allowed there.
const seedSchema = `CREATE SCHEMA "role ""mapping";
CREATE TABLE "role ""mapping".roles (role_id varchar(255) PRIMARY KEY, component_id varchar(255) UNIQUE NOT NULL);
CREATE TABLE "role ""mapping".role_graphql_root_field_names (role_id varchar(255) REFERENCES "role ""mapping".roles, graphql_root_field_name varchar(255), PRIMARY KEY (role_id, graphql_root_field_name));
CREATE TABLE "role ""mapping".user_roles ("user" varchar(255), role_id varchar(255) REFERENCES "role ""mapping".roles, last_update timestamp, PRIMARY KEY ("user", role_id));
CREATE TABLE "role ""mapping".group_roles ("group" varchar(255), role_id varchar(255) REFERENCES "role ""mapping".roles, last_update timestamp, PRIMARY KEY ("group", role_id));
INSERT INTO "role ""mapping".roles VALUES ('b', 'urn:b'), ('a', 'urn:a');
INSERT INTO "role ""mapping".role_graphql_root_field_names VALUES ('b', 'y'), ('b', 'x');
INSERT INTO "role ""mapping".user_roles VALUES ('user:u', 'b', now()), ('user:t', 'b', now());
INSERT INTO "role ""mapping".group_roles VALUES ('group:g', 'b', now())`

func TestTheTablesOfTheOtherRoleMapperAreRead(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, err := s.pool.Exec(t.Context(), seedSchema)
	s.must(err)
	got, err := rolemap.ReadSeed(t.Context(), s.pool, `role "mapping`)
	s.must(err)
	want := []rolemap.Seed{
		{Role: rolemap.Role{Role: "a", Component: "urn:a"}, Fields: []string{}, Users: []string{}, Groups: []string{}},
		{Role: rolemap.Role{Role: "b", Component: "urn:b"}, Fields: []string{"x", "y"}, Users: []string{"user:t", "user:u"}, Groups: []string{"group:g"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	wantProblem := func(schema, want string) {
		t.Helper()
		_, err := rolemap.ReadSeed(t.Context(), s.pool, schema)
		if err == nil || !strings.Contains(err.Error(), "the role mapper's database "+want) || errors.Is(err, rolestore.ErrUnavailable) {
			t.Errorf("%v, want %q of the role mapper's database, and nothing of our own", err, want)
		}
	}
	wantProblem("other", `lacks a table or a column in the schema "other"`)
	_, err = s.pool.Exec(t.Context(), `CREATE SCHEMA half; CREATE TABLE half.roles (role_id text);
CREATE TABLE half.role_graphql_root_field_names (role_id text, graphql_root_field_name text);
CREATE TABLE half.user_roles ("user" text, role_id text); CREATE TABLE half.group_roles ("group" text, role_id text)`)
	s.must(err)
	wantProblem("half", "lacks a table or a column")
	s.pool.Close()
	wantProblem(`role "mapping`, "could not answer")
}
