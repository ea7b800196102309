package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

// TestAKeysFileThatCannotServeIsRefusedWithTheCure: nothing about a file mends itself while a service waits.
func TestAKeysFileThatCannotServeIsRefusedWithTheCure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		made, now string // key-encryption keys
		lost      bool
		want      string // "": the file will do
	}{
		"in the clear, and so it stays": {"", "", false, ""},
		"sealed, and so it stays":       {goodKEK, goodKEK, false, ""},
		"in the clear, a key set later": {"", goodKEK, false, "holds private keys in the clear, although ISSUER_KEYS_ENCRYPTION_KEY is set: set ISSUER_KEYS_FILE to a new path and run `issuer keys import` with the old one"},
		"sealed, and no key set":        {goodKEK, "", false, `is sealed with key-encryption key "k1", and none is set: set the ISSUER_KEYS_ENCRYPTION_KEY that holds it`},
		"gone":                          {"", "", true, "the key store once held a ring and is empty now: restore it, or bring one in with `issuer keys import` or `issuer keys adopt`"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "keys.json")
			settings := func(kek string) []string {
				return fileSettings("ISSUER_ROLES_FILE="+rolesFile(t), "ISSUER_KEYS_FILE="+path, "ISSUER_KEYS_ENCRYPTION_KEY="+kek)
			}
			if code, _, stderr := execute(t, settings(c.made), "keys", "rotate"); code != exitDone {
				t.Fatal(stderr)
			}
			if c.lost {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
			code, _, stderr := execute(t, settings(c.now), "check")
			if c.want == "" {
				if code != exitDone {
					t.Errorf("check: exit code %d, %q", code, stderr)
				}
				return
			}
			if code != exitUsage || !strings.Contains(stderr, "ISSUER_KEYS_FILE: ") || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("check: exit code %d, %q, want %q", code, stderr, c.want)
			}
			if code, _, again := execute(t, settings(c.now), "serve"); code != exitUsage || again != stderr {
				t.Errorf("serve: exit code %d, %q, want what check says: %q", code, again, stderr)
			}
			if c.lost {
				code, stdout, _ := execute(t, settings(c.now), "keys", "list")
				if code != exitDone || strings.Contains(stdout, "no keys yet") || !strings.Contains(stdout, c.want) {
					t.Errorf("keys list: exit code %d, %q", code, stdout)
				}
			}
		})
	}
}

// TestNoCommandMixesSealedAndOpenRows: a ring of both kinds could be read neither with the key nor without it.
func TestNoCommandMixesSealedAndOpenRows(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ made, now, want string }{
		"sealed, and no key set":        {goodKEK, "", `is sealed with key-encryption key "k1", and none is set`},
		"in the clear, a key set later": {"", goodKEK, "holds private keys in the clear, although ISSUER_KEYS_ENCRYPTION_KEY is set"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "keys.json")
			settings := func(kek string) []string {
				return []string{"ISSUER_KEYS_FILE=" + path, "ISSUER_KEYS_ENCRYPTION_KEY=" + kek}
			}
			if code, _, stderr := execute(t, settings(c.made), "keys", "rotate"); code != exitDone {
				t.Fatal(stderr)
			}
			_, kids := ringOf(t, settings(c.made))
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{
				{"rotate"},
				{"rotate", "--now"},
				{"rotate", "--now", "--force", "--yes"},
				{"revoke", kids[0], "--reason", "leaked", "--yes", "--force"},
				{"revoke", kids[1], "--reason", "leaked", "--yes"},
				{"import", path},
				{"adopt", "--yes", "--above", "9"},
			} {
				code, stdout, stderr := execute(t, settings(c.now), append([]string{"keys"}, args...)...)
				if code != exitUsage || stdout != "" || !strings.Contains(stderr, c.want) {
					t.Errorf("issuer keys %v: exit code %d, %q, %q, want %q", args, code, stdout, stderr, c.want)
				}
			}
			if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
				t.Errorf("the keys file is another one, or %v", err)
			}
			if code, _, stderr := execute(t, settings(c.made), "keys", "rotate"); code != exitDone {
				t.Errorf("with the settings that made it: exit code %d, %q", code, stderr)
			}
		})
	}
}

