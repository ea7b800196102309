package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/audit"
)

// TestEveryCommandThatChangesSomethingLeavesARecordOfWho, and nothing that people wrote or that is secret.
func TestEveryCommandThatChangesSomethingLeavesARecordOfWho(t *testing.T) {
	t.Parallel()
	const user = "11d3e5f7-2a4c-46e8-90b2-d4f6a8c0e101"
	settings := append(environ("https://login.microsoftonline.com"), migrated(t)...)
	must(t, settings, "roles", "grant", "--user", user, "--role", "oncall", "--session", "x-hasura-desk=hidden-desk", "--reason", "hidden-cause", "--as", "ada")
	must(t, settings, "roles", "block", "--user", user, "--reason", "hidden-cause", "--as", "ada")
	must(t, settings, "roles", "unblock", "--user", user, "--yes", "--as", "bob")
	must(t, settings, "keys", "rotate")
	_, kids := ringOf(t, settings)
	must(t, settings, "keys", "revoke", kids[0], "--reason", "leaked", "--yes", "--force")

	said := func(args ...string) string {
		var lines []string
		for _, r := range records(t, settings, args...) {
			if r.Login == "" || r.Door != "" || r.Outcome != "" {
				t.Errorf("%+v", r)
			}
			lines = append(lines, r.Actor+" "+describeDetails(r))
		}
		return strings.Join(lines, "\n")
	}
	granted, blocked, unblocked := "cli:ada added grant: user "+user+" oncall", "cli:ada added block: user "+user+" ", "cli:bob removed block: user "+user+" "
	for args, want := range map[string]string{
		"--kind roles": granted + "\n" + blocked + "\n" + unblocked, "--actor cli:ada": granted + "\n" + blocked, "--role oncall": granted,
		"--user " + user + " --actor cli:bob": unblocked, "--tenant 7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901 --kind keys": "", "--actor ada": "",
	} {
		if got := said(strings.Fields(args)...); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", args, got, want)
		}
	}
	keys := records(t, settings, "--kind", "keys")
	for _, r := range keys {
		if r.Actor != operator("") {
			t.Errorf("changed by %q, want %q", r.Actor, operator(""))
		}
	}
	text := said("--kind", "keys")
	for _, want := range []string{"added generation 1\n", "added generation 2\n", "added generation 3\n", "changed generation 1: ", "reason leaked", "private wiped", "revoked_at 20"} {
		if !strings.Contains(text+"\n", want) {
			t.Errorf("the changes of keys lack %q:\n%s", want, text)
		}
	}
	_, stdout, _ := execute(t, settings, "audit", "search", "--json")
	for _, taboo := range []string{"hidden-", "x-hasura-desk", "eyJ", `"public"`, `"mac"`, "..", `"d"`} {
		if strings.Contains(stdout, taboo) {
			t.Errorf("a record holds %q", taboo)
		}
	}
	if _, table, _ := execute(t, settings, "audit", "search", "--kind", "roles"); !strings.Contains(table, "roles  cli:ada  added grant: user "+user+" oncall") {
		t.Errorf("for people:\n%s", table)
	}
}

// TestOtherSettingsThanThoseRecordedLastAreOnRecord by their names, and a secret never by its value.
func TestOtherSettingsThanThoseRecordedLastAreOnRecord(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	settings := append(stores(t, server.URL)["postgres"], "ISSUER_ADMIN_TOKEN_SHA256="+hashOf(operatorToken))
	changes := func() (found []audit.Record) { return records(t, settings, "--kind", "settings") }
	run := func(more ...string) *running {
		s := serve(t, append(settings, more...))
		t.Cleanup(s.stop)
		return s.running
	}
	const said = "settings differ from those recorded last"
	first := run()
	first.stderr.await(t, said, first.ended)
	first.end()
	run().end() // the same again
	other := run("ISSUER_TOKEN_TTL=2m", "ISSUER_SESSION_CLAIMS=x-hasura-user-id=oid")
	other.stderr.await(t, said, other.ended)
	other.end()

	got := changes()
	if len(got) != 2 {
		t.Fatalf("%d records of settings: %+v", len(got), got)
	}
	if changed := fmt.Sprint(got[1].Details["changed"]); changed != "[ISSUER_SESSION_CLAIMS ISSUER_TOKEN_TTL]" || !strings.HasPrefix(got[1].Actor, "replica ") || got[1].Login == "" {
		t.Errorf("changed: %s, by %q", changed, got[1].Actor)
	}
	if all, _ := got[1].Details["settings"].(map[string]any); all["ISSUER_TOKEN_TTL"] != "2m" || all["ISSUER_URL"] != testURL || all["ISSUER_KEYS_ENCRYPTION_KEY"] == nil {
		t.Errorf("the settings on record: %v", all)
	}
	_, stdout, _ := execute(t, settings, "audit", "search", "--kind", "settings", "--json")
	for _, taboo := range []string{strings.SplitN(goodKEK, ":", 2)[1], hashOf(operatorToken), "postgres://"} {
		if strings.Contains(stdout, taboo) {
			t.Error("a record of settings holds a secret")
		}
	}
	if _, table, _ := execute(t, settings, "audit", "search", "--kind", "settings"); !strings.Contains(table, "changed: [ISSUER_SESSION_CLAIMS ISSUER_TOKEN_TTL]") {
		t.Errorf("for people:\n%s", table)
	}
}

