package main

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

// agedRing returns the settings of a keys file whose ring was founded some time ago.
func agedRing(t *testing.T, age time.Duration) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.json")
	store, err := keystore.OpenFile(path, func() time.Time { return time.Now().Add(-age) })
	if err != nil {
		t.Fatal(err)
	}
	settings := []string{"ISSUER_KEYS_FILE=" + path}
	s, err := load(settings, needKeys)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Rotate(t.Context(), store, nil, s.keysPolicy()); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return settings
}

// ringOf reads the states and kids of a ring by its generations.
func ringOf(t *testing.T, settings []string) (states, kids []string) {
	t.Helper()
	var list []struct{ KID, State string }
	_, stdout, stderr := execute(t, settings, "keys", "list", "--json")
	if err := json.Unmarshal([]byte(stdout), &list, json.MatchCaseInsensitiveNames(true)); err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	for _, k := range list {
		states, kids = append(states, k.State), append(kids, k.KID)
	}
	return states, kids
}

// wantRing fails unless the ring's states are these, by generation.
func wantRing(t *testing.T, settings []string, want ...string) {
	t.Helper()
	states, _ := ringOf(t, settings)
	if diff := cmp.Diff(want, states); diff != "" {
		t.Errorf("the ring (-want +got):\n%s", diff)
	}
}

func TestAHandOverIsBroughtForwardOnlyWhereItIsSafeOrForced(t *testing.T) {
	t.Parallel()
	young := agedRing(t, time.Minute)
	code, stdout, stderr := execute(t, young, "keys", "rotate", "--now")
	if code != exitFailed || stdout != "" || !strings.Contains(stderr, "from 20") || !strings.Contains(stderr, "--force") {
		t.Errorf("too early: exit code %d, %q, %q", code, stdout, stderr)
	}
	wantRing(t, young, "signing", "pending", "pending")

	if code, _, stderr := execute(t, young, "keys", "rotate", "--now", "--force"); code != exitUsage || !strings.Contains(stderr, "refuses every token") {
		t.Errorf("forced without --yes: exit code %d, %q", code, stderr)
	}
	wantRing(t, young, "signing", "pending", "pending")
	if code, _, stderr := execute(t, young, "keys", "rotate", "--now", "--force", "--yes"); code != exitDone {
		t.Errorf("forced: exit code %d, %q", code, stderr)
	}
	wantRing(t, young, "retiring", "signing", "pending", "pending")

	old := agedRing(t, 2*time.Hour)
	var result keys.Result
	code, stdout, stderr = execute(t, old, "keys", "rotate", "--now", "--json")
	if err := json.Unmarshal([]byte(stdout), &result); err != nil || code != exitDone || len(result.Moved) != 1 || len(result.Inserted) != 1 {
		t.Errorf("after the lead: exit code %d, %v, %q, %q", code, err, stdout, stderr)
	}
	wantRing(t, old, "retiring", "signing", "pending", "pending")
	if code, _, stderr := execute(t, old, "keys", "rotate", "--force"); code != exitUsage || !strings.Contains(stderr, "--now") {
		t.Errorf("--force alone: exit code %d, %q", code, stderr)
	}
}