// TestWhoReadsTheRingIsToldThatNobodyVouchesForIt: replicas serve what they hold until their limit, and nothing else tells.
func TestWhoReadsTheRingIsToldThatNobodyVouchesForIt(t *testing.T) {
	t.Parallel()
	other := "k9:" + strings.Repeat("B", 43) + "="
	for name, c := range map[string]struct {
		kek   string
		alter bool
		want  string // "": all is well
	}{
		"as it was written":    {goodKEK, false, ""},
		"an altered row":       {goodKEK, true, "generation 4 of the key store: the row was altered"},
		"another key is set":   {other, false, `generation 1 of the key store: the row was written with key-encryption key "k1", which is not among those set`},
		"and no key at all":    {"", false, `is sealed with key-encryption key "k1", and none is set`},
		"another key, altered": {other, true, `"k1", which is not among those set`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "keys.json")
			settings := fileSettings("ISSUER_ROLES_FILE="+rolesFile(t), "ISSUER_KEYS_FILE="+path, "ISSUER_KEYS_ENCRYPTION_KEY="+goodKEK)
			if code, _, stderr := execute(t, settings, "keys", "rotate"); code != exitDone {
				t.Fatal(stderr)
			}
			if c.alter {
				rewrite(t, path, `"generation": 3`, `"generation": 4`)
			}
			settings = append(settings, "ISSUER_KEYS_ENCRYPTION_KEY="+c.kek)
			sound := c.want == ""
			for _, args := range [][]string{{"list"}, {"list", "--json"}, {"list", "--holders"}} {
				code, stdout, stderr := execute(t, settings, append([]string{"keys"}, args...)...)
				if code != exitDone || stdout == "" || !strings.Contains(stderr, c.want) || (stderr == "") != sound {
					t.Errorf("issuer keys %v: exit code %d, %q", args, code, stderr)
				}
			}
			code, stdout, stderr := execute(t, settings, "keys", "plan")
			if (code == exitDone) != sound || !strings.Contains(stderr, c.want) || strings.Contains(stdout, "BROKEN") == sound {
				t.Errorf("issuer keys plan: exit code %d, %q:\n%s", code, stderr, stdout)
			}
			code, _, stderr = execute(t, settings, "check")
			if want := map[bool]int{true: exitUsage, false: exitFailed}[c.kek == ""]; !sound && code != want || sound && code != exitDone || !strings.Contains(stderr, c.want) {
				t.Errorf("issuer check: exit code %d, %q", code, stderr)
			}
		})
	}
}

// rewrite changes a file as nobody should.
func rewrite(t *testing.T, path, from, to string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), from) {
		t.Fatalf("%v, or the file lacks %q", err, from)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(text), from, to)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAClearRingIsSealedAsTheMessageSays(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	old, next := filepath.Join(folder, "keys.json"), filepath.Join(folder, "sealed.json")
	roles := rolesFile(t)
	clear := fileSettings("ISSUER_ROLES_FILE="+roles, "ISSUER_KEYS_FILE="+old)
	sealed := fileSettings("ISSUER_ROLES_FILE="+roles, "ISSUER_KEYS_FILE="+next, "ISSUER_KEYS_ENCRYPTION_KEY="+goodKEK)
	for _, step := range []struct {
		settings []string
		args     []string
	}{{clear, []string{"keys", "rotate"}}, {sealed, []string{"keys", "import", old}}, {sealed, []string{"check"}}} {
		if code, _, stderr := execute(t, step.settings, step.args...); code != exitDone {
			t.Errorf("issuer %v: exit code %d, %q", step.args, code, stderr)
		}
	}
}

