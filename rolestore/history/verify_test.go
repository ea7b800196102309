package history_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/rolestore/history"
)

// behindItsBack runs statements as somebody does who owns the tables and switches
// off what is in the way.
func behindItsBack(t *testing.T, pool *pgxpool.Pool, sql string) {
	t.Helper()
	switched := func(how string) string {
		var b strings.Builder
		for _, table := range []string{"grants", "blocks", "role_history", "role_state"} {
			fmt.Fprintf(&b, "ALTER TABLE issuer.%s %s TRIGGER USER; ", table, how)
		}
		return b.String()
	}
	mustExec(t, pool, switched("DISABLE")+sql+"; "+switched("ENABLE"))
}

// sixRecords makes a history of six records, of which four grants are left.
func sixRecords(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool := newPool(t)
	mustApply(t, pool, "ada", userGrant(alice, "a"), userGrant(alice, "b"), userGrant(alice, "c"))
	mustApply(t, pool, "bob", userGrant(alice, "a"), userGrant(alice, "c"), userGrant(alice, "d"), userGrant(alice, "e"))
	wantWhole(t, pool, 6)
	return pool
}

// rehash gives record n the hash that its content has now, as a forger would.
const rehash = `UPDATE issuer.role_history AS h SET hash = issuer.role_hash(coalesce((SELECT hash FROM issuer.role_history WHERE number = h.number - 1), ''),
	number::text, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), actor, login, address, application, kind, before::text, after::text) WHERE number = `

