package main

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// witboost is a database with the tables of the role mapper, and runs more statements in it.
func witboost(t *testing.T) (url string, run func(sql string)) {
	t.Helper()
	url = pgtest.NewEmpty(t)
	run = func(sql string) {
		t.Helper()
		connection, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close(t.Context())
		if _, err := connection.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	run(`CREATE SCHEMA rolemapping;
CREATE TABLE rolemapping.roles (role_id varchar(255) PRIMARY KEY, component_id varchar(255) UNIQUE NOT NULL);
CREATE TABLE rolemapping.role_graphql_root_field_names (role_id varchar(255), graphql_root_field_name varchar(255));
CREATE TABLE rolemapping.user_roles ("user" varchar(255), role_id varchar(255), last_update timestamp);
CREATE TABLE rolemapping.group_roles ("group" varchar(255), role_id varchar(255), last_update timestamp);
INSERT INTO rolemapping.roles VALUES ('sales_orders_0_view_role', 'urn:dmb:cmp:sales:orders:0:view'), ('bare', 'urn:bare');
INSERT INTO rolemapping.role_graphql_root_field_names VALUES ('sales_orders_0_view_role', 'orders'), ('sales_orders_0_view_role', 'orders_by_pk');
INSERT INTO rolemapping.user_roles VALUES ('user:alice_contoso.example', 'sales_orders_0_view_role', now()), ('user:eve_contoso.example', 'sales_orders_0_view_role', now());
INSERT INTO rolemapping.group_roles VALUES ('group:Editors', 'sales_orders_0_view_role', now())`)
	return url, run
}

func TestTheOtherRoleMappersTablesAreTakenOver(t *testing.T) {
	t.Parallel()
	url, run := witboost(t)
	tenant, settings := mapping(t)
	settings = append(settings, "ISSUER_WITBOOST_DATABASE_URL="+url)
	roles := func(args ...string) (code int, stdout, stderr string) {
		t.Helper()
		out, errs := newOutput(), newOutput()
		p := program{environ: settings, stdin: strings.NewReader(""), stdout: out, stderr: errs, azure: tenant.Client()}
		code = p.run(t.Context(), append([]string{"roles"}, args...))
		if strings.Contains(out.String()+errs.String(), url) {
			t.Error("the database URL is shown")
		}
		return code, out.String(), errs.String()
	}
	const plan = "+ role bare of urn:bare\n+ role sales_orders_0_view_role of urn:dmb:cmp:sales:orders:0:view\n" +
		"+ role sales_orders_0_view_role: root field orders\n+ role sales_orders_0_view_role: root field orders_by_pk\n" +
		"+ role sales_orders_0_view_role: user:alice_contoso.example, who is 11d3e5f7-2a4c-46e8-90b2-d4f6a8c0e101\n" +
		"+ role sales_orders_0_view_role: user:eve_contoso.example, who is nobody (unknown)\n" +
		"+ role sales_orders_0_view_role: group:Editors, who is " + faketenant.GroupOne + "\n" +
		"? role sales_orders_0_view_role: user:eve_contoso.example (unknown)\n"
	if code, stdout, stderr := roles("import-witboost"); code != exitUsage || stdout != plan || !strings.Contains(stderr, "--yes") {
		t.Errorf("without a terminal: exit code %d\n%s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := roles("import-witboost", "--dry-run"); code != exitDone || stdout != plan || !strings.Contains(stderr, "--dry-run") {
		t.Errorf("--dry-run: exit code %d\n%s%s", code, stdout, stderr)
	}
	if _, stdout, _ := roles("mapped"); strings.Contains(stdout, "sales") {
		t.Errorf("something was imported: %s", stdout)
	}
	if code, stdout, stderr := roles("import-witboost", "--yes", "--as", "migration"); code != exitDone || stdout != plan || !strings.Contains(stderr, "imported; nobody was found by 1 names") {
		t.Errorf("--yes: exit code %d\n%s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := roles("import-witboost"); code != exitDone || strings.Contains(stdout, "+ ") || !strings.Contains(stderr, "nothing to change") {
		t.Errorf("again: exit code %d\n%s%s", code, stdout, stderr)
	}
	if _, stdout, _ := roles("who-has", "sales_orders_0_view_role"); !strings.Contains(stdout, personaObject(t, tenant, "reader")) || !strings.Contains(stdout, faketenant.GroupOne) {
		t.Errorf("who has it:\n%s", stdout)
	}
	if _, stdout, _ := roles("history", "--json", "--limit", "2"); strings.Count(stdout, `"cli:migration"`) != 2 {
		t.Errorf("history:\n%s", stdout)
	}
	if code, stdout, _ := roles("mapped", "--unresolved"); code != exitDone || strings.Count(stdout, "\n") != 3 || !strings.Contains(stdout, "nobody (unknown)") {
		t.Errorf("mapped --unresolved: exit code %d\n%s", code, stdout)
	}
	_, stdout, _ := roles("mapped", "--json")
	var mapped struct {
		Roles []struct {
			Fields  []string `json:"graphql_root_field_names"`
			Holders []any    `json:"holders"`
		} `json:"roles"`
	}
	if err := json.Unmarshal([]byte(stdout), &mapped); err != nil || len(mapped.Roles) != 2 || len(mapped.Roles[1].Fields) != 2 || len(mapped.Roles[1].Holders) != 3 {
		t.Errorf("mapped --json: %v\n%s", err, stdout)
	}

	run(`DELETE FROM rolemapping.user_roles WHERE "user" LIKE 'user:alice%'; DELETE FROM rolemapping.role_graphql_root_field_names WHERE graphql_root_field_name = 'orders_by_pk'`)
	tenant.SetUserName("77d9ebf1-80a2-4ce4-b618-caf0de164707", "eve@contoso.example")
	if code, _, stderr := roles("import-witboost", "--yes"); code != exitUsage || !strings.Contains(stderr, "1 of all 7 grants go: this takes --confirm-removal") {
		t.Errorf("more than a tenth of all grants go: exit code %d, %s", code, stderr)
	}
	code, stdout, _ := roles("import-witboost", "--json", "--yes", "--confirm-removal")
	var done struct {
		Changes, Unresolved []string
		Applied             bool
	}
	want := "- role sales_orders_0_view_role: root field orders_by_pk\n~ role sales_orders_0_view_role: user:eve_contoso.example, who is 77d9ebf1-80a2-4ce4-b618-caf0de164707\n" +
		"- role sales_orders_0_view_role: user:alice_contoso.example, who is 11d3e5f7-2a4c-46e8-90b2-d4f6a8c0e101"
	if err := json.Unmarshal([]byte(stdout), &done, json.MatchCaseInsensitiveNames(true)); err != nil || code != exitDone || !done.Applied || len(done.Unresolved) != 0 || strings.Join(done.Changes, "\n") != want {
		t.Errorf("after changes: exit code %d, %v\n%s", code, err, stdout)
	}
	run(`INSERT INTO rolemapping.group_roles VALUES ('group:Later', 'bare', now())`)
	if code, _, stderr := roles("import-witboost", "--yes"); code != exitDone {
		t.Errorf("a group that is not there yet: exit code %d, %s", code, stderr)
	}
	tenant.SetGroupName(faketenant.GroupTwo, "Later")
	tenant.SetGroupName(faketenant.GroupOne, "Renamed") // whoever was found is not looked up again
	if code, stdout, stderr := roles("resolve", "--dry-run"); code != exitDone || stdout != "~ role bare: group:Later, who is "+faketenant.GroupTwo+"\n" {
		t.Errorf("resolve --dry-run: exit code %d\n%s%s", code, stdout, stderr)
	}
	if code, _, stderr := roles("resolve", "--yes"); code != exitDone || !strings.Contains(stderr, "resolved") {
		t.Errorf("resolve: exit code %d, %s", code, stderr)
	}
	if _, stdout, _ := roles("who-has", "bare"); !strings.Contains(stdout, faketenant.GroupTwo) {
		t.Errorf("who has it:\n%s", stdout)
	}
	if code, stdout, stderr := roles("resolve"); code != exitDone || stdout != "" || !strings.Contains(stderr, "nothing to change") {
		t.Errorf("nothing is left: exit code %d\n%s%s", code, stdout, stderr)
	}
	tenant.SetGroupName(faketenant.GroupOne, "Editors")
	tenant.SetWeather(faketenant.PartGraph, faketenant.Weather{Status: 403})
	if code, stdout, stderr := roles("import-witboost", "--yes"); code != exitDone || stdout != "" || !strings.Contains(stderr, "could not be looked up") {
		t.Errorf("with Graph down, whoever was found stays: exit code %d\n%s%s", code, stdout, stderr)
	}
	run(`INSERT INTO rolemapping.roles VALUES ('1st role', 'c'), ('admin', 'd')`)
	if code, _, stderr := roles("import-witboost", "--yes"); code != exitFailed || !strings.Contains(stderr, `"1st role"`) || !strings.Contains(stderr, `"admin"`) {
		t.Errorf("roles that cannot be: exit code %d, %s", code, stderr)
	}
	if code, _, stderr := roles("import-witboost", "--schema", "other", "--yes"); code != exitFailed || !strings.Contains(stderr, `the role mapper's database lacks a table or a column in the schema "other"`) {
		t.Errorf("no tables: exit code %d, %s", code, stderr)
	}
	settings = append(settings, "ISSUER_WITBOOST_DATABASE_URL=postgres://127.0.0.1:1/x")
	if code, _, stderr := roles("import-witboost", "--yes"); code != exitFailed || !strings.Contains(stderr, "ISSUER_WITBOOST_DATABASE_URL: the role mapper's database could not answer") {
		t.Errorf("no database: exit code %d, %s", code, stderr)
	}
}

func TestWhatAnImportNeedsIsSaid(t *testing.T) {
	t.Parallel()
	database := migrated(t)
	for name, c := range map[string]struct {
		settings []string
		want     string
	}{
		"a tenant":            {database, "ISSUER_COMPAT_TENANT is not set"},
		"the tables":          {append(database, "ISSUER_ENTRA_TENANTS="+inTenant), "ISSUER_WITBOOST_DATABASE_URL is not set"},
		"a URL":               {append(database, "ISSUER_ENTRA_TENANTS="+inTenant, "ISSUER_WITBOOST_DATABASE_URL=hunter2"), "ISSUER_WITBOOST_DATABASE_URL: "},
		"grants in force":     {append(database, "ISSUER_ROLES_FILE="+rolesFile(t)), "unset ISSUER_ROLES_FILE"},
		"a database of ours":  {[]string{"ISSUER_ROLES_FILE=" + rolesFile(t)}, "ISSUER_DATABASE_URL is not set"},
		"a name that is none": {append(database, "ISSUER_ENTRA_TENANTS="+inTenant), "--as"},
	} {
		args := []string{"roles", "import-witboost", "--yes"}
		if c.want == "--as" {
			args = append(args, "--as", "a\nb")
		}
		if code, _, stderr := execute(t, c.settings, args...); code != exitUsage || !strings.Contains(stderr, c.want) || strings.Contains(stderr, "hunter2") {
			t.Errorf("%s: exit code %d, %s", name, code, stderr)
		}
	}
}
