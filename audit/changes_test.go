package audit_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/hasura-issuer/hasura-issuer/audit"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

func TestEveryChangeOfAKeyLeavesARecordWithoutItsSecret(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.New(t))
	const sealed = "eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVydGV4dA.dGFn"
	for _, sql := range []string{
		`INSERT INTO issuer.keys (generation, kid, alg, public, private, published_at, signs_from)
			VALUES (1, 'k1', 'ES256', '{"kty": "EC", "x": "public-point"}', '` + sealed + `', now(), now())`,
		`UPDATE issuer.keys SET promised_ttl = promised_ttl`, // no change
		`UPDATE issuer.keys SET revoked_at = now(), reason = 'leaked'`,
		`UPDATE issuer.keys SET private = private || 'x'`,
		`UPDATE issuer.keys SET private = NULL`,
		`DELETE FROM issuer.keys`,
	} {
		mustExec(t, pool, `SELECT set_config('issuer.actor', 'cli:ada', false)`)
		mustExec(t, pool, sql)
	}
	var got []string
	for _, r := range search(t, pool, audit.Query{Kind: audit.KindKeys}) {
		before, _ := r.Details["before"].(map[string]any)
		after, _ := r.Details["after"].(map[string]any)
		line := r.Actor + " " + r.Login + ":"
		if before != nil {
			line += " from " + before["kid"].(string)
		}
		if after != nil {
			line += " to " + after["kid"].(string)
		}
		for _, member := range []string{"reason", "private"} {
			if text, _ := after[member].(string); text != "" {
				line += " " + member + "=" + text
			}
		}
		got = append(got, line)
	}
	want := []string{
		"to k1", "from k1 to k1 reason=leaked", "from k1 to k1 reason=leaked private=sealed anew",
		"from k1 to k1 reason=leaked private=wiped", "from k1",
	}
	login := pool.Config().ConnConfig.User
	for i := range want {
		want[i] = "cli:ada " + login + ": " + want[i]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	var text string
	if err := pool.QueryRow(t.Context(), `SELECT string_agg(a::text, ' ') FROM issuer.audit AS a`).Scan(&text); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "Y2lwaGVydGV4dA") || strings.Contains(text, "public-point") {
		t.Error("a record holds what is sealed or long")
	}
}

func TestARecordOfRolesLeadsToTheHistoryAndHidesWhatPeopleWrote(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.New(t))
	mustExec(t, pool, `INSERT INTO issuer.grants (tenant, principal_kind, principal, role, session, reason)
		VALUES ('`+contoso+`', 'user', '`+alice+`', 'editor', '{"x-hasura-mail": "ada@contoso.example"}', 'Ada asked')`)
	mustExec(t, pool, `INSERT INTO issuer.blocks (tenant, principal_kind, principal) VALUES ('`+contoso+`', 'user', '`+alice+`')`)
	mustExec(t, pool, `DELETE FROM issuer.grants`)
	got := search(t, pool, audit.Query{Kind: audit.KindRoles, ObjectID: alice, TenantID: contoso})
	if len(got) != 3 {
		t.Fatalf("%d records, want 3: %v", len(got), got)
	}
	grant, _ := got[0].Details["after"].(map[string]any)
	if grant["role"] != "editor" || grant["principal"] != alice || grant["session"] != nil || grant["reason"] != nil || got[0].Details["number"] != 1.0 {
		t.Errorf("got %v", got[0].Details)
	}
	if roles := search(t, pool, audit.Query{Role: "editor"}); len(roles) != 2 {
		t.Errorf("%d records of the role, want 2", len(roles))
	}
}

