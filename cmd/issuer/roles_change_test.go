package main

import (
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
)

// The cast of these tests.
const (
	inTenant = "7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901"
	someone  = "11d3e5f7-2a4c-46e8-90b2-d4f6a8c0e101"
)

// oneTenant are settings with a database in which one tenant is allowed.
func oneTenant(t *testing.T) []string {
	t.Helper()
	return append(migrated(t), "ISSUER_ENTRA_TENANTS="+inTenant)
}

// changes runs a command that changes roles with a database that holds what `issuer dev` does: five grants.
func changes(t *testing.T) (settings []string, roles func(args ...string) (code int, stdout, stderr string)) {
	t.Helper()
	settings = oneTenant(t)
	if code, _, stderr := execute(t, settings, "roles", "apply", "--yes", "-f", rolesFile(t)); code != exitDone {
		t.Fatal(stderr)
	}
	return settings, func(args ...string) (int, string, string) {
		return execute(t, settings, append([]string{"roles"}, args...)...)
	}
}

func TestAGrantIsMadeOnceAndChangedOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	_, roles := changes(t)
	grant := []string{"grant", "--user", someone, "--role", "oncall", "--until", "2031-12-31", "--reason", "INC-77", "--priority", "3", "--session", "x-hasura-org-id=42", "--session", "x-hasura-regions=[eu, us]"}
	const entry = "{ tenant: " + inTenant + ", user: " + someone + `, role: oncall, priority: 3, session: { x-hasura-org-id: "42", x-hasura-regions: [eu, us] }, until: 2031-12-31T00:00:00Z, reason: "INC-77" }`
	if code, stdout, stderr := roles(append(grant, "--dry-run")...); code != exitDone || stdout != "+ grant "+entry+"\n" || !strings.Contains(stderr, "--dry-run") {
		t.Errorf("--dry-run: exit code %d, %q, %q", code, stdout, stderr)
	}
	if code, stdout, stderr := roles(grant...); code != exitDone || stdout != "+ grant "+entry+"\n" || stderr != "granted\n" {
		t.Errorf("the first time: exit code %d, %q, %q", code, stdout, stderr)
	}
	if code, stdout, stderr := roles(grant...); code != exitDone || stdout != "" || stderr != "this is granted already\n" {
		t.Errorf("again: exit code %d, %q, %q", code, stdout, stderr)
	}
	other := []string{"grant", "--user", someone, "--role", "oncall"}
	if code, stdout, stderr := roles(other...); code != exitUsage || !strings.HasPrefix(stdout, "~ grant "+entry+" -> ") || !strings.Contains(stderr, "--yes") {
		t.Errorf("otherwise: exit code %d, %q, %q", code, stdout, stderr)
	}
	code, stdout, stderr := roles(append(other, "--yes", "--json")...)
	var done struct {
		Grants struct {
			Changed []struct{ Before, After map[string]any }
		}
		Applied bool
	}
	err := json.Unmarshal([]byte(stdout), &done, json.MatchCaseInsensitiveNames(true))
	if code != exitDone || err != nil || !done.Applied || len(done.Grants.Changed) != 1 || done.Grants.Changed[0].Before["reason"] != "INC-77" || stderr != "granted\n" {
		t.Errorf("otherwise, with --yes: exit code %d, %v, %q, %q", code, err, stdout, stderr)
	}
}

func TestWhatIsRevokedIsNamedAndAskedFor(t *testing.T) {
	t.Parallel()
	_, roles := changes(t)
	for role := range strings.FieldsSeq("a b c d e f g h i j") { // so that one of two readers is neither the last nor a tenth
		if code, _, stderr := roles("grant", "--everyone", "--role", role); code != exitDone {
			t.Fatal(stderr)
		}
	}
	revoke := []string{"revoke", "--app-role", "Hasura.Reader", "--role", "reader"}
	if code, stdout, stderr := roles(revoke...); code != exitUsage || !strings.Contains(stdout, "- grant ") || !strings.Contains(stderr, "--yes") {
		t.Errorf("without --yes: exit code %d, %q, %q", code, stdout, stderr)
	}
	if code, _, stderr := roles(append(revoke, "--yes")...); code != exitDone || stderr != "revoked\n" {
		t.Errorf("with --yes: exit code %d, %q", code, stderr)
	}
	code, stdout, stderr := roles(append(revoke, "--yes")...)
	if code != exitFailed || stdout != "" || !strings.Contains(stderr, `no grant of this role to app_role Hasura.Reader`) {
		t.Errorf("again: exit code %d, %q, %q", code, stdout, stderr)
	}
}