func TestALeakedKeyIsRevokedOnceThatIsConfirmed(t *testing.T) {
	t.Parallel()
	settings := agedRing(t, 2*time.Hour)
	_, kids := ringOf(t, settings)
	code, _, stderr := execute(t, settings, "keys", "revoke", kids[0], "--reason", "leaked")
	if code != exitUsage || !strings.Contains(stderr, "--yes") || !strings.Contains(stderr, "Forged tokens live on") {
		t.Errorf("without --yes: exit code %d, %q", code, stderr)
	}
	wantRing(t, settings, "signing", "pending", "pending")

	for i, want := range [][]string{
		{"revoked", "signing", "pending", "pending"},
		{"revoked", "revoked", "signing", "pending", "pending"},
	} {
		var done followedResult
		code, stdout, stderr := execute(t, settings, "keys", "revoke", kids[i], "--reason", "leaked", "--yes", "--json")
		if err := json.Unmarshal([]byte(stdout), &done); err != nil || code != exitDone || len(done.Revoked) != 1 || len(done.Unconfirmed) != 0 {
			t.Errorf("revocation %d: exit code %d, %v, %q, %q", i+1, code, err, stdout, stderr)
		}
		wantRing(t, settings, want...)
	}

	code, _, stderr = execute(t, settings, "keys", "revoke", kids[2], "--reason", "leaked", "--yes")
	if code != exitFailed || !strings.Contains(stderr, "from 20") || !strings.Contains(stderr, "--force") {
		t.Errorf("a third time: exit code %d, %q", code, stderr)
	}
	wantRing(t, settings, "revoked", "revoked", "signing", "pending", "pending")
	code, _, stderr = execute(t, settings, "keys", "revoke", kids[2], "--reason", "leaked", "--yes", "--force")
	if code != exitDone || !strings.Contains(stderr, "This breaks something") {
		t.Errorf("forced: exit code %d, %q", code, stderr)
	}
	wantRing(t, settings, "revoked", "revoked", "revoked", "signing", "pending", "pending")

	code, stdout, stderr := execute(t, settings, "keys", "revoke", kids[0], "--reason", "again")
	if code != exitDone || !strings.HasPrefix(stdout, "the key was revoked already, at 20") || !strings.HasSuffix(stdout, "Z: leaked\n") || strings.Contains(stderr, "Forged") {
		t.Errorf("revoked already: exit code %d, %q, %q", code, stdout, stderr)
	}
	if _, stdout, _ := execute(t, settings, "keys", "list"); strings.Count(stdout, "was revoked at 20") != 3 || strings.Count(stdout, "Z: leaked\n") != 3 {
		t.Errorf("the list does not say when and why:\n%s", stdout)
	}
	if code, _, stderr := execute(t, settings, "keys", "revoke", "nobody", "--reason", "leaked", "--yes"); code != exitFailed || !strings.Contains(stderr, "issuer keys list") {
		t.Errorf("no such key: exit code %d, %q", code, stderr)
	}
}

