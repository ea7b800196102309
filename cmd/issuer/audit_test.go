package main

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/hasura-issuer/hasura-issuer/audit"
	"github.com/hasura-issuer/hasura-issuer/idp/faketenant"
)

// TestEveryDoorLeavesOneRecordThatEveryFlagFinds has a caller at each door, and looks for the records once the service has stopped.
func TestEveryDoorLeavesOneRecordThatEveryFlagFinds(t *testing.T) {
	t.Parallel()
	tenant, server := entra(t)
	settings := stores(t, server.URL)["postgres"]
	s := serve(t, settings)
	editor, daemon := personaToken(t, tenant, "editor"), personaToken(t, tenant, "daemon")
	answered := s.knock(t, "token", "by-token", editor, "reader editor")
	s.knock(t, "webhook", "by-webhook", personaToken(t, tenant, "editor"), "reader")
	passed := s.knock(t, "forward_auth", "by-gateway", daemon, "")
	s.knock(t, "authenticate", "by-engine", personaToken(t, tenant, "reader"), "")
	s.knock(t, "token", "refused", personaToken(t, tenant, "nobody"), "")
	if code := s.end(); code != exitDone {
		t.Fatalf("exit code %d", code)
	}

	var issued struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(answered.body), &issued); err != nil {
		t.Fatal(err)
	}
	jti, expiry := minted(t, issued.Token)
	object := personaObject(t, tenant, "editor")
	client, _ := tenant.Claims("editor")["azp"].(string)
	var subject struct {
		ID string `json:"uti"`
	}
	payloadOf(t, editor, &subject)
	want := audit.Record{
		Kind: "exchange", Door: "token", Outcome: "granted", Reason: "none", TenantID: faketenant.TenantID, ObjectID: object, Caller: "user", ClientID: client,
		AskedRoles: []string{"editor", "reader"}, Roles: []string{"editor", "reader"},
		Grants: []string{"editor by group d1000001-aaaa-4bbb-8ccc-000000000001", "reader by group d1000002-aaaa-4bbb-8ccc-000000000002"},
		KID:    headerOf(t, issued.Token), JTI: jti, ExpiresAt: &expiry, TokenSHA256: hashOf(editor)[:16], SubjectTokenID: subject.ID,
		Address: "127.0.0.1", RequestID: "by-token",
	}
	got := records(t, settings, "--request-id", "by-token")
	host, _ := os.Hostname()
	if len(got) != 1 || got[0].ID == uuid.Nil || time.Since(got[0].At).Abs() > time.Hour || !strings.HasPrefix(got[0].Replica, host+"-") {
		t.Fatalf("%+v", got)
	}
	slices.Sort(got[0].Grants)
	if diff := cmp.Diff(want, got[0], cmpopts.IgnoreFields(audit.Record{}, "ID", "At", "Replica")); diff != "" {
		t.Errorf("the record (-want +got):\n%s", diff)
	}
	if got := records(t, settings, "--request-id", "by-webhook")[0]; got.AskedRole != "reader" || got.Door != "webhook" || got.JTI != "" || got.ExpiresAt == nil {
		t.Errorf("by the webhook: %+v", got)
	}

	runSQL(t, settings, `UPDATE issuer.audit SET trace_id = '4bf92f3577b34da6a3ce929d0e0e4736' WHERE request_id = 'by-engine'`)
	passedID, _ := minted(t, passed.token)
	const all = "by-token by-webhook by-gateway by-engine refused"
	for args, want := range map[string]string{
		"": all, "--kind any --outcome any": all, "--kind keys": "", "--kind exchange": all, "--since 1h": all, "--until 1h": "", "--since 2200-01-01": "",
		"--door token": "by-token refused", "--door webhook": "by-webhook", "--door forward_auth": "by-gateway", "--door authenticate": "by-engine",
		"--outcome granted": "by-token by-webhook by-gateway by-engine", "--outcome refused": "refused", "--reason no_roles": "refused",
		"--tenant " + strings.ToUpper(faketenant.TenantID): all, "--tenant " + object: "",
		"--user " + object: "by-token by-webhook", "--user " + strings.ToUpper(object) + " --door token": "by-token",
		"--client 5D4C3B2A-1908-47F6-9E5D-4C3B2A190833": "by-gateway", "--role service": "by-gateway", "--role editor": "by-token by-webhook", "--role edit": "",
		"--jti " + jti: "by-token", "--jti " + passedID: "by-gateway", "--token " + hashOf(editor): "by-token", "--token " + strings.ToUpper(hashOf(daemon)[:16]): "by-gateway",
		"--request-id by-engine": "by-engine", "--trace-id 4bf92f3577b34da6a3ce929d0e0e4736": "by-engine", "--actor nobody": "",
	} {
		if got := requests(t, settings, strings.Fields(args)...); got != want {
			t.Errorf("%s: %q, want %q", args, got, want)
		}
	}
	code, stdout, stderr := execute(t, settings, "audit", "search", "--kind", "exchange", "--limit", "3")
	if code != exitDone || strings.Count(stdout, "\n") != 4 || !strings.HasPrefix(stdout, "AT ") || !strings.Contains(stdout, "token         user "+object+"  editor reader  editor by group d1000001") {
		t.Errorf("exit code %d:\n%s", code, stdout)
	}
	if !strings.Contains(stderr, "there may be more") {
		t.Errorf("nobody is told that there is more: %q", stderr)
	}
	for _, taboo := range []string{editor, issued.Token, "eyJ", "@", "Example"} {
		if text := s.stderr.String() + strings.Join(lists(t, settings), "\n"); strings.Contains(text, taboo) {
			t.Errorf("a record or the log holds %.20q", taboo)
		}
	}
}