func TestTheLinesOfDecisionsCanHaveAFileOfTheirOwn(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	path := filepath.Join(t.TempDir(), "exchanges.log")
	if err := os.WriteFile(path, []byte("what was there\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	settings := onFiles(t, server.URL, "ISSUER_AUDIT_FILE="+path)
	s := serve(t, settings)
	s.knock(t, "token", "one", personaToken(t, tenant, "editor"), "")
	s.knock(t, "webhook", "two", personaToken(t, tenant, "nobody"), "")
	s.knock(t, "token", "three", "no token", "")
	s.end()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) != 4 || lines[0] != "what was there" {
		t.Fatalf("%d lines:\n%s", len(lines), text)
	}
	for i, id := range []string{"one", "two", "three"} {
		if line := lines[i+1]; !strings.HasPrefix(line, `{"level":"`) || !strings.Contains(line, `"message":"exchange"`) || !strings.Contains(line, `"request_id":"`+id+`"`) || !strings.Contains(line, `"time":"`) {
			t.Errorf("line %d: %s", i+1, line)
		}
	}
	if strings.Contains(s.stderr.String(), `"exchange"`) {
		t.Errorf("decisions are in the other log, too:\n%s", s.stderr)
	}
	folder := t.TempDir()
	code, _, stderr := execute(t, append(settings, "ISSUER_AUDIT_FILE="+folder), "serve")
	if want := `ISSUER_AUDIT_FILE: lines cannot be added to "` + folder + `": is a directory`; code != exitUsage || !strings.Contains(stderr, want) {
		t.Errorf("a folder: exit code %d, %s, want %s", code, stderr, want)
	}
}

// TestTailShowsTheNewestAndThoseThatCome each once.
func TestTailShowsTheNewestAndThoseThatCome(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	settings := stores(t, server.URL)["postgres"]
	s := serve(t, settings)
	ask := func(id string) {
		s.knock(t, "token", id, personaToken(t, tenant, "editor"), "")
		eventually(t, id, func() bool { return requests(t, settings, "--request-id", id) == id })
	}
	ask("first")
	ask("second")
	tail := func(args ...string) string {
		_, stdout, _ := execute(t, settings, append([]string{"audit", "tail", "--json"}, args...)...)
		return stdout
	}
	if got := tail("-n", "1"); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"request_id":"second"`) {
		t.Errorf("the newest one:\n%s", got)
	}
	if got := tail("--door", "token"); strings.Count(got, "\n") != 2 || strings.Index(got, `"first"`) > strings.Index(got, `"second"`) {
		t.Errorf("the newest at a door:\n%s", got)
	}
	follow := start(t, settings, "audit", "tail", "--follow", "--json", "--kind", "exchange", "-n", "1")
	follow.stdout.await(t, `"request_id":"second"`, follow.ended)
	ask("third")
	follow.stdout.await(t, `"request_id":"third"`, follow.ended)
	ask("fourth")
	follow.stdout.await(t, `"request_id":"fourth"`, follow.ended)
	if code := follow.end(); code != exitDone {
		t.Errorf("exit code %d once it was told to stop: %s", code, follow.stderr)
	}
	for id, times := range map[string]int{"first": 0, "second": 1, "third": 1, "fourth": 1} {
		if got := strings.Count(follow.stdout.String(), `"request_id":"`+id+`"`); got != times {
			t.Errorf("%s was printed %d times, want %d", id, got, times)
		}
	}
	for line := range strings.Lines(follow.stdout.String()) {
		if !strings.HasPrefix(line, `{"`) || !strings.HasSuffix(line, "}\n") {
			t.Errorf("no JSON object: %q", line)
		}
	}
}

// TestARecordOfTheFutureHidesNoneOfThoseThatCome: a replica's clock is an hour fast, or somebody has written such a record.
func TestARecordOfTheFutureHidesNoneOfThoseThatCome(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	settings := stores(t, server.URL)["postgres"]
	write := func(id, at string) {
		runSQL(t, settings, `INSERT INTO issuer.audit (id, at, kind, door, outcome, reason, tenant, request_id)
			VALUES (gen_random_uuid(), `+at+`, 'exchange', 'token', 'granted', 'none', gen_random_uuid(), '`+id+`')`)
	}
	write("ahead", `now() + interval '1 hour'`)
	follow := start(t, settings, "audit", "tail", "--follow", "--json", "--kind", "exchange")
	follow.stdout.await(t, `"request_id":"ahead"`, follow.ended)
	write("second", `now()`)
	follow.stdout.await(t, `"request_id":"second"`, follow.ended)
	write("third", `now()`)
	follow.stdout.await(t, `"request_id":"third"`, follow.ended)
	follow.end()
	for _, id := range []string{"ahead", "second", "third"} {
		if got := strings.Count(follow.stdout.String(), `"request_id":"`+id+`"`); got != 1 {
			t.Errorf("%s was printed %d times", id, got)
		}
	}
}
