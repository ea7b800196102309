package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

func migrated(t *testing.T) []string {
	t.Helper()
	return []string{"ISSUER_DATABASE_URL=" + pgtest.New(t), "ISSUER_KEYS_ENCRYPTION_KEY=" + goodKEK}
}

func TestWrongUsageIsExitCode2AndOneSentence(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"an unknown command":       {"serv"},
		"an unknown flag":          {"serve", "--fast"},
		"an argument too many":     {"version", "now"},
		"a flag without its value": {"roles", "apply", "-f"},
		"a required flag missing":  {"roles", "apply"},
		"a group without command":  {"keys"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := execute(t, nil, args...)
			if code != exitUsage || stdout != "" || !strings.HasPrefix(stderr, "issuer: ") || strings.Count(stderr, "\n") != 1 {
				t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
			}
		})
	}
}

func TestWrongUsagePointsToTheHelpOfItsCommand(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"serv": "see issuer --help", "keys foo": "see issuer keys --help", "keys": "see issuer keys --help",
		"rotate": ", did you mean issuer keys rotate?; see issuer --help", "list": ", did you mean issuer keys list or issuer roles list?; see issuer --help",
		"roles apply --fast": "see issuer roles apply --help", "serve now": "see issuer serve --help",
	} {
		if code, _, stderr := execute(t, nil, strings.Fields(line)...); code != exitUsage || !strings.HasSuffix(stderr, want+"\n") {
			t.Errorf("issuer %s: exit code %d, %q, want %q", line, code, stderr, want)
		}
	}
}

func TestANegativeNumberIsRefusedInAClearSentence(t *testing.T) {
	t.Parallel()
	settings := []string{"ISSUER_KEYS_FILE=" + filepath.Join(t.TempDir(), "keys.json")}
	for line, want := range map[string]string{
		"keys plan --days -3":         "issuer: --days is -3; it wants a number from 1 to 3650\n",
		"keys plan --json --days=-3":  "issuer: --days is -3; it wants a number from 1 to 3650\n",
		"keys adopt --yes --above -1": "issuer: --above is -1; it wants a generation\n",
	} {
		if code, _, stderr := execute(t, settings, strings.Fields(line)...); code != exitUsage || stderr != want {
			t.Errorf("issuer %s: exit code %d, %q, want %q", line, code, stderr, want)
		}
	}
}

func TestAKeyIDThatBeginsWithAHyphenIsNoFlag(t *testing.T) {
	t.Parallel()
	settings := []string{"ISSUER_KEYS_FILE=" + filepath.Join(t.TempDir(), "keys.json")}
	for _, kid := range []string{"-" + strings.Repeat("a", 42), "--" + strings.Repeat("b", 41)} {
		for _, args := range [][]string{
			{"keys", "revoke", kid, "--reason", "leaked", "--yes"}, {"keys", "revoke", "--reason=leaked", "--yes", kid}, {"keys", "revoke", "--reason=leaked", "--yes", "--", kid},
		} {
			if code, _, stderr := execute(t, settings, args...); code != exitFailed || strings.Contains(stderr, "flag") {
				t.Errorf("issuer %v: exit code %d, %q", args, code, stderr)
			}
		}
	}
}

func TestHelpSaysWhatThereIs(t *testing.T) {
	t.Parallel()
	code, stdout, _ := execute(t, nil, "--help")
	if code != exitDone {
		t.Errorf("exit code %d", code)
	}
	for _, command := range []string{"dev", "serve", "migrate", "keys list", "keys plan", "keys rotate", "keys revoke", "keys reseal", "keys import", "keys adopt", "roles apply", "roles export", "roles list", "roles grant", "roles revoke", "roles block", "roles unblock", "roles history", "hasura-config", "check", "version"} {
		if !strings.Contains(stdout, command) {
			t.Errorf("the help lacks %q:\n%s", command, stdout)
		}
	}
	if code, stdout, _ := execute(t, nil); code != exitUsage || !strings.Contains(stdout, "Usage:") {
		t.Errorf("without arguments: exit code %d, stdout %q", code, stdout)
	}
}