// TestARevocationOnADisputedStoreSaysThatReplicasDoNotFollow: after a restored backup the key that leaked is pending in the
// store, while replicas sign with it.
func TestARevocationOnADisputedStoreSaysThatReplicasDoNotFollow(t *testing.T) {
	t.Parallel()
	settings := agedRing(t, 2*time.Hour)
	_, kids := ringOf(t, settings)
	store, err := keystore.OpenFile(strings.TrimPrefix(settings[0], "ISSUER_KEYS_FILE="), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	err = store.Witness(t.Context(), []keys.Witness{
		{Kind: keys.Replica, Name: "ahead", Generation: 5, Version: 40, SeenAt: time.Now().Add(-7 * time.Minute)}, // has not noticed yet
	})
	if err := errors.Join(err, store.Close()); err != nil {
		t.Fatal(err)
	}
	const still = "may sign with it even where the store has it as pending, until issuer keys adopt was run"
	code, _, stderr := execute(t, settings, "keys", "revoke", kids[1], "--reason", "leaked")
	if code != exitUsage || !strings.Contains(stderr, "The key store is disputed: ") || !strings.Contains(stderr, still) || strings.Contains(stderr, "leaves the key set") {
		t.Errorf("before: exit code %d, %q", code, stderr)
	}
	code, _, stderr = execute(t, settings, "keys", "revoke", kids[1], "--reason", "leaked", "--yes", "--wait", "1h")
	if code != exitDone || !strings.Contains(stderr, "until issuer keys adopt was run: run it now, or stop them. Not confirmed by ahead (last seen 7m ago).") {
		t.Errorf("after: exit code %d, %q", code, stderr)
	}
	var done followedResult
	_, stdout, _ := execute(t, settings, "keys", "revoke", kids[2], "--reason", "leaked", "--yes", "--json")
	if err := json.Unmarshal([]byte(stdout), &done); err != nil || len(done.Confirmed) != 0 || len(done.Unconfirmed) != 1 {
		t.Errorf("--json: %v, %s", err, stdout)
	}
}

func TestARevocationWantsAKeyAndAReason(t *testing.T) {
	t.Parallel()
	settings := agedRing(t, 2*time.Hour)
	for line, want := range map[string]string{
		"":                `"<kid>"`,
		"--reason=leaked": `"<kid>"`,
		"KID":             "--reason wants 1 to 200 bytes",
		"KID --reason=":   "--reason wants 1 to 200 bytes",
		"KID --reason=" + strings.Repeat("x", 201): "--reason wants 1 to 200 bytes",
	} {
		code, stdout, stderr := execute(t, settings, append([]string{"keys", "revoke"}, strings.Fields(line)...)...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("keys revoke %s: exit code %d, %q, want %q", line, code, stderr, want)
		}
	}
}

func TestThePlanShowsWhatComesAndChecksEveryInvariant(t *testing.T) {
	t.Parallel()
	settings := agedRing(t, time.Hour)
	code, stdout, stderr := execute(t, settings, "keys", "plan")
	if code != exitDone || strings.Count(stdout, "(to come)") < 28 || strings.Count(stdout, "  ok ") != 9 || strings.Contains(stdout, "BROKEN") {
		t.Errorf("exit code %d, %q:\n%s", code, stderr, stdout)
	}
	wantRing(t, settings, "signing", "pending", "pending") // it plans, it does nothing

	var forecast keys.Forecast
	if _, stdout, _ := execute(t, settings, "keys", "plan", "--days", "2", "--json"); json.Unmarshal([]byte(stdout), &forecast) != nil || len(forecast.Keys) != 5 {
		t.Errorf("--json: %s", stdout)
	}
	for _, days := range []string{"0", "3651"} {
		if code, _, _ := execute(t, settings, "keys", "plan", "--days", days); code != exitUsage {
			t.Errorf("--days %s: exit code %d", days, code)
		}
	}
}

func TestARingIsSealedByBringingItIntoAnotherFile(t *testing.T) {
	t.Parallel()
	old := agedRing(t, time.Hour)
	clear := strings.TrimPrefix(old[0], "ISSUER_KEYS_FILE=")
	path := filepath.Join(t.TempDir(), "sealed.json")
	sealed := []string{"ISSUER_KEYS_FILE=" + path, "ISSUER_KEYS_ENCRYPTION_KEY=" + goodKEK}

	if code, stdout, stderr := execute(t, sealed, "keys", "import", clear); code != exitDone || strings.Count(stdout, "imported generation ") != 3 || strings.Contains(stdout, "published") {
		t.Fatalf("exit code %d, %q, %q", code, stdout, stderr)
	}
	_, want := ringOf(t, old)
	_, got := ringOf(t, sealed)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kids (-before +after):\n%s", diff)
	}
	text, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(text), `"d"`) || strings.Contains(string(text), `\"d\"`) {
		t.Errorf("the new file holds a private key in the clear, or %v", err)
	}
	if code, _, stderr := execute(t, sealed, "keys", "import", clear); code != exitFailed || !strings.Contains(stderr, "holds a ring already") {
		t.Errorf("twice: exit code %d, %q", code, stderr)
	}
	if code, _, stderr := execute(t, sealed, "keys", "import", path+".none"); code != exitUsage || !strings.Contains(stderr, "no such file") {
		t.Errorf("no file: exit code %d, %q", code, stderr)
	}
}

func TestAKeyEncryptionKeyIsExchangedInThreeSteps(t *testing.T) {
	t.Parallel()
	settings := migrated(t)
	if code, _, stderr := execute(t, settings, "keys", "rotate"); code != exitDone {
		t.Fatal(stderr)
	}
	database, next := settings[0], "k2:"+strings.Repeat("B", 43)+"="
	both := []string{database, "ISSUER_KEYS_ENCRYPTION_KEY=" + next + "," + goodKEK}
	only := []string{database, "ISSUER_KEYS_ENCRYPTION_KEY=" + next}

	id, _, _ := strings.Cut(goodKEK, ":")
	if code, _, stderr := execute(t, only, "keys", "rotate"); code != exitFailed || !strings.Contains(stderr, `"`+id+`"`) {
		t.Errorf("the old one is gone too early: exit code %d, %q", code, stderr)
	}
	if code, stdout, stderr := execute(t, both, "keys", "reseal"); code != exitDone || stdout != "sealed 3 keys anew\n" {
		t.Errorf("reseal: exit code %d, %q, %q", code, stdout, stderr)
	}
	if code, stdout, _ := execute(t, both, "keys", "reseal"); code != exitDone || !strings.Contains(stdout, "already") {
		t.Errorf("reseal again: exit code %d, %q", code, stdout)
	}
	if code, _, stderr := execute(t, only, "keys", "rotate"); code != exitDone {
		t.Errorf("without the old one: exit code %d, %q", code, stderr)
	}
}

