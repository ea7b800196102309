package history

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// The bits of pg_trigger.tgtype, all of triggers that run once for a statement.
const (
	tgBefore   = 1 << 1
	tgInsert   = 1 << 2
	tgDelete   = 1 << 3
	tgUpdate   = 1 << 4
	tgTruncate = 1 << 5
	tgAny      = tgInsert | tgDelete | tgUpdate | tgTruncate
)

// trigger is one that is switched on, always calls its function, and hands it no
// arguments.
type trigger struct {
	Table, Name string
	Function    string // of the schema issuer
	Type        int
	Old, New    string // what it calls the rows before and after, "" for nothing
}

// ownTriggers are those of migration 5, without the two that only make writers
// wait for each other.
func ownTriggers() []trigger {
	list := []trigger{
		{"role_history", "history_is_kept", "refuse_to_change_history", tgBefore | tgAny, "", ""},
		{"role_state", "history_is_kept", "refuse_to_change_history", tgBefore | tgAny, "", ""},
	}
	for _, table := range []string{"grants", "blocks"} {
		list = append(list,
			trigger{table, "roles_insert", "on_roles_change", tgInsert, "", "rows_new"},
			trigger{table, "roles_update", "on_roles_change", tgUpdate, "rows_old", "rows_new"},
			trigger{table, "roles_delete", "on_roles_change", tgDelete, "rows_old", ""},
			trigger{table, "roles_truncate", "on_roles_change", tgBefore | tgTruncate, "", ""},
		)
	}
	return list
}

// ownFunctions are those that the triggers rest on, and the SHA-256 of what
// functionsSQL tells of each, with line feeds between. A migration that replaces
// one needs its new hash beside the old one, since this release runs on the
// schema of the one before too: the fault that names the function shows it.
func ownFunctions() map[string]string {
	return map[string]string{
		"role_hash(text[])":                    "bc39c4abb4571bec2fcf90cd021e4d2319c4c65acaf1e6add369e5abdb579523",
		"record_roles(text, jsonb[], jsonb[])": "ef7459a8cbdbaae0216ad623534dcee762457171a7045c75643cadf5ae7d01b4",
		"on_roles_change()":                    "414b74a93f90a73d10c64c6317c4b47b850ac5e1a26abf93761496400a5197d0",
		"refuse_to_change_history()":           "5f9962993e4ced761da82c39d26d551405cfc5820de59f7d479d9f7a8240d650",
	}
}

// holdAgainstMigration looks for what records changes and keeps the records.
func (c *chain) holdAgainstMigration(ctx context.Context, tx pgx.Tx) error {
	if err := c.lookForTriggers(ctx, tx); err != nil {
		return err
	}
	return c.lookForFunctions(ctx, tx)
}

// triggersSQL leaves out what is switched off, what calls its function only now
// and then (WHEN, UPDATE OF, deferred), and functions of other schemas.
const triggersSQL = `
SELECT c.relname, t.tgname, p.proname, t.tgtype::int, coalesce(t.tgoldtable, ''), coalesce(t.tgnewtable, '')
FROM pg_catalog.pg_trigger AS t
JOIN pg_catalog.pg_class AS c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_proc AS p ON p.oid = t.tgfoid
WHERE c.relnamespace = 'issuer'::regnamespace AND p.pronamespace = c.relnamespace AND NOT t.tgisinternal
    AND t.tgenabled IN ('O', 'A') AND t.tgqual IS NULL AND t.tgattr::text = '' AND t.tgnargs = 0 AND t.tgconstraint = 0`

func (c *chain) lookForTriggers(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, triggersSQL)
	if err != nil {
		return err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[trigger])
	if err != nil {
		return err
	}
	there := map[trigger]bool{}
	for _, t := range found {
		there[t] = true
	}
	for _, t := range ownTriggers() {
		if !there[t] {
			c.report.faultf("the trigger issuer.%s.%s is missing, switched off or not as the migration made it: changes go past the history", t.Table, t.Name)
		}
	}
	return nil
}

// functionsSQL tells what a function does and as whom: its text, and what changes
// the meaning of that text. STRICT, for one, leaves out calls with a NULL.
const functionsSQL = `
SELECT p.proname || '(' || oidvectortypes(p.proargtypes) || ')',
    ARRAY[l.lanname::text, p.prokind::text, p.provolatile::text, p.proisstrict::text, p.prosecdef::text,
        coalesce(array_to_string(p.proconfig, '; '), ''), format_type(p.prorettype, NULL), p.prosrc]
FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
WHERE p.pronamespace = 'issuer'::regnamespace`

func (c *chain) lookForFunctions(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, functionsSQL)
	if err != nil {
		return err
	}
	hashes := map[string]string{}
	var name string
	var parts []string
	if _, err := pgx.ForEachRow(rows, []any{&name, &parts}, func() error {
		hash := sha256.Sum256([]byte(strings.Join(parts, "\n")))
		hashes[name] = hex.EncodeToString(hash[:])
		return nil
	}); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(ownFunctions())) {
		switch got := hashes[name]; got {
		case ownFunctions()[name]:
		case "":
			c.report.faultf("the function issuer.%s is missing: changes go past the history", name)
		default:
			c.report.faultf("the function issuer.%s is not as the migration made it (its hash is %s): changes may go past the history", name, got)
		}
	}
	return nil
}