func TestTheLastGrantOfARoleTakesASecondAnswer(t *testing.T) {
	t.Parallel()
	settings, roles := changes(t)
	revoke := []string{"revoke", "--group", "d1000001-aaaa-4bbb-8ccc-000000000001", "--role", "editor"}
	prune := []string{"apply", "--prune", "-f", "-"}
	end := []string{"grant", "--group", "d1000001-aaaa-4bbb-8ccc-000000000001", "--role", "editor", "--from", "2999-01-01"}
	for name, args := range map[string][]string{"revoke": revoke, "apply --prune": prune, "a grant that has not begun": end} {
		args = append([]string{"roles"}, args...)
		code, _, stderr := executeWith(t, settings, "grants: []\n", append(args, "--dry-run")...)
		if code != exitDone || !strings.Contains(stderr, "will ask a second time (--confirm-removal)") || !strings.Contains(stderr, "the last of") {
			t.Errorf("%s --dry-run: exit code %d, %q", name, code, stderr)
		}
		if _, _, stderr := executeWith(t, settings, "grants: []\n", append(args, "--dry-run", "--confirm-removal")...); stderr != "nothing was changed: --dry-run\n" {
			t.Errorf("%s --dry-run --confirm-removal: %q", name, stderr)
		}
		code, _, stderr = executeWith(t, settings, "grants: []\n", append(args, "--yes")...)
		if code != exitUsage || !strings.Contains(stderr, "the last of") || !strings.Contains(stderr, "--confirm-removal") {
			t.Errorf("%s --yes: exit code %d, %q", name, code, stderr)
		}
		code, _, stderr = executeWith(t, settings, "grants: []\n", append(args, "--confirm-removal")...)
		if code != exitUsage || !strings.Contains(stderr, "--yes") {
			t.Errorf("%s --confirm-removal: exit code %d, %q", name, code, stderr)
		}
	}
	for reply, want := range map[string]int{"y\n": exitFailed, "y\nn\n": exitFailed, "n\ny\n": exitFailed, "y\ny\n": exitDone} {
		errs := newOutput()
		p := program{environ: oneTenant(t), stdin: strings.NewReader(reply), stdout: newOutput(), stderr: errs, terminal: true}
		if code := p.run(t.Context(), []string{"roles", "grant", "--user", someone, "--role", "editor"}); code != exitDone {
			t.Fatal(errs)
		}
		if code := p.run(t.Context(), []string{"roles", "revoke", "--user", someone, "--role", "editor"}); code != want || strings.Count(errs.String(), "[y/N]") > 2 {
			t.Errorf("answers %q: exit code %d, want %d; %s", reply, code, want, errs)
		}
	}
	if code, _, stderr := roles(append(revoke, "--yes", "--confirm-removal")...); code != exitDone {
		t.Errorf("with both: exit code %d, %q", code, stderr)
	}
	if code, _, stderr := executeWith(t, settings, "grants: []\n", "roles", "apply", "--prune", "-f", "-", "--yes", "--confirm-removal"); code != exitDone {
		t.Errorf("apply with both: exit code %d, %q", code, stderr)
	}
}