func TestVersionNamesTheGoVersion(t *testing.T) {
	t.Parallel()
	if code, stdout, _ := execute(t, nil, "version"); code != exitDone || !strings.Contains(stdout, "go1.") {
		t.Errorf("exit code %d, stdout %q", code, stdout)
	}
	_, stdout, _ := execute(t, nil, "version", "--json")
	var b build
	if err := json.Unmarshal([]byte(stdout), &b); err != nil || b.Version == "" || b.Commit == "" || b.Go == "" {
		t.Errorf("--json: %v, %q", err, stdout)
	}
}

func TestCheckAcceptsGoodSettings(t *testing.T) {
	t.Parallel()
	settings := fileSettings("ISSUER_ROLES_FILE="+rolesFile(t), "ISSUER_KEYS_FILE="+filepath.Join(t.TempDir(), "keys.json"))
	if code, stdout, stderr := execute(t, settings, "check"); code != exitDone || !strings.HasPrefix(stdout, "the settings are right") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

func TestCheckReadsTheFilesAndHoldsSettingsAgainstEachOther(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(broken, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		setting, want string
	}{
		"no roles file":                     {"ISSUER_ROLES_FILE=" + broken + ".none", "ISSUER_ROLES_FILE"},
		"a broken roles file":               {"ISSUER_ROLES_FILE=" + broken, "ISSUER_ROLES_FILE"},
		"no folder for the keys":            {"ISSUER_KEYS_FILE=" + broken + ".none/keys.json", "its folder"},
		"a database of another kind":        {"ISSUER_DATABASE_URL=mysql://h/d", "ISSUER_DATABASE_URL"},
		"a broken keys file":                {"ISSUER_KEYS_FILE=" + broken, "ISSUER_KEYS_FILE"},
		"a lead too short for the max-age":  {"ISSUER_KEYS_LEAD=5m", "do not fit each other"},
		"a period shorter than the lead":    {"ISSUER_ROTATE_EVERY=59m", "do not fit each other"},
		"a path over a registered claim":    {"ISSUER_CLAIMS_NAMESPACE_PATH=$.aud", "aud"},
		"a path nobody can read":            {"ISSUER_CLAIMS_NAMESPACE_PATH=hasura..x", "$.hasura"},
		"the audience of Microsoft's Graph": {"ISSUER_ENTRA_AUDIENCES=https://graph.microsoft.com", "graph.microsoft.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := fileSettings("ISSUER_ROLES_FILE="+rolesFile(t), "ISSUER_KEYS_FILE="+filepath.Join(t.TempDir(), "keys.json"), test.setting)
			code, _, stderr := execute(t, settings, "check")
			if code != exitUsage || !strings.Contains(stderr, test.want) {
				t.Errorf("exit code %d, stderr:\n%s\nwant %q in it", code, stderr, test.want)
			}
		})
	}
}

func TestMigrateBringsTheSchemaUpToDateOnce(t *testing.T) {
	t.Parallel()
	settings := []string{"ISSUER_DATABASE_URL=" + pgtest.NewEmpty(t)}
	_, before, _ := execute(t, settings, "migrate", "--status")
	code, first, stderr := execute(t, settings, "migrate")
	if code != exitDone || !strings.Contains(first, "applied") {
		t.Fatalf("exit code %d, stdout %q, stderr %q", code, first, stderr)
	}
	if _, second, _ := execute(t, settings, "migrate"); second != "the schema is up to date\n" {
		t.Errorf("the second time: %q", second)
	}
	_, after, _ := execute(t, settings, "migrate", "--status")
	if before == after || strings.Contains(after, "  -\n") {
		t.Errorf("the status says before:\n%s\nand after:\n%s", before, after)
	}
	_, asJSON, _ := execute(t, settings, "migrate", "--status", "--json")
	var list []map[string]any
	if err := json.Unmarshal([]byte(asJSON), &list); err != nil || len(list) == 0 {
		t.Fatalf("--json: %v, %s", err, asJSON)
	}
	if diff := cmp.Diff([]string{"applied_at", "name", "version"}, slices.Sorted(maps.Keys(list[0]))); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

func TestEveryCommandSaysThatTheSchemaIsMissing(t *testing.T) {
	t.Parallel()
	settings := []string{"ISSUER_DATABASE_URL=" + pgtest.NewEmpty(t), "ISSUER_KEYS_ENCRYPTION_KEY=" + goodKEK}
	for _, args := range [][]string{{"keys", "list"}, {"keys", "rotate"}, {"roles", "list"}, {"roles", "export"}, {"roles", "history"}, {"roles", "apply", "--yes", "-f", rolesFile(t)}} {
		code, _, stderr := execute(t, settings, args...)
		if code != exitFailed || !strings.Contains(stderr, "issuer migrate") {
			t.Errorf("issuer %v: exit code %d, stderr %q", args, code, stderr)
		}
	}
}

func TestADatabaseThatIsNotThereIsOneSentenceWithoutThePassword(t *testing.T) {
	t.Parallel()
	settings := []string{"ISSUER_DATABASE_URL=postgres://u:hunter2@127.0.0.1:1/d?connect_timeout=2", "ISSUER_KEYS_ENCRYPTION_KEY=" + goodKEK}
	for _, args := range [][]string{{"migrate"}, {"migrate", "--status"}, {"keys", "list"}, {"keys", "rotate"}, {"roles", "list"}, {"roles", "export"}, {"roles", "history"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			code, stdout, stderr := execute(t, settings, args...)
			if code != exitFailed || stdout != "" || strings.Contains(stderr, "hunter2") || !strings.Contains(stderr, "issuer: ") {
				t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
			}
		})
	}
}

