package main

import (
	"strings"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

// TestTheOnlineCheckSaysWhichRightsTheAuditLacks takes one right away at a time from a login that has all that docs/audit.md names.
func TestTheOnlineCheckSaysWhichRightsTheAuditLacks(t *testing.T) {
	t.Parallel()
	const dropMonth = `DO $$ BEGIN EXECUTE 'DROP TABLE issuer.audit_' || to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM'); END $$`
	const noMonths = `REVOKE EXECUTE ON FUNCTION issuer.audit_months(integer) FROM LOGIN`
	for name, test := range map[string]struct {
		changes []string
		status  status
		want    []string // and the login in it
		alone   bool     // nothing else is said about the audit
	}{
		"none is missing":      {nil, ok, []string{"could be written, and was taken back"}, true},
		"INSERT":               {[]string{`REVOKE INSERT ON issuer.audit FROM LOGIN`}, failed, []string{`may not add records`, `GRANT INSERT ON issuer.audit TO "LOGIN"`}, true},
		"SELECT":               {[]string{`REVOKE SELECT ON issuer.audit FROM LOGIN`}, failed, []string{`may not read records`, `GRANT SELECT ON issuer.audit TO "LOGIN"`}, true},
		"UPDATE":               {[]string{`REVOKE UPDATE (repeats) ON issuer.audit FROM LOGIN`}, failed, []string{`may not count`, `GRANT UPDATE (repeats, repeated_at) ON issuer.audit TO "LOGIN"`}, true},
		"EXECUTE":              {[]string{noMonths}, note, []string{`may not make months`, `GRANT EXECUTE ON FUNCTION issuer.audit_months(integer) TO "LOGIN"`}, false},
		"the month":            {[]string{dropMonth}, note, []string{`this month has no table yet`, `start the service`}, false},
		"EXECUTE, and a month": {[]string{noMonths, dropMonth}, failed, []string{`this month has no table`, `SELECT * FROM issuer.audit_months(13)`, `"LOGIN"`}, true},
		"writes altogether":    {[]string{`ALTER ROLE LOGIN SET default_transaction_read_only = on`}, failed, []string{`the database is read-only`, `ISSUER_DATABASE_URL`}, true},
		"a sane table":         {[]string{`ALTER TABLE issuer.audit ADD CONSTRAINT odd CHECK (door <> 'check')`}, failed, []string{"rehearse a record", "no record is kept"}, true},
		"a sane count": {[]string{
			`CREATE FUNCTION issuer.odd() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'odd'; END $$`,
			`CREATE TRIGGER odd BEFORE UPDATE ON issuer.audit FOR EACH ROW EXECUTE FUNCTION issuer.odd()`,
		}, failed, []string{"rehearse a record", "no record is kept"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCloud(t)
			owner := []string{"ISSUER_DATABASE_URL=" + pgtest.New(t)}
			login, as := newLogin(t, owner)
			for _, statement := range append([]string{
				`GRANT USAGE ON SCHEMA issuer TO LOGIN`, `GRANT SELECT ON issuer.migrations TO LOGIN`,
				`GRANT SELECT, INSERT, UPDATE (repeats, repeated_at) ON issuer.audit TO LOGIN`,
				`GRANT EXECUTE ON FUNCTION issuer.audit_months(integer) TO LOGIN`, `SELECT FROM issuer.audit_months(0)`,
			}, test.changes...) {
				runSQL(t, owner, strings.ReplaceAll(statement, "LOGIN", login))
			}
			_, found := c.check(t, "", []string{"ISSUER_DATABASE_URL=" + as, "ISSUER_KEYS_ENCRYPTION_KEY=" + goodKEK, "ISSUER_AUDIT=required"})
			for i, word := range test.want {
				test.want[i] = strings.ReplaceAll(word, "LOGIN", login)
			}
			found.want(t, "audit", test.status, test.want...)
			if n := found.count("audit"); (n == 1) != test.alone {
				t.Errorf("%d findings on the audit: %+v", n, found.Checks)
			}
			if got := records(t, append(c.settings, owner...), "--since", "1d"); len(got) != 0 {
				t.Errorf("the check is on record: %+v", got)
			}
		})
	}
}

func (r report) count(name string) (n int) {
	for _, f := range r.Checks {
		if f.Name == name {
			n++
		}
	}
	return n
}

// TestTheOnlineCheckOfADatabaseWithoutRecords: where they are required the service would not start, and else they would be lost.
func TestTheOnlineCheckOfADatabaseWithoutRecords(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	database := []string{"ISSUER_DATABASE_URL=" + pgtest.New(t), "ISSUER_KEYS_ENCRYPTION_KEY=" + goodKEK}
	runSQL(t, database, `ALTER TABLE issuer.audit RENAME TO hidden`)
	_, found := c.check(t, "", append(database, "ISSUER_AUDIT=required"))
	found.want(t, "audit", failed, "ISSUER_AUDIT is required", "issuer migrate")
	_, found = c.check(t, "", database)
	found.want(t, "audit", note, "issuer migrate")
	_, found = c.check(t, "", nil)
	found.want(t, "audit", off, "the log alone")
}