func TestABlockIsMadeAtOnceAndLiftedWhenAsked(t *testing.T) {
	t.Parallel()
	_, roles := changes(t)
	for _, whom := range []string{"--user", "--app"} {
		if code, stdout, stderr := roles("block", whom, someone, "--reason", "left"); code != exitDone || !strings.HasPrefix(stdout, "+ block ") || stderr != "blocked\n" {
			t.Errorf("block %s: exit code %d, %q, %q", whom, code, stdout, stderr)
		}
		if code, _, stderr := roles("block", whom, someone, "--reason", "left"); code != exitDone || stderr != "this is blocked already\n" {
			t.Errorf("block %s again: exit code %d, %q", whom, code, stderr)
		}
		if code, _, stderr := roles("block", whom, someone, "--until", "2h"); code != exitUsage || !strings.Contains(stderr, "--yes") {
			t.Errorf("a shorter block of %s: exit code %d, %q", whom, code, stderr)
		}
		if code, _, stderr := roles("unblock", whom, someone); code != exitUsage || !strings.Contains(stderr, "--yes") {
			t.Errorf("unblock %s: exit code %d, %q", whom, code, stderr)
		}
		if code, _, stderr := roles("unblock", whom, someone, "--yes"); code != exitDone || stderr != "unblocked\n" {
			t.Errorf("unblock %s --yes: exit code %d, %q", whom, code, stderr)
		}
		if code, _, stderr := roles("unblock", whom, someone, "--yes"); code != exitFailed || !strings.Contains(stderr, "no block of") {
			t.Errorf("unblock %s again: exit code %d, %q", whom, code, stderr)
		}
	}
}

func TestAChangeThatCannotBeMeantIsRefused(t *testing.T) {
	t.Parallel()
	settings := oneTenant(t)
	manyTenants := append(migrated(t), "ISSUER_ENTRA_TENANTS="+inTenant+",0c9e8d7f-6a5b-4c3d-8e2f-1a0b9c8d7e6f")
	for line, want := range map[string]string{
		"grant --role a": "exactly one of --user, --group, --app-role, --app, --everyone",
		"grant --role a --everyone --user " + someone:                             "exactly one of",
		"grant --role a --user ada":                                               "user: want an object id",
		"grant --role a --tenant contoso --everyone":                              "tenant: want the tenant's id",
		"grant --role admin --everyone":                                           "ISSUER_ALLOW_ADMIN_ROLE",
		"grant --role a --everyone --until soon":                                  "--until: want a duration such as 90m",
		"grant --role a --everyone --until=-2h":                                   "--until: want a duration",
		"grant --role a --everyone --until 0s":                                    "--until: want a duration",
		"grant --role a --everyone --until 36501d":                                "--until: want a duration",
		"grant --role a --everyone --from 99d --until 2d":                         "until: want a time after from",
		"grant --role a --everyone --until 2020-01-01":                            "until: want a time to come: this grant would never be in force",
		"block --user " + someone + " --until 2020-01-01":                         "until: want a time to come: this block would never be in force",
		"grant --role a --everyone --from 2026-02-30":                             "--from: want a duration",
		"grant --role a --everyone --session x":                                   "--session: want name=value",
		"grant --role a --everyone --session=x-hasura-a=1 --session=x-hasura-a=2": "each name once",
		"grant --role a --everyone --session=x-hasura-role=admin":                 "session.x-hasura-role: comes from verified claims",
		"grant --role a --everyone --priority 3000000000":                         "priority: want a whole number",
		"grant --role a --everyone --priority abc":                                "--priority: want a whole number",
		"grant --role a --everyone --as \x1b":                                     "--as: want a name",
		"grant --role a --everyone --as \u202e":                                   "--as: want a name",
		"revoke --role a":                                                         "exactly one of",
		"revoke --role a --user ada --yes":                                        "user: want an object id",
		"block":                                                                   "exactly one of --user, --app",
		"block --user ada":                                                        "user: want an object id",
		"unblock --yes":                                                           "exactly one of --user, --app",
		"list --user ada":                                                         "user: want an object id",
		"list --user " + someone + " --app " + someone:                            "exclude each other",
		"list --blocks --role a":                                                  "a block has no role",
	} {
		code, stdout, stderr := execute(t, settings, append([]string{"roles"}, strings.Fields(line)...)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("issuer roles %s: exit code %d, %q, %q; want %q", line, code, stdout, stderr, want)
		}
	}
	for _, command := range []string{"grant", "revoke"} {
		if code, _, stderr := execute(t, manyTenants, "roles", command, "--everyone", "--role", "a"); code != exitUsage || !strings.Contains(stderr, "--tenant") {
			t.Errorf("%s without a tenant: exit code %d, %q", command, code, stderr)
		}
	}
	if code, _, stderr := execute(t, manyTenants, "roles", "grant", "--everyone", "--role", "a", "--tenant", strings.ToUpper(inTenant)); code != exitDone {
		t.Errorf("with a tenant: exit code %d, %q", code, stderr)
	}
}