// TestAReplicaWithoutTheNewKeyIsNamedByReseal: it serves what it holds for a while, so nothing else shows.
func TestAReplicaWithoutTheNewKeyIsNamedByReseal(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	settings := stores(t, server.URL)["postgres"]
	old := env.ToMap(settings)["ISSUER_KEYS_ENCRYPTION_KEY"]
	both := "ISSUER_KEYS_ENCRYPTION_KEY=k9:" + strings.Repeat("B", 43) + "=," + old
	without := serve(t, settings) // founds the ring, with the old key
	with := serve(t, append(slices.Clone(settings), both))
	code, stdout, stderr := execute(t, append(slices.Clone(settings), both), "keys", "reseal", "--json", "--wait", "2s")
	var done followedResult
	if err := json.Unmarshal([]byte(stdout), &done); err != nil || code != exitDone || len(done.Resealed) == 0 || len(done.Unconfirmed) != 1 {
		t.Fatalf("exit code %d, %v, %s, %q", code, err, stdout, stderr)
	}
	if name := `"replica":"` + done.Unconfirmed[0] + `"`; !strings.Contains(without.stderr.String(), name) || strings.Contains(with.stderr.String(), name) {
		t.Errorf("%s is another one", done.Unconfirmed)
	}
	code, _, stderr = execute(t, append(slices.Clone(settings), both), "keys", "reseal", "--wait", "0s")
	if code != exitDone || !strings.Contains(stderr, "Not confirmed by "+done.Unconfirmed[0]+" (last seen ") || !strings.Contains(stderr, `run with key-encryption key "k9"`) {
		t.Errorf("again: exit code %d, %q", code, stderr)
	}
}

// TestReplicasFollowARevocation: two replicas and the command are three processes on one database.
func TestReplicasFollowARevocation(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	settings := append(stores(t, server.URL)["postgres"], "ISSUER_RELYING_PARTIES=engine")
	replicas := []served{serve(t, settings), serve(t, settings)}
	replicas[0].get(t, "/.well-known/jwks.json?rp=engine")
	_, kids := ringOf(t, settings)

	var done followedResult
	code, stdout, stderr := execute(t, settings, "keys", "revoke", kids[0], "--reason", "leaked", "--yes", "--force", "--json", "--wait", "1h")
	if err := json.Unmarshal([]byte(stdout), &done); err != nil || code != exitDone {
		t.Fatalf("exit code %d, %v, %q", code, err, stderr)
	}
	if len(done.Confirmed) != 2 || len(done.Unconfirmed) != 0 {
		t.Errorf("confirmed by %q, not by %q", done.Confirmed, done.Unconfirmed)
	}
	for _, r := range replicas {
		if response, body := r.get(t, "/.well-known/jwks.json"); response.StatusCode != http.StatusOK || strings.Contains(string(body), kids[0]) {
			t.Errorf("%s: the key set is %s", response.Status, body)
		}
	}
	_, stdout, _ = execute(t, settings, "keys", "list")
	for _, r := range replicas {
		_, body := get(t, r.admin+"/metrics")
		_, name, _ := strings.Cut(string(body), "\nissuer_replica_info{replica=\"")
		name, _, _ = strings.Cut(name, "\"} 1\n")
		if name == "" || !strings.Contains(stdout, " "+name+" ") || !strings.Contains(r.stderr.String(), `"replica":"`+name+`"`) {
			t.Errorf("the metrics call this replica %q; the list and its log:\n%s\n%s", name, stdout, r.stderr)
		}
	}
	if !strings.Contains(stdout, "relying_party") || strings.Count(stdout, "replica ") != 2 {
		t.Errorf("the holders are not all listed:\n%s", stdout)
	}
	for _, r := range replicas {
		r.end()
	}
	if _, stdout, _ := execute(t, settings, "keys", "list", "--holders"); strings.Contains(stdout, "replica ") {
		t.Errorf("a replica that has left is still listed:\n%s", stdout)
	}
}