// TestTheRingOfARunningServiceIsNotBroughtElsewhere: two rings would move on from there, each with keys of its own.
func TestTheRingOfARunningServiceIsNotBroughtElsewhere(t *testing.T) {
	t.Parallel()
	old := filepath.Join(t.TempDir(), "keys.json")
	next := []string{"ISSUER_KEYS_FILE=" + filepath.Join(t.TempDir(), "next.json")}
	if code, _, stderr := execute(t, []string{"ISSUER_KEYS_FILE=" + old}, "keys", "rotate"); code != exitDone {
		t.Fatal(stderr)
	}
	running, err := keystore.OpenFile(old, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		settings []string
		args     []string
	}{{next, []string{"keys", "import", old}}, {[]string{"ISSUER_KEYS_FILE=" + old}, []string{"keys", "rotate"}}} {
		code, stdout, stderr := execute(t, c.settings, c.args...)
		if code != exitFailed || stdout != "" || !strings.Contains(stderr, "in use by another process") {
			t.Errorf("issuer %v: exit code %d, %q, %q", c.args, code, stdout, stderr)
		}
	}
	if err := running.Close(); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := execute(t, []string{"ISSUER_KEYS_FILE=" + old}, "keys", "import", old); code != exitUsage || !strings.Contains(stderr, "is there already") {
		t.Errorf("into itself: exit code %d, %q", code, stderr)
	}
	if code, _, stderr := execute(t, next, "keys", "import", old); code != exitDone {
		t.Errorf("once it has stopped: exit code %d, %q", code, stderr)
	}
}

func TestResealNamesTheSettingItLacks(t *testing.T) {
	t.Parallel()
	settings := []string{"ISSUER_KEYS_FILE=" + filepath.Join(t.TempDir(), "keys.json")}
	if code, _, stderr := execute(t, settings, "keys", "reseal"); code != exitUsage || !strings.Contains(stderr, "ISSUER_KEYS_ENCRYPTION_KEY is not set") {
		t.Errorf("exit code %d, %q", code, stderr)
	}
}

func TestAnEngineThatNeverFetchedIsListed(t *testing.T) {
	t.Parallel()
	settings := []string{"ISSUER_KEYS_FILE=" + filepath.Join(t.TempDir(), "keys.json"), "ISSUER_RELYING_PARTIES=orders"}
	if code, _, stderr := execute(t, settings, "keys", "rotate"); code != exitDone {
		t.Fatal(stderr)
	}
	_, stdout, _ := execute(t, settings, "keys", "list", "--holders")
	if !strings.Contains(stdout, "orders") || !strings.Contains(stdout, "never") {
		t.Errorf("the table:\n%s", stdout)
	}
	_, stdout, _ = execute(t, settings, "keys", "list", "--holders", "--json")
	if !strings.Contains(stdout, `"name": "orders"`) || strings.Contains(stdout, "seen_at") {
		t.Errorf("--json: %s", stdout)
	}
}

func TestAPlanThatIsCutShortSaysSo(t *testing.T) {
	t.Parallel()
	settings := []string{"ISSUER_KEYS_FILE=" + filepath.Join(t.TempDir(), "keys.json"), "ISSUER_ROTATE_EVERY=1h"}
	for days, cut := range map[string]bool{"30": false, "90": true} {
		code, stdout, stderr := execute(t, settings, "keys", "plan", "--days", days)
		if code != exitDone || strings.Contains(stdout, "the plan stops there") != cut {
			t.Errorf("--days %s: exit code %d, %q:\n%s", days, code, stderr, stdout[max(0, len(stdout)-1500):])
		}
	}
}

func TestAPlanInWhichNothingHappensSaysSo(t *testing.T) {
	t.Parallel()
	settings := []string{"ISSUER_KEYS_FILE=" + filepath.Join(t.TempDir(), "keys.json"), "ISSUER_ROTATE_EVERY=2160h"}
	if code, _, stderr := execute(t, settings, "keys", "rotate"); code != exitDone {
		t.Fatal(stderr)
	}
	_, stdout, _ := execute(t, settings, "keys", "plan", "--days", "2")
	if want := "no new key is published in this time; the lead is 1h0m0s"; !strings.Contains(stdout, want) {
		t.Errorf("the plan lacks %q:\n%s", want, stdout)
	}
}