func TestWhatWasDoneToTheHistoryOrPastItIsFound(t *testing.T) {
	t.Parallel()
	const past = ": a change went past the history"
	grantOf := func(role string) string {
		return fmt.Sprintf("the grant of %q to user %s in tenant %s", role, alice, contoso)
	}
	for name, tc := range map[string]struct {
		sql  string
		want []string
	}{
		"nothing": {`SELECT`, []string{}},
		"a record is altered": {`UPDATE issuer.role_history SET actor = 'eve' WHERE number = 3`, []string{
			"record 3 does not follow from the one before it: it was altered, or that one was",
		}},
		"a record is altered in a blank": {`UPDATE issuer.role_history SET after = (after::text || ' ')::json WHERE number = 3`, []string{
			"record 3 does not follow from the one before it: it was altered, or that one was",
		}},
		"a record is altered and its hash with it": {`UPDATE issuer.role_history SET actor = 'eve' WHERE number = 3; ` + rehash + `3`, []string{
			"record 4 does not follow from the one before it: it was altered, or that one was",
		}},
		"a time is altered": {`UPDATE issuer.role_history SET at = at - interval '1 microsecond' WHERE number = 6`, []string{
			"record 6 does not follow from the one before it: it was altered, or that one was",
		}},
		"the last record is altered and its hash with it": {`UPDATE issuer.role_history SET actor = 'eve' WHERE number = 6; ` + rehash + `6`, []string{
			"issuer.role_state says that the history ends with 6:",
		}},
		"the first record is removed": {`DELETE FROM issuer.role_history WHERE number = 1`, []string{
			"record 1 is missing, so record 2 cannot be checked", grantOf("a") + " is in the table, and no record says so" + past,
		}},
		"records in the middle are removed": {`DELETE FROM issuer.role_history WHERE number IN (4, 5)`, []string{
			"records 4 to 5 are missing, so record 6 cannot be checked",
			grantOf("d") + " is in the table, and no record says so" + past, grantOf("e") + " is in the table, and no record says so" + past,
		}},
		"records in the middle are removed and the rest moved up": {`DELETE FROM issuer.role_history WHERE number = 3; UPDATE issuer.role_history SET number = number - 1 WHERE number = 4;
			UPDATE issuer.role_history SET number = number - 1 WHERE number = 5; UPDATE issuer.role_history SET number = number - 1 WHERE number = 6`, []string{
			"record 3 does not follow from the one before it: it was altered, or that one was",
			"record 4 does not follow", "record 5 does not follow", "record 6 is missing at the end", grantOf("c") + " is in the table, and no record says so" + past,
		}},
		"the last record is removed": {`DELETE FROM issuer.role_history WHERE number = 6`, []string{
			"record 6 is missing at the end", grantOf("b") + " is not in the table, although record 2 left it there" + past,
		}},
		"the last record is removed and the head moved back": {`DELETE FROM issuer.role_history WHERE number = 6;
			UPDATE issuer.role_state SET version = 5, hash = (SELECT hash FROM issuer.role_history WHERE number = 5)`, []string{
			grantOf("b") + " is not in the table, although record 2 left it there" + past,
		}},
		"two records change places": {`UPDATE issuer.role_history SET number = 99 WHERE number = 2; UPDATE issuer.role_history SET number = 2 WHERE number = 3;
			UPDATE issuer.role_history SET number = 3 WHERE number = 99`, []string{
			"record 2 does not follow", "record 3 does not follow", "record 4 does not follow",
		}},
		"a record is there twice": {`ALTER TABLE issuer.role_history DROP CONSTRAINT role_history_pkey; INSERT INTO issuer.role_history SELECT * FROM issuer.role_history WHERE number = 3`, []string{
			"there is a record 3 too many",
		}},
		"a record has a number that cannot be": {`ALTER TABLE issuer.role_history DROP CONSTRAINT role_history_counts_from_one;
			INSERT INTO issuer.role_history SELECT -7, at, actor, login, address, application, kind, before, after, hash FROM issuer.role_history WHERE number = 3`, []string{
			"there is a record -7 too many",
		}},
		"all records are removed": {`TRUNCATE issuer.role_history`, []string{
			"records 1 to 6 are missing at the end", grantOf("a"), grantOf("c"), grantOf("d"), grantOf("e"),
		}},
		"the head is gone": {`DELETE FROM issuer.role_state`, []string{"issuer.role_state has lost its row, which says where the history ends"}},
		"a record cannot be read": {`UPDATE issuer.role_history SET after = '"x"' WHERE number = 5`, []string{
			"record 5 does not follow from the one before it: it was altered, or that one was", "record 5 cannot be read", grantOf("e") + " is in the table, and no record says so" + past,
		}},
		"a grant is added past the history": {`INSERT INTO issuer.grants (tenant, principal_kind, principal, role) VALUES ('` + contoso + `', 'user', '` + alice + `', 'z')`, []string{grantOf("z") + " is in the table, and no record says so" + past}},
		"a grant is changed past it":        {`UPDATE issuer.grants SET priority = 1 WHERE role = 'c'`, []string{grantOf("c") + " says something else in the table than in record 3" + past}},
		"a grant is removed past it":        {`DELETE FROM issuer.grants WHERE role = 'c'`, []string{grantOf("c") + " is not in the table, although record 3 left it there" + past}},
		"a block is added past it":          {`INSERT INTO issuer.blocks (tenant, principal_kind, principal) VALUES ('` + contoso + `', 'user', '` + alice + `')`, []string{"the block of user " + alice + " in tenant " + contoso + " is in the table"}},
		"a grant is changed past it, and again on record": {`UPDATE issuer.grants SET priority = 1 WHERE role = 'c';
			ALTER TABLE issuer.grants ENABLE TRIGGER USER; ALTER TABLE issuer.role_history ENABLE TRIGGER USER; UPDATE issuer.grants SET priority = 2 WHERE role = 'c'`, []string{
			"record 7 finds " + grantOf("c") + " otherwise than the records before it left it" + past,
		}},
		"a trigger is gone": {`DROP TRIGGER roles_delete ON issuer.blocks`, []string{"the trigger issuer.blocks.roles_delete is missing, switched off or not as"}},
		"a grant cannot be read, and another is added past it": {`ALTER TABLE issuer.grants DROP CONSTRAINT grants_dates_are_finite; ALTER TABLE issuer.grants ENABLE TRIGGER USER; ALTER TABLE issuer.role_history ENABLE TRIGGER USER;
			UPDATE issuer.grants SET valid_until = 'infinity' WHERE role = 'c'; ALTER TABLE issuer.grants DISABLE TRIGGER USER;
			INSERT INTO issuer.grants (tenant, principal_kind, principal, role) VALUES ('` + contoso + `', 'user', '` + alice + `', 'z')`, []string{
			"record 7 cannot be read", grantOf("c") + " cannot be read", grantOf("z") + " is in the table, and no record says so" + past,
		}},
		"a record's columns cannot be read": {`ALTER TABLE issuer.role_history DROP CONSTRAINT role_history_at_is_finite, ALTER COLUMN actor DROP NOT NULL;
			UPDATE issuer.role_history SET at = 'infinity', actor = NULL WHERE number = 2; UPDATE issuer.role_history SET actor = 'eve' WHERE number = 6`, []string{
			"record 2 does not follow from the one before it: it was altered, or that one was", "record 6 does not follow from the one before it: it was altered, or that one was",
		}},
		"the head cannot be read": {`ALTER TABLE issuer.role_state ALTER COLUMN hash DROP NOT NULL; UPDATE issuer.role_state SET hash = NULL`, []string{"issuer.role_state says that the history ends with 6:"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := sixRecords(t)
			behindItsBack(t, pool, tc.sql)
			report := mustVerify(t, pool)
			for i, fault := range report.Faults {
				if i < len(tc.want) && strings.HasPrefix(fault, tc.want[i]) {
					report.Faults[i] = tc.want[i]
				}
			}
			if diff := cmp.Diff(tc.want, report.Faults); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestASwitchedOffTriggerIsFoundAtOnce(t *testing.T) {
	t.Parallel()
	pool := sixRecords(t)
	mustExec(t, pool, `ALTER TABLE issuer.grants DISABLE TRIGGER roles_update`)
	if report := mustVerify(t, pool); len(report.Faults) != 1 || !strings.Contains(report.Faults[0], "issuer.grants.roles_update") {
		t.Errorf("faults: %q", report.Faults)
	}
}

// A trigger that bears the right name, and a function that does, must do what they
// did, or a change that is taken back leaves nothing in the tables to find.
func TestWhatWritesRecordsIsAsTheMigrationMadeIt(t *testing.T) {
	t.Parallel()
	const nothing = ` RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; `
	const insertOn = `DROP TRIGGER roles_insert ON issuer.grants; CREATE TRIGGER roles_insert AFTER `
	const rest = ` ON issuer.grants REFERENCING NEW TABLE AS rows_new FOR EACH STATEMENT `
	trigger := func(name string) string { return "the trigger issuer." + name + " is missing, switched off or not as" }
	function := func(name string) string { return "the function issuer." + name + " is not as" }
	for name, tc := range map[string]struct{ sql, want string }{
		"a gutted function":             {`CREATE OR REPLACE FUNCTION issuer.on_roles_change()` + nothing, function("on_roles_change()")},
		"a guard that lets through":     {`CREATE OR REPLACE FUNCTION issuer.refuse_to_change_history()` + nothing, function("refuse_to_change_history()")},
		"a function that skips NULL":    {`ALTER FUNCTION issuer.record_roles STRICT`, function("record_roles(text, jsonb[], jsonb[])")},
		"a function with other rights":  {`ALTER FUNCTION issuer.on_roles_change SECURITY INVOKER`, function("on_roles_change()")},
		"a function that looks astray":  {`ALTER FUNCTION issuer.role_hash SET search_path = public, pg_catalog`, function("role_hash(text[])")},
		"a function that was renamed":   {`ALTER FUNCTION issuer.record_roles RENAME TO record`, "the function issuer.record_roles(text, jsonb[], jsonb[]) is missing"},
		"a trigger on another event":    {insertOn + `TRUNCATE ON issuer.grants FOR EACH STATEMENT EXECUTE FUNCTION issuer.on_roles_change()`, trigger("grants.roles_insert")},
		"a trigger of another function": {`CREATE FUNCTION issuer.idle()` + nothing + insertOn + `INSERT` + rest + `EXECUTE FUNCTION issuer.idle()`, trigger("grants.roles_insert")},
		"a function of another schema":  {`CREATE FUNCTION public.on_roles_change()` + nothing + insertOn + `INSERT` + rest + `EXECUTE FUNCTION public.on_roles_change()`, trigger("grants.roles_insert")},
		"a trigger with a condition":    {insertOn + `INSERT` + rest + `WHEN (false) EXECUTE FUNCTION issuer.on_roles_change()`, trigger("grants.roles_insert")},
		"a trigger for some columns": {`DROP TRIGGER history_is_kept ON issuer.role_state; CREATE TRIGGER history_is_kept
			BEFORE INSERT OR UPDATE OF only_row OR DELETE OR TRUNCATE ON issuer.role_state FOR EACH STATEMENT EXECUTE FUNCTION issuer.refuse_to_change_history()`, trigger("role_state.history_is_kept")},
		"a trigger for replicas only": {`ALTER TABLE issuer.grants ENABLE REPLICA TRIGGER roles_insert`, trigger("grants.roles_insert")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := newPool(t)
			mustExec(t, pool, tc.sql)
			if report := mustVerify(t, pool); len(report.Faults) != 1 || !strings.HasPrefix(report.Faults[0], tc.want) {
				t.Errorf("faults: %q, want %q", report.Faults, tc.want)
			}
		})
	}
}

// Who writes everything anew, hashes, head and all, is found only by a head that
// was noted elsewhere.
func TestAHeadThatWasNotedElsewhereVouchesForTheRecordsUpToIt(t *testing.T) {
	t.Parallel()
	pool := sixRecords(t)
	noted := mustVerify(t, pool).Head
	parsed, err := history.ParseHead(noted.String())
	if err != nil || parsed != noted {
		t.Fatalf("%s is read as %s, %v", noted, parsed, err)
	}
	mustApply(t, pool, "ada") // three more, so to say: all grants go
	if report := mustVerify(t, pool, noted, history.Head{}); len(report.Faults) > 0 {
		t.Errorf("later records are faults: %q", report.Faults)
	}
	later := mustVerify(t, pool).Head

	var forge strings.Builder
	forge.WriteString(`UPDATE issuer.role_history SET actor = 'eve' WHERE number = 2; `)
	for n := 2; n <= 10; n++ {
		fmt.Fprintf(&forge, "%s%d; ", rehash, n)
	}
	forge.WriteString(`UPDATE issuer.role_state SET hash = (SELECT hash FROM issuer.role_history WHERE number = 10)`)
	behindItsBack(t, pool, forge.String())
	wantWhole(t, pool, 10)
	for _, head := range []history.Head{noted, later} {
		want := fmt.Sprintf("record %d is not the one you have noted: the history was written anew", head.Number)
		if report := mustVerify(t, pool, head); len(report.Faults) != 1 || report.Faults[0] != want {
			t.Errorf("faults: %q, want %q", report.Faults, want)
		}
	}
	beyond := history.Head{Number: 11, Hash: noted.Hash}
	if report := mustVerify(t, pool, beyond); len(report.Faults) != 1 || report.Faults[0] != "the history ends with record 10, and you have noted record 11" {
		t.Errorf("faults: %q", report.Faults)
	}
}

func TestWhatIsNoHeadIsRefused(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("0a", 32)
	for _, text := range []string{"", "1", "1:", ":" + hash, hash, "-1:" + hash, "1:" + hash[1:], "1:" + strings.ToUpper(hash), "0:" + hash, "x:" + hash} {
		if head, err := history.ParseHead(text); err == nil {
			t.Errorf("%q is read as %s", text, head)
		}
	}
	if head, err := history.ParseHead("0:"); err != nil || head != (history.Head{}) {
		t.Errorf("an empty history's: %s, %v", head, err)
	}
}

func TestALongChainIsCheckedToItsEnd(t *testing.T) {
	t.Parallel()
	pool := newPool(t)
	mustExec(t, pool, `INSERT INTO issuer.grants (tenant, principal_kind, principal, role)
		SELECT $1, 'user', $2, 'r' || n FROM generate_series(1, 12000) AS n`, contoso, alice)
	wantWhole(t, pool, 12000)
	behindItsBack(t, pool, `UPDATE issuer.role_history SET actor = 'eve'`)
	if report := mustVerify(t, pool); len(report.Faults) != 50 || report.More != 11950 {
		t.Errorf("%d faults and %d more, want 50 of 12000", len(report.Faults), report.More)
	}
}

// This release also runs on the schema of the one before.
func TestADatabaseWithoutAHistoryIsChangedAndSaysWhatToRun(t *testing.T) {
	t.Parallel()
	pool := newPool(t)
	mustExec(t, pool, `DROP FUNCTION issuer.on_roles_change, issuer.before_roles_change CASCADE; DROP TABLE issuer.role_history, issuer.role_state; DELETE FROM issuer.migrations WHERE version_id >= 5`)
	mustApply(t, pool, "ada", userGrant(alice, "a"))
	mustApply(t, pool, "ada")
	_, listing := history.List(t.Context(), pool, history.Query{Limit: 1})
	_, verifying := history.Verify(t.Context(), pool)
	for _, err := range []error{listing, verifying} {
		if !errors.Is(err, history.ErrNoHistory) || !strings.Contains(err.Error(), "issuer migrate") {
			t.Errorf("got error %v, want ErrNoHistory", err)
		}
	}
}

func TestAHistoryThatWasRemovedIsNotTakenForOneThatIsToCome(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"issuer.role_history", "issuer.role_state"} {
		pool := newPool(t)
		must(t, history.Intact(t.Context(), pool))
		mustExec(t, pool, `DROP TABLE `+table)
		_, verifying := history.Verify(t.Context(), pool)
		for _, err := range []error{verifying, history.Intact(t.Context(), pool)} {
			if err == nil || errors.Is(err, history.ErrNoHistory) || !strings.Contains(err.Error(), "was removed: migration 5 made "+table+",") {
				t.Errorf("without %s: %v", table, err)
			}
		}
	}
}
