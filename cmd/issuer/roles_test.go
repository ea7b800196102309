package main

import (
	"strings"
	"testing"

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