func TestARestoredBackupIsNoticedAndAdopted(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	settings := stores(t, server.URL)["postgres"]
	s := serve(t, settings)
	_, body := s.get(t, "/.well-known/jwks.json")

	mustExec(t, settings, `DELETE FROM issuer.keys WHERE generation = 3`)
	s.awaitStatus(t, "/readyz?full", http.StatusServiceUnavailable) // noticed at the next look
	if response, after := s.get(t, "/.well-known/jwks.json"); response.StatusCode != http.StatusOK || string(after) != string(body) {
		t.Errorf("the replica does not keep its ring: %s", response.Status)
	}
	if code, _, stderr := execute(t, settings, "keys", "rotate"); code != exitFailed || !strings.Contains(stderr, "issuer keys adopt") {
		t.Errorf("rotate: exit code %d, %q", code, stderr)
	}
	if code, stdout, stderr := execute(t, settings, "keys", "adopt", "--yes"); code != exitDone {
		t.Errorf("adopt: exit code %d, %q, %q", code, stdout, stderr)
	}
	s.awaitReady(t)
	wantRing(t, settings, "signing", "pending", "pending")
	if _, after := s.get(t, "/.well-known/jwks.json"); string(after) != string(body) {
		t.Error("the ring is not what it was before")
	}
	if code, _, stderr := execute(t, settings, "keys", "adopt", "--yes"); code != exitFailed || !strings.Contains(stderr, "nothing to adopt") {
		t.Errorf("adopt again: exit code %d, %q", code, stderr)
	}
}

func TestAServiceWithoutARingSaysWhoMakesIt(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	settings := append(stores(t, server.URL)["postgres"], "ISSUER_ROTATE=cron")
	s := serveCold(t, settings)
	s.awaitBody(t, "/readyz", "holds no ring yet, and rotation is left to others: run `issuer keys rotate`")
	if code, _, stderr := execute(t, settings, "keys", "rotate"); code != exitDone {
		t.Fatal(stderr)
	}
	s.awaitBody(t, "/readyz", `"keys":"ok"`)
	s.stderr.await(t, `"message":"all is well again"`, s.ended)
}

// TestAnOverdueRotationIsAnAlarmAndNoOutage: the cron has not come for a day and a half, and then it does.
func TestAnOverdueRotationIsAnAlarmAndNoOutage(t *testing.T) {
	t.Parallel()
	_, server := entra(t)
	settings := append(stores(t, server.URL)["postgres"], "ISSUER_ROTATE=cron")
	aged := strings.TrimPrefix(agedRing(t, 37*time.Hour)[0], "ISSUER_KEYS_FILE=")
	if code, _, stderr := execute(t, settings, "keys", "import", aged); code != exitDone {
		t.Fatal(stderr)
	}
	s := serve(t, settings)
	const alarm = "rotation is overdue"
	if response, body := s.get(t, "/readyz?full"); response.StatusCode != http.StatusOK || !strings.Contains(string(body), alarm) {
		t.Errorf("/readyz: %s %s", response.Status, body)
	}
	s.stderr.await(t, alarm, s.ended)
	if _, body := get(t, s.admin+"/metrics"); !strings.Contains(string(body), "\nissuer_key_pending 1\n") || strings.Contains(string(body), "\nissuer_key_rotation_overdue_seconds 0\n") {
		t.Errorf("the metrics do not show it:\n%s", body)
	}
	if response, _ := s.get(t, "/.well-known/jwks.json"); response.StatusCode != http.StatusOK {
		t.Errorf("the key set: %s", response.Status)
	}

	if code, stdout, stderr := execute(t, settings, "keys", "rotate"); code != exitDone || !strings.Contains(stdout, "published generation 4") {
		t.Errorf("rotate: exit code %d, %q, %q", code, stdout, stderr)
	}
	s.awaitBody(t, "/readyz", `"keys":"ok"`)
	s.stderr.await(t, `"message":"all is well again"`, s.ended)
	if _, body := get(t, s.admin+"/metrics"); !strings.Contains(string(body), "\nissuer_key_rotation_overdue_seconds 0\n") {
		t.Errorf("the metrics still show it:\n%s", body)
	}
}

// mustExec does to the database of settings what no command of ours does, and has the replicas look.
func mustExec(t *testing.T, settings []string, statement string) {
	t.Helper()
	pool, err := database.Open(t.Context(), env.ToMap(settings)["ISSUER_DATABASE_URL"])
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for _, s := range []string{statement, "NOTIFY " + keystore.Channel} {
		if _, err := pool.Exec(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
}
