package main

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

func TestRolesApplyShowsTheDifferenceAndAsks(t *testing.T) {
	t.Parallel()
	settings := migrated(t)
	path := rolesFile(t)

	code, stdout, stderr := execute(t, settings, "roles", "apply", "-f", path)
	if code != exitUsage || !strings.Contains(stderr, "--yes") || !strings.Contains(stdout, "+ ") {
		t.Errorf("without a terminal and without --yes: exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	if _, stdout, _ := execute(t, settings, "roles", "apply", "--dry-run", "-f", path); !strings.Contains(stdout, "+ ") {
		t.Errorf("--dry-run: %q", stdout)
	}
	if _, stdout, _ := execute(t, settings, "roles", "export"); strings.Contains(stdout, "role: reader") {
		t.Errorf("something was applied: %q", stdout)
	}
	if code, _, stderr := executeWith(t, settings, string(devRoles), "roles", "apply", "--yes", "-f", "-"); code != exitDone {
		t.Errorf("from standard input: exit code %d, stderr %q", code, stderr)
	}
	if code, stdout, _ := execute(t, settings, "roles", "apply", "-f", path); code != exitDone || strings.Contains(stdout, "+ ") {
		t.Errorf("nothing to change needs no answer: exit code %d, %q", code, stdout)
	}
	if _, _, stderr := executeWith(t, settings, "grants: []\n", "roles", "apply", "--yes", "-f", "-"); !strings.Contains(stderr, "5 entries are not in the file and stay; --prune removes them") {
		t.Errorf("without --prune: %q", stderr)
	}
	_, stdout, stderr = executeWith(t, settings, "grants: []\n", "roles", "apply", "--dry-run", "--prune", "-f", "-")
	if strings.Contains(stderr, "stay") || strings.Count(stdout, "- grant") != 5 {
		t.Errorf("with --prune: %q, %q", stdout, stderr)
	}
}

func TestATerminalIsAsked(t *testing.T) {
	t.Parallel()
	for reply, want := range map[string]int{"y\n": exitDone, "yes\n": exitDone, "n\n": exitFailed, "\n": exitFailed, "": exitFailed} {
		t.Run(reply, func(t *testing.T) {
			t.Parallel()
			errs := newOutput()
			p := program{environ: migrated(t), stdin: strings.NewReader(reply), stdout: newOutput(), stderr: errs, terminal: true}
			if code := p.run(t.Context(), []string{"roles", "apply", "-f", rolesFile(t)}); code != want {
				t.Errorf("exit code %d, want %d; stderr %q", code, want, errs)
			}
		})
	}
}

func TestExportApplyExportIsByteIdentical(t *testing.T) {
	t.Parallel()
	settings := migrated(t)
	if code, _, stderr := execute(t, settings, "roles", "apply", "--yes", "-f", rolesFile(t)); code != exitDone {
		t.Fatal(stderr)
	}
	_, first, _ := execute(t, settings, "roles", "export")
	other := migrated(t)
	if code, _, stderr := executeWith(t, other, first, "roles", "apply", "--yes", "-f", "-"); code != exitDone {
		t.Fatal(stderr)
	}
	_, second, _ := execute(t, other, "roles", "export")
	if diff := cmp.Diff(first, second); diff != "" || !strings.Contains(first, "x-hasura-regions: [eu, us]") {
		t.Errorf("export after apply of an export (-first +second):\n%s\n%s", diff, first)
	}
	_, list, _ := execute(t, settings, "roles", "list")
	if !strings.Contains(list, "editor") || !strings.Contains(list, "group") || !strings.Contains(list, "x-hasura-org-id=42 x-hasura-regions=[eu,us]") {
		t.Errorf("list: %q", list)
	}
	if _, list, _ := execute(t, settings, "roles", "list", "--json"); !strings.Contains(list, `"grants"`) {
		t.Errorf("list --json: %q", list)
	}
}

func TestRolesInAFileAreChangedThere(t *testing.T) {
	t.Parallel()
	code, _, stderr := execute(t, []string{"ISSUER_ROLES_FILE=" + rolesFile(t)}, "roles", "apply", "--yes", "-f", rolesFile(t))
	if code != exitUsage || !strings.Contains(stderr, "edit the file") {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
	if code, stdout, _ := execute(t, []string{"ISSUER_ROLES_FILE=" + rolesFile(t)}, "roles", "export"); code != exitDone || !strings.Contains(stdout, "role: editor") {
		t.Errorf("export: exit code %d, %q", code, stdout)
	}
}

func TestOnAFileRolesAreListedAndNotChanged(t *testing.T) {
	t.Parallel()
	settings := []string{"ISSUER_ROLES_FILE=" + rolesFile(t), "ISSUER_ENTRA_TENANTS=" + inTenant}
	for _, line := range []string{
		"grant --everyone --role a", "revoke --everyone --role a --yes", "block --user " + someone, "unblock --user " + someone + " --yes",
	} {
		if code, _, stderr := execute(t, settings, append([]string{"roles"}, strings.Fields(line)...)...); code != exitUsage || !strings.Contains(stderr, "edit the file") {
			t.Errorf("issuer roles %s: exit code %d, %q", line, code, stderr)
		}
	}
	if code, _, stderr := execute(t, settings, "roles", "history"); code != exitUsage || !strings.Contains(stderr, "version control") {
		t.Errorf("history: exit code %d, %q", code, stderr)
	}
	if code, stdout, _ := execute(t, settings, "roles", "list", "--role", "editor"); code != exitDone || strings.Count(stdout, "\n") != 2 {
		t.Errorf("list: exit code %d, %q", code, stdout)
	}
}

func TestBesideAQueryOfOnesOwnOnlyBlocksAreChanged(t *testing.T) {
	t.Parallel()
	settings := append(oneTenant(t), "ISSUER_ROLES_QUERY_FILE="+written(t, "SELECT role FROM own.people WHERE id = @subject"))
	for _, line := range []string{"grant --everyone --role a", "revoke --everyone --role a --yes", "apply --yes -f " + rolesFile(t)} {
		code, stdout, stderr := execute(t, settings, append([]string{"roles"}, strings.Fields(line)...)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, "ISSUER_ROLES_QUERY_FILE") || strings.Count(stderr, "\n") != 1 {
			t.Errorf("issuer roles %s: exit code %d, %q, %q", line, code, stdout, stderr)
		}
	}
	for _, line := range []string{"block --user " + someone, "unblock --user " + someone + " --yes"} {
		if code, _, stderr := execute(t, settings, append([]string{"roles"}, strings.Fields(line)...)...); code != exitDone {
			t.Errorf("issuer roles %s: exit code %d, %q", line, code, stderr)
		}
	}
	for _, command := range []string{"list", "export"} {
		if code, stdout, stderr := execute(t, settings, "roles", command); code != exitDone || stdout == "" || !strings.Contains(stderr, "nobody asks the grants") {
			t.Errorf("issuer roles %s: exit code %d, %q, %q", command, code, stdout, stderr)
		}
	}
}

// over are entries that are no longer in force.
const over = `grants:
  - { tenant: ` + inTenant + `, everyone: true, role: over, from: 2020-01-01T00:00:00Z, until: 2020-01-02T00:00:00Z }
blocks:
  - { tenant: ` + inTenant + `, app: ` + someone + `, until: 2020-01-01T00:00:00Z }
`

func TestTheListIsNarrowedByEveryFlag(t *testing.T) {
	t.Parallel()
	settings, roles := changes(t)
	if code, _, stderr := roles("block", "--user", someone); code != exitDone {
		t.Fatal(stderr)
	}
	if code, _, stderr := executeWith(t, settings, over, "roles", "apply", "--yes", "-f", "-"); code != exitDone {
		t.Fatal(stderr)
	}
	for line, want := range map[string][2]int{ // how many grants and blocks
		"": {6, 2}, "--tenant " + strings.ToUpper(inTenant): {6, 2}, "--tenant 0c9e8d7f-6a5b-4c3d-8e2f-1a0b9c8d7e6f": {0, 0},
		"--user " + someone: {0, 1}, "--user 33f5a7b9-4c6e-48a0-92d4-f6b8cae20303": {1, 0}, "--group d1000001-aaaa-4bbb-8ccc-000000000001": {1, 0},
		"--app-role Hasura.Reader": {1, 0}, "--app " + someone: {0, 1}, "--everyone": {1, 0}, "--role reader": {2, 0},
		"--role reader --app-role Hasura.Reader": {1, 0}, "--blocks": {0, 2}, "--expired": {1, 1}, "--expired --blocks": {0, 1}, "--blocks --app " + someone: {0, 1},
	} {
		code, stdout, stderr := roles(append([]string{"list", "--json"}, strings.Fields(line)...)...)
		var got struct{ Grants, Blocks []any }
		if err := json.Unmarshal([]byte(stdout), &got, json.MatchCaseInsensitiveNames(true)); err != nil || code != exitDone {
			t.Fatalf("list %s: exit code %d, %v, %q", line, code, err, stderr)
		}
		if diff := cmp.Diff(want, [2]int{len(got.Grants), len(got.Blocks)}); diff != "" {
			t.Errorf("list %s: grants and blocks (-want +got):\n%s", line, diff)
		}
	}
	_, exported, _ := roles("export", "--json")
	if _, listed, _ := roles("list", "--json"); exported != listed {
		t.Errorf("export --json is not list --json:\n%s\n%s", exported, listed)
	}
}

func TestApplyPrintsWhatItDidAsJSON(t *testing.T) {
	t.Parallel()
	settings := oneTenant(t)
	for _, want := range []struct {
		args    []string
		added   int
		applied bool
	}{{[]string{"--dry-run"}, 5, false}, {[]string{"--yes"}, 5, true}, {nil, 0, false}} {
		code, stdout, stderr := execute(t, settings, append([]string{"roles", "apply", "--json", "-f", rolesFile(t)}, want.args...)...)
		var got struct {
			Grants  struct{ Added []any }
			Applied bool
		}
		if err := json.Unmarshal([]byte(stdout), &got, json.MatchCaseInsensitiveNames(true)); code != exitDone || err != nil || len(got.Grants.Added) != want.added || got.Applied != want.applied {
			t.Errorf("%v: exit code %d, %v, %q, %q", want.args, code, err, stdout, stderr)
		}
	}
}