// TestWhichFieldsARoleOwnsIsOnRecord: it decides what may be asked in the role, as grants decide who may.
func TestWhichFieldsARoleOwnsIsOnRecord(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.New(t))
	for _, sql := range []string{
		`INSERT INTO issuer.mapped_roles (role, component) VALUES ('r', 'c'), ('s', 'd')`,
		`INSERT INTO issuer.mapped_fields VALUES ('r', 'orders'), ('r', 'drop_all'), ('s', 'orders')`,
		`INSERT INTO issuer.mapped_fields VALUES ('r', 'orders') ON CONFLICT DO NOTHING`, // changes nothing
		`UPDATE issuer.mapped_fields SET field = 'drop_none' WHERE field = 'drop_all'`,
		`DELETE FROM issuer.mapped_roles WHERE role = 's'`,
		`TRUNCATE issuer.mapped_fields`,
	} {
		mustExec(t, pool, sql)
	}
	var got []string
	for _, r := range search(t, pool, audit.Query{Kind: audit.KindRoles}) {
		for _, part := range []string{"before", "after"} {
			if entry, there := r.Details[part].(map[string]any); there {
				got = append(got, fmt.Sprint(r.Actor, " ", r.Details["of"], " ", part, " ", entry["role"], entry["fields"]))
			}
		}
	}
	want := []string{
		"sql fields after r[drop_all orders]", "sql fields after s[orders]", "sql fields before r[drop_all]", "sql fields after r[drop_none]",
		"sql fields before s[orders]", "sql fields before r[drop_none orders]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if found := search(t, pool, audit.Query{Role: "s"}); len(found) != 2 {
		t.Errorf("%d records of the role s, want 2", len(found))
	}
}

// TestKeysThatAreAllRemovedAtOnceLeaveTheirRecords, without what is secret.
func TestKeysThatAreAllRemovedAtOnceLeaveTheirRecords(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.New(t))
	mustExec(t, pool, `INSERT INTO issuer.keys (generation, kid, alg, public, private, published_at, signs_from)
		SELECT n, 'k' || n, 'ES256', '{"kty": "EC"}', 'a.b.c.d.e', now(), now() FROM generate_series(1, 2) AS n`)
	mustExec(t, pool, `TRUNCATE issuer.keys`)
	gone := 0
	for _, r := range search(t, pool, audit.Query{Kind: audit.KindKeys}) {
		before, _ := r.Details["before"].(map[string]any)
		if r.Details["after"] != nil {
			continue
		}
		if gone++; before["kid"] == nil || before["private"] != nil || before["public"] != nil {
			t.Errorf("the record of a key that is gone: %v", r.Details)
		}
	}
	if gone != 2 {
		t.Errorf("%d records of keys that are gone, want 2", gone)
	}
}

func TestAChangeThatIsTakenBackLeavesNoRecord(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.New(t))
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `INSERT INTO issuer.blocks (tenant, principal_kind, principal) VALUES ('`+contoso+`', 'user', '`+alice+`')`); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := search(t, pool, audit.Query{}); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestSettingsAreRecordedWhereTheyDiffer(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.New(t))
	for _, step := range []struct {
		settings map[string]string
		changed  []string
	}{
		{map[string]string{"ISSUER_URL": "https://a", "ISSUER_TOKEN_TTL": "5m"}, []string{"ISSUER_TOKEN_TTL", "ISSUER_URL"}},
		{map[string]string{"ISSUER_URL": "https://a", "ISSUER_TOKEN_TTL": "5m"}, nil},
		{map[string]string{"ISSUER_URL": "https://b", "ISSUER_TOKEN_TTL": "5m", "ISSUER_AUDIT": "required"}, []string{"ISSUER_AUDIT", "ISSUER_URL"}},
		{map[string]string{"ISSUER_URL": "https://b"}, []string{"ISSUER_AUDIT", "ISSUER_TOKEN_TTL"}},
	} {
		changed, err := audit.RecordSettings(t.Context(), pool, "replica one", step.settings)
		if err != nil || !slices.Equal(changed, step.changed) {
			t.Errorf("%v: changed %v, %v; want %v", step.settings, changed, err, step.changed)
		}
	}
	got := search(t, pool, audit.Query{Kind: audit.KindSettings, Actor: "replica one"})
	if len(got) != 3 {
		t.Fatalf("%d records, want 3", len(got))
	}
	if kept, _ := got[2].Details["settings"].(map[string]any); len(kept) != 1 || kept["ISSUER_URL"] != "https://b" {
		t.Errorf("got %v", got[2].Details)
	}
}