func TestKeysRotateDoesOnlyWhatIsDue(t *testing.T) {
	t.Parallel()
	file := []string{"ISSUER_KEYS_FILE=" + filepath.Join(t.TempDir(), "keys.json")}
	for name, settings := range map[string][]string{"postgres": migrated(t), "file": file} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, stdout, _ := execute(t, settings, "keys", "list"); !strings.Contains(stdout, "no keys yet") {
				t.Errorf("list before: %q", stdout)
			}
			code, stdout, stderr := execute(t, settings, "keys", "rotate", "--json")
			var result struct {
				Inserted []struct {
					Generation int64 `json:"generation"`
				} `json:"inserted"`
			}
			if err := json.Unmarshal([]byte(stdout), &result); code != exitDone || err != nil || len(result.Inserted) != 3 {
				t.Fatalf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
			}
			if code, stdout, _ := execute(t, settings, "keys", "rotate"); code != exitDone || stdout != "nothing is due\n" {
				t.Errorf("the second time: exit code %d, %q", code, stdout)
			}
			_, stdout, _ = execute(t, settings, "keys", "list", "--json")
			var list []map[string]any
			if err := json.Unmarshal([]byte(stdout), &list); err != nil {
				t.Fatal(err)
			}
			var states []any
			for _, k := range list {
				states = append(states, k["state"])
			}
			if diff := cmp.Diff([]any{"signing", "pending", "pending"}, states); diff != "" {
				t.Errorf("states (-want +got):\n%s", diff)
			}
			for _, member := range []string{"generation", "kid", "alg", "state", "published_at", "signs_from", "retires_at", "dropped_at", "revoked_at", "reason"} {
				if _, ok := list[0][member]; !ok {
					t.Errorf("the list lacks the member %q", member)
				}
			}
			if strings.Contains(stdout, `"d"`) {
				t.Error("the list holds a private member")
			}
		})
	}
}

func TestAnErrorNamesTheNextCommand(t *testing.T) {
	t.Parallel()
	nobody := []string{"ISSUER_DATABASE_URL=postgres://u@127.0.0.1:1/d?connect_timeout=2"}
	for name, c := range map[string]struct {
		environ []string
		args    string
		want    string
	}{
		"no settings": {nil, "roles list", "\n  next: issuer check says"}, "no URL": {nil, "hasura-config", "\n  next: issuer check says"},
		"no database there": {nobody, "roles list", "\n  next: issuer check --online tries the database"},
		"no schema":         {[]string{"ISSUER_DATABASE_URL=" + pgtest.NewEmpty(t)}, "roles list", "run `issuer migrate`"},
	} {
		code, _, stderr := execute(t, c.environ, strings.Fields(c.args)...)
		if code == exitDone || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit code %d, %q, want %q", name, code, stderr, c.want)
		}
	}
	_, _, stderr := execute(t, []string{"ISSUER_LOG_LEVEL=loud"}, "version", "--x")
	if strings.Contains(stderr, "next:") {
		t.Errorf("a flag: %q", stderr)
	}
}
