package audit_test

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/audit"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

// TestEveryRightThatARecordNeedsIsAskedFor gives a login one right after the other, the last of which is enough.
func TestEveryRightThatARecordNeedsIsAskedFor(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	owner, login := open(t, url), "recorder_"+strings.ToLower(rand.Text())
	mustExec(t, owner, `CREATE ROLE `+login)
	defer mustExec(t, owner, `DROP OWNED BY `+login+`; DROP ROLE `+login)
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.RuntimeParams["role"] = login
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := audit.MayRecord(t.Context(), pool); err == nil || errors.Is(err, audit.ErrNoAudit) {
		t.Errorf("without the schema: %v", err)
	}
	for _, right := range []string{"USAGE ON SCHEMA issuer", "SELECT ON issuer.audit", "INSERT ON issuer.audit", "UPDATE (repeats) ON issuer.audit"} {
		mustExec(t, owner, `GRANT `+right+` TO `+login)
		if err := audit.MayRecord(t.Context(), pool); !errors.Is(err, audit.ErrMayNot) {
			t.Errorf("with %s as the last right: %v, want ErrMayNot", right, err)
		}
	}
	mustExec(t, owner, `GRANT UPDATE (repeated_at) ON issuer.audit TO `+login)
	if err := audit.MayRecord(t.Context(), pool); err != nil {
		t.Errorf("with all rights: %v", err)
	}
	if err := audit.MayRecord(t.Context(), open(t, pgtest.NewEmpty(t))); !errors.Is(err, audit.ErrNoAudit) {
		t.Errorf("without the table: %v, want ErrNoAudit", err)
	}
}