func TestAnEntryForATenantThatCannotComeIsNoted(t *testing.T) {
	t.Parallel()
	settings := oneTenant(t)
	for line, want := range map[string]string{
		"grant --everyone --role a --tenant 0c9e8d7f-6a5b-4c3d-8e2f-1a0b9c8d7e6f":        "ISSUER_ENTRA_TENANTS",
		"block --user " + someone + " --tenant 0c9e8d7f-6a5b-4c3d-8e2f-1a0b9c8d7e6f":     "ISSUER_ENTRA_TENANTS",
		"grant --everyone --role a --tenant " + strings.ToUpper(inTenant):                "",
		"revoke --everyone --role b --yes --tenant 0c9e8d7f-6a5b-4c3d-8e2f-1a0b9c8d7e6f": "there is no grant",
	} {
		_, _, stderr := execute(t, settings, append([]string{"roles"}, strings.Fields(line)...)...)
		if !strings.Contains(stderr, want) || strings.Contains(stderr, "note:") != (want == "ISSUER_ENTRA_TENANTS") {
			t.Errorf("issuer roles %s: %q", line, stderr)
		}
	}
}

func TestAFileMayHoldWhatIsOverAndABlockThatIsCountsAsNone(t *testing.T) {
	t.Parallel()
	settings := oneTenant(t)
	apply := func() (code int, stdout, stderr string) {
		return executeWith(t, settings, over, "roles", "apply", "--yes", "-f", "-")
	}
	if code, _, stderr := apply(); code != exitDone || stderr != "note: 2 entries that are added or changed are over already, and never in force\napplied\n" {
		t.Errorf("exit code %d, %q", code, stderr)
	}
	if code, _, stderr := apply(); code != exitDone || stderr != "nothing to change\n" {
		t.Errorf("again: exit code %d, %q", code, stderr)
	}
	same := []string{"roles", "block", "--app", someone, "--until", "2020-01-01"}
	if code, _, stderr := execute(t, settings, same...); code != exitDone || stderr != "this is blocked already\n" {
		t.Errorf("the same by flags, though it is over: exit code %d, %q", code, stderr)
	}
	if code, _, stderr := execute(t, settings, "roles", "block", "--app", someone, "--until", "2h"); code != exitDone || stderr != "blocked\n" {
		t.Errorf("another in its place: exit code %d, %q", code, stderr)
	}
	if code, _, stderr := execute(t, settings, "roles", "block", "--app", someone, "--until", "1h"); code != exitUsage || !strings.Contains(stderr, "--yes") {
		t.Errorf("a shorter one: exit code %d, %q", code, stderr)
	}
}

func TestAMomentIsReadInEveryForm(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 30, 15, 700, time.FixedZone("", 3600))
	for text, want := range map[string]string{
		"90m": "2026-03-01T13:00:15Z", "2h": "2026-03-01T13:30:15Z", "7d": "2026-03-08T11:30:15Z",
		"2026-12-31": "2026-12-31T00:00:00Z", "2026-12-31T18:00:00Z": "2026-12-31T18:00:00Z", "2026-12-31T18:00:00+02:00": "2026-12-31T16:00:00Z",
	} {
		if got, err := moment(text, now, false); err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("%s is %v, %v; want %s", text, got, err, want)
		}
	}
	if got, err := moment("2d", now, true); err != nil || got.Format(time.RFC3339) != "2026-02-27T11:30:15Z" {
		t.Errorf("2d ago is %v, %v", got, err)
	}
}
