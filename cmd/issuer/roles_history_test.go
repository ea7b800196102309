package main

import (
	"os"
	"os/user"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
)

func TestTheHistoryTellsWhoItWas(t *testing.T) {
	t.Parallel()
	settings, roles := changes(t)
	if code, _, stderr := roles("grant", "--everyone", "--role", "oncall", "--as", "deploy #42"); code != exitDone {
		t.Fatal(stderr)
	}
	mustExec(t, settings, "INSERT INTO issuer.blocks (tenant, principal_kind, principal) VALUES ('"+inTenant+"', 'user', '"+someone+"')")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	_, stdout, _ := roles("history", "--json")
	var records []struct {
		Number int64
		Actor  string
	}
	if err := json.Unmarshal([]byte(stdout), &records, json.MatchCaseInsensitiveNames(true)); err != nil || len(records) != 7 || records[0].Number != 7 {
		t.Fatalf("%v, %s", err, stdout)
	}
	got := []string{records[0].Actor, records[1].Actor, records[2].Actor}
	if diff := cmp.Diff([]string{"sql", "cli:deploy #42", "cli:" + me.Username + "@" + host}, got); diff != "" {
		t.Errorf("actors (-want +got):\n%s", diff)
	}
	if code, stdout, stderr := roles("history", "--role", "oncall", "--since", "1h"); code != exitDone || strings.Count(stdout, "\n") != 2 || !strings.Contains(stdout, "+ grant { tenant: "+inTenant+", everyone: true, role: oncall }") || stderr != "" {
		t.Errorf("narrowed: exit code %d, %q, %q", code, stdout, stderr)
	}
	_, first, older := roles("history", "--limit", "4")
	_, rest, none := roles("history", "--limit", "4", "--before", "4")
	if strings.Count(first, "\n") != 5 || strings.Count(rest, "\n") != 4 || !strings.Contains(older, "--before 4") || none != "" {
		t.Errorf("pages:\n%s%s\n%s%s", first, older, rest, none)
	}
}

func TestTheHistoryIsVerified(t *testing.T) {
	t.Parallel()
	settings, roles := changes(t)
	code, stdout, stderr := roles("history", "--verify")
	if code != exitDone || !strings.Contains(stdout, "records: 5\nhead:    5:") {
		t.Fatalf("exit code %d, %q, %q", code, stdout, stderr)
	}
	head := strings.TrimSpace(stdout[strings.LastIndex(stdout, " "):])
	if code, _, stderr := roles("history", "--verify", "--head", head); code != exitDone {
		t.Errorf("--head: exit code %d, %q", code, stderr)
	}
	if code, stdout, stderr := roles("history", "--verify", "--head", "5:"+strings.Repeat("0", 64)); code != exitFailed || !strings.Contains(stdout, "record 5 is not the one you have noted") || !strings.Contains(stderr, "does not hold") {
		t.Errorf("another head: exit code %d, %q, %q", code, stdout, stderr)
	}
	mustExec(t, settings, `ALTER TABLE issuer.role_history DISABLE TRIGGER USER; UPDATE issuer.role_history SET actor = E'eve\x1b[2J' WHERE number = 2`)
	code, stdout, stderr = roles("history", "--verify", "--json")
	var report struct {
		Records int
		Head    string
		Faults  []string
	}
	if err := json.Unmarshal([]byte(stdout), &report, json.MatchCaseInsensitiveNames(true)); code != exitFailed || err != nil || report.Head != head || len(report.Faults) != 2 || !strings.Contains(report.Faults[0], "record 2") || !strings.Contains(stderr, "faults: 2") {
		t.Errorf("altered: exit code %d, %v, %q, %q", code, err, stdout, stderr)
	}
	if _, stdout, _ := roles("history"); strings.Contains(stdout, "\x1b") || !strings.Contains(stdout, `eve\x1b[2J`) {
		t.Errorf("what would write on a terminal: %q", stdout)
	}
	for line, want := range map[string]string{
		"--head " + head: "for --verify", "--verify --role a": "the whole history", "--verify --since 2h": "the whole history", "--verify --head 5": "want a head",
		"--limit 0": "--limit is 0", "--before=-1": "--before: want the number", "--before 0": "--before: want the number", "--before abc": "--before: want the number", "--since soon": "--since: want a duration",
	} {
		if code, _, stderr := roles(append([]string{"history"}, strings.Fields(line)...)...); code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("history %s: exit code %d, %q, want %q", line, code, stderr, want)
		}
	}
}

func TestAHistoryThatWasRemovedFailsAndIsNotToBeMigrated(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"issuer.role_history", "issuer.role_state"} {
		settings := oneTenant(t)
		mustExec(t, settings, `DROP TABLE `+table)
		code, stdout, stderr := execute(t, settings, "roles", "history", "--verify")
		if code != exitFailed || stdout != "" || !strings.Contains(stderr, table+", and it is gone") || strings.Contains(stderr, "issuer migrate") {
			t.Errorf("without %s: exit code %d, %q, %q", table, code, stdout, stderr)
		}
	}
}