// TestSettingsAreNotComparedWithARecordOfTheFuture: one such row, whoever wrote it, would be the last one for ever.
func TestSettingsAreNotComparedWithARecordOfTheFuture(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.New(t))
	record := func(value string) (changed []string) {
		changed, err := audit.RecordSettings(t.Context(), pool, "replica r", map[string]string{"A": value})
		if err != nil {
			t.Fatal(err)
		}
		return changed
	}
	record("1")
	mustExec(t, pool, `INSERT INTO issuer.audit (id, at, kind, actor, details) VALUES (gen_random_uuid(), now() + interval '1 day', 'settings', 'sql', '{"settings": {"A": "2"}}')`)
	if got := record("2"); len(got) != 1 {
		t.Errorf("a change that the row of tomorrow hides: %v", got)
	}
	if got := record("2"); got != nil {
		t.Errorf("the same settings again: %v", got)
	}
}

func TestOfManyReplicasWithNewSettingsOneRecordsThem(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.New(t))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := audit.RecordSettings(t.Context(), pool, "some replica", map[string]string{"ISSUER_URL": "https://a"}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := search(t, pool, audit.Query{}); len(got) != 1 {
		t.Errorf("%d records, want 1", len(got))
	}
}

func TestEveryPartOfAQueryChoosesRecords(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.New(t))
	j := run(t, pool, true)
	other := audit.Record{
		Kind: audit.KindExchange, Door: "webhook", Outcome: audit.Granted, Reason: "none", TenantID: uuid.NewString(), ObjectID: uuid.NewString(),
		ClientID: uuid.NewString(), Roles: []string{"viewer"}, JTI: "j-2", TokenSHA256: "fedcba9876543210", RequestID: "r-2", TraceID: "t-2",
	}
	var refs []audit.Ref
	for _, r := range []audit.Record{granted(), other} {
		ref, err := j.Keep(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		refs = append(refs, ref)
	}
	for name, q := range map[string]audit.Query{
		"door": {Door: "webhook"}, "tenant": {TenantID: other.TenantID}, "object id": {ObjectID: other.ObjectID},
		"client": {ClientID: other.ClientID}, "role": {Role: "viewer"}, "jti": {JTI: "j-2"}, "token": {TokenSHA256: other.TokenSHA256},
		"request": {RequestID: "r-2"}, "trace": {TraceID: "t-2"}, "after": {After: refs[0]}, "since": {Since: refs[1].At},
	} {
		got := search(t, pool, q)
		if len(got) != 1 || got[0].ID != refs[1].ID {
			t.Errorf("%s: got %v", name, got)
		}
	}
	for name, q := range map[string]audit.Query{
		"until": {Until: refs[1].At}, "no such kind": {Kind: "keys"}, "no such outcome": {Outcome: audit.Refused}, "no such reason": {Reason: "blocked"}, "no such actor": {Actor: "me"},
	} {
		if got := search(t, pool, q); slices.ContainsFunc(got, func(r audit.Record) bool { return r.ID == refs[1].ID }) {
			t.Errorf("%s: got %v", name, got)
		}
	}
	newest, err := audit.Search(t.Context(), pool, audit.Query{Newest: true, Limit: 1})
	if err != nil || len(newest) != 1 || newest[0].ID != refs[1].ID {
		t.Errorf("the newest: %v, %v", newest, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := audit.Search(ended, pool, audit.Query{Limit: 1}); err == nil {
		t.Error("a search that could not be made found something")
	}
}
