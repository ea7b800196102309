package database_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
)

// row is one row by its columns; the values are text, as psql would send them.
type row map[string]any

// with returns a copy of the row in which some columns differ.
func (r row) with(changes row) row {
	changed := maps.Clone(r)
	maps.Copy(changed, changes)
	return changed
}

const tooLong = "a234567890123456789012345678901234567890123456789012345678901234" +
	"b234567890123456789012345678901234567890123456789012345678901234" + "c"

var grant = row{
	"tenant":         "7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901",
	"principal_kind": "user",
	"principal":      "11d3e5f7-0a1b-4c2d-8e3f-4a5b6c7d8e9f",
	"role":           "reader",
}

var block = row{
	"tenant":         grant["tenant"],
	"principal_kind": "user",
	"principal":      grant["principal"],
}

var key = row{
	"generation":   "1",
	"kid":          "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
	"alg":          "ES256",
	"public":       `{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}`,
	"private":      "eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVydGV4dA.dGFn",
	"published_at": "2026-01-01T00:00:00Z",
	"signs_from":   "2026-01-01T00:00:00Z",
}

var mapped = row{"role": "sales_role", "component": "urn:dmb:cmp:sales:orders:0:view"}

var holder = row{
	"tenant":         grant["tenant"],
	"role":           mapped["role"],
	"principal_kind": "user",
	"name":           "user:ada_contoso.example",
	"principal":      grant["principal"],
}

var exchange = row{
	"id": grant["tenant"], "at": "2026-11-29T12:00:00Z", "kind": "exchange", "door": "token", "outcome": "granted", "reason": "none",
	"tenant": grant["tenant"], "token_sha256": "0123456789abcdef",
}

var change = row{"id": grant["tenant"], "at": "2026-11-29T12:00:00Z", "kind": "keys", "actor": "sql", "details": "{}"}

// TestTheSchemaRefusesNonsense holds each table to its constraints: a case that
// names none is a row that must be taken.
func TestTheSchemaRefusesNonsense(t *testing.T) {
	t.Parallel()
	pool := open(t, pgtest.New(t))
	for table, cases := range map[string]map[string]struct {
		row     row
		refused string // the constraint, or the SQLSTATE of what is none
	}{
		"audit": {
			"an exchange":                      {exchange, ""},
			"a change":                         {change, ""},
			"a time long gone":                 {exchange.with(row{"at": "1999-12-31T23:59:59Z"}), ""},
			"no time":                          {exchange.with(row{"at": "infinity"}), "audit_at_is_finite"},
			"something else":                   {change.with(row{"kind": "gossip"}), "audit_kind_is_known"},
			"a token where its hash should be": {exchange.with(row{"token_sha256": "eyJhbGciOiJSUzI1NiJ9"}), "audit_token_is_only_named"},
			"an exchange without an outcome":   {exchange.with(row{"outcome": nil}), "audit_exchange_is_whole"},
			"an exchange of no tenant":         {exchange.with(row{"tenant": nil}), "audit_exchange_is_whole"},
			"a change by nobody":               {change.with(row{"actor": nil}), "audit_change_is_whole"},
			"a change of nothing":              {change.with(row{"details": nil}), "audit_change_is_whole"},
		},
		"grants": {
			"a grant to a user":                     {grant, ""},
			"a grant to a group":                    {grant.with(row{"principal_kind": "group"}), ""},
			"a grant to an app":                     {grant.with(row{"principal_kind": "app"}), ""},
			"a grant to an app role":                {grant.with(row{"principal_kind": "app_role", "principal": "Hasura.Reader"}), ""},
			"a grant to everyone":                   {grant.with(row{"principal_kind": "everyone", "principal": ""}), ""},
			"a tenant that is no GUID":              {grant.with(row{"tenant": "contoso"}), "22P02"},
			"a kind that is not known":              {grant.with(row{"principal_kind": "robot"}), "grants_kind_is_known"},
			"a user by name":                        {grant.with(row{"principal": "ada"}), "grants_principal_fits_its_kind"},
			"a user in upper case":                  {grant.with(row{"principal": strings.ToUpper(grant["principal"].(string))}), "grants_principal_fits_its_kind"},
			"a user in braces":                      {grant.with(row{"principal": "{" + grant["principal"].(string) + "}"}), "grants_principal_fits_its_kind"},
			"a user and a line break":               {grant.with(row{"principal": grant["principal"].(string) + "\n"}), "grants_principal_fits_its_kind"},
			"a user who is empty":                   {grant.with(row{"principal": ""}), "grants_principal_fits_its_kind"},
			"an app role with a space":              {grant.with(row{"principal_kind": "app_role", "principal": "Hasura Reader"}), "grants_principal_fits_its_kind"},
			"an app role that is empty":             {grant.with(row{"principal_kind": "app_role", "principal": ""}), "grants_principal_fits_its_kind"},
			"everyone with a name":                  {grant.with(row{"principal_kind": "everyone"}), "grants_principal_fits_its_kind"},
			"a role of 128 characters":              {grant.with(row{"role": tooLong[:128]}), ""},
			"a role of 129 characters":              {grant.with(row{"role": tooLong}), "grants_role_is_well_formed"},
			"a role that is empty":                  {grant.with(row{"role": ""}), "grants_role_is_well_formed"},
			"a role that begins with a digit":       {grant.with(row{"role": "1st"}), "grants_role_is_well_formed"},
			"a role with a space":                   {grant.with(row{"role": "a b"}), "grants_role_is_well_formed"},
			"a role with a line break at its end":   {grant.with(row{"role": "reader\n"}), "grants_role_is_well_formed"},
			"a role with a letter outside of ASCII": {grant.with(row{"role": "lésser"}), "grants_role_is_well_formed"},
			"a priority below nothing":              {grant.with(row{"priority": "-1"}), ""},
			"a session of strings and lists":        {grant.with(row{"session": `{"x-hasura-org-id": "42", "x-hasura-regions": ["eu", "us"], "x-hasura-none": []}`}), ""},
			"a session that is a list":              {grant.with(row{"session": `["x-hasura-org-id"]`}), "grants_session_is_an_object"},
			"a session that is null":                {grant.with(row{"session": `null`}), "grants_session_is_an_object"},
			"a session variable that is a number":   {grant.with(row{"session": `{"x-hasura-org-id": 42}`}), "grants_session_holds_strings"},
			"a session variable that is null":       {grant.with(row{"session": `{"x-hasura-org-id": null}`}), "grants_session_holds_strings"},
			"a session variable that is an object":  {grant.with(row{"session": `{"x-hasura-org-id": {"a": "b"}}`}), "grants_session_holds_strings"},
			"a session variable with numbers in it": {grant.with(row{"session": `{"x-hasura-ids": ["1", 2]}`}), "grants_session_holds_strings"},
			"a session variable with lists in it":   {grant.with(row{"session": `{"x-hasura-ids": [["1"]]}`}), "grants_session_holds_strings"},
			"a session that sets the role":          {grant.with(row{"session": `{"x-hasura-role": "admin"}`}), "grants_session_is_not_reserved"},
			"a session that sets the default role":  {grant.with(row{"session": `{"X-Hasura-Default-Role": "admin"}`}), "grants_session_is_not_reserved"},
			"a session that sets the allowed roles": {grant.with(row{"session": `{"x-hasura-allowed-roles": ["admin"]}`}), "grants_session_is_not_reserved"},
			"a session of another product":          {grant.with(row{"session": `{"x-other-org": "1"}`}), "grants_session_names_are_variables"},
			"a session variable in capitals":        {grant.with(row{"session": `{"x-hasura-Org": "1"}`}), "grants_session_names_are_variables"},
			"a session variable without a name":     {grant.with(row{"session": `{"x-hasura-": "1"}`}), "grants_session_names_are_variables"},
			"a session variable with a digit":       {grant.with(row{"session": `{"x-hasura-org-2": "1"}`}), ""},
			"a group id for an app role":            {grant.with(row{"principal_kind": "app_role", "principal": strings.ToUpper(grant["principal"].(string))}), "grants_app_role_is_no_id"},
			"a reason of two lines":                 {grant.with(row{"reason": "a\nb"}), "grants_reason_is_one_line"},
			"a reason that is too long":             {grant.with(row{"reason": strings.Repeat("é", 513)}), "grants_reason_is_one_line"},
			"a reason that is just short enough":    {grant.with(row{"reason": strings.Repeat("é", 512)}), ""},
			"a time that has an end":                {grant.with(row{"valid_from": "2026-01-01T00:00:00Z", "valid_until": "2026-01-01T00:00:01Z"}), ""},
			"a time that ends as it begins":         {grant.with(row{"valid_from": "2026-01-01T00:00:00Z", "valid_until": "2026-01-01T00:00:00Z"}), "grants_from_is_before_until"},
			"a beginning before all time":           {grant.with(row{"valid_from": "-infinity"}), "grants_dates_are_finite"},
			"an end after all time":                 {grant.with(row{"valid_until": "infinity"}), "grants_dates_are_finite"},
		},
		"blocks": {
			"a block of a user":        {block, ""},
			"a block of an app":        {block.with(row{"principal_kind": "app"}), ""},
			"a block with an end":      {block.with(row{"valid_until": "2026-01-01T00:00:00Z"}), ""},
			"a block of a group":       {block.with(row{"principal_kind": "group"}), "blocks_kind_is_known"},
			"a block of everyone":      {block.with(row{"principal_kind": "everyone"}), "blocks_kind_is_known"},
			"a block by name":          {block.with(row{"principal": "ada"}), "blocks_principal_is_an_id"},
			"an end after all time":    {block.with(row{"valid_until": "infinity"}), "blocks_until_is_finite"},
			"a reason of two lines":    {block.with(row{"reason": "a\nb"}), "blocks_reason_is_one_line"},
			"a tenant that is no GUID": {block.with(row{"tenant": ""}), "22P02"},
		},
		"keys": {
			"a key":                            {key, ""},
			"a key that was wiped":             {key.with(row{"private": nil}), ""},
			"a key that was revoked":           {key.with(row{"revoked_at": "2026-01-02T00:00:00Z", "reason": "leaked"}), ""},
			"generation nought":                {key.with(row{"generation": "0"}), "keys_generation_counts_from_one"},
			"a kid that is empty":              {key.with(row{"kid": ""}), "keys_kid_is_well_formed"},
			"a kid with a slash":               {key.with(row{"kid": "a/b"}), "keys_kid_is_well_formed"},
			"an algorithm that is not known":   {key.with(row{"alg": "none"}), "keys_alg_is_known"},
			"a public key that is none":        {key.with(row{"public": `"AA"`}), "keys_public_is_a_public_jwk"},
			"a private member in the public":   {key.with(row{"public": `{"kty": "EC", "d": "AA"}`}), "keys_public_is_a_public_jwk"},
			"a secret in the public":           {key.with(row{"public": `{"kty": "oct", "k": "AA"}`}), "keys_public_is_a_public_jwk"},
			"a private key that is not sealed": {key.with(row{"private": `{"kty": "EC", "d": "AA"}`}), "keys_private_is_sealed"},
			"a private key that is signed":     {key.with(row{"private": "aa.bb.cc"}), "keys_private_is_sealed"},
			"a first signature too early":      {key.with(row{"signs_from": "2025-12-31T23:59:59Z"}), "keys_are_published_before_they_sign"},
			"a revocation that never comes":    {key.with(row{"revoked_at": "infinity"}), "keys_dates_are_finite"},
			"a promise below nothing":          {key.with(row{"promised_ttl": "-1"}), "keys_promises_are_not_negative"},
		},
		"mapped_roles": {
			"a role":                     {mapped, ""},
			"a role with a space":        {mapped.with(row{"role": "a b"}), "mapped_roles_role_is_well_formed"},
			"a component that is empty":  {mapped.with(row{"component": ""}), "mapped_roles_component_is_one_line"},
			"a component of two lines":   {mapped.with(row{"component": "a\nb"}), "mapped_roles_component_is_one_line"},
			"a component that is nobody": {mapped.with(row{"component": nil}), "23502"},
		},
		"mapped_fields": {
			"a field of no role":      {row{"role": "other", "field": "orders"}, "mapped_fields_role_fkey"},
			"a field that is no name": {row{"role": "other", "field": "a b"}, "mapped_fields_field_is_a_name"},
		},
		"mapped_holders": {
			"a holder of no role":           {holder, "mapped_holders_role_fkey"},
			"a holder who is an app":        {holder.with(row{"principal_kind": "app"}), "mapped_holders_kind_is_known"},
			"a name of two lines":           {holder.with(row{"name": "a\nb"}), "mapped_holders_name_is_one_line"},
			"a principal by name":           {holder.with(row{"principal": "ada"}), "mapped_holders_principal_is_an_id"},
			"nobody, and no reason":         {holder.with(row{"principal": nil}), "mapped_holders_is_resolved_or_says_why"},
			"somebody, and a reason for it": {holder.with(row{"unresolved": "unknown"}), "mapped_holders_is_resolved_or_says_why"},
		},
		"mapped_state": {
			"a second row":         {row{"version": "1"}, "mapped_state_pkey"},
			"a row that is no one": {row{"only_row": "false"}, "mapped_state_has_one_row"},
		},
		"ring": {
			"a second row":          {row{"version": "1"}, "ring_pkey"},
			"a row that is not one": {row{"only_row": "false"}, "ring_has_one_row"},
		},
	} {
		for name, c := range cases {
			t.Run(table+"/"+name, func(t *testing.T) {
				t.Parallel()
				if got := refusal(t, insert(t, pool, table, c.row)); got != c.refused {
					t.Errorf("refused by %q, want %q", got, c.refused)
				}
			})
		}
	}
}

// TestARowIsHeldOnce holds the identities of rows: what they are in addition to
// may differ, and still it is the same row.
func TestARowIsHeldOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		table       string
		first, then row
		refused     string
	}{
		"the same role for the same principal": {"grants", grant, grant.with(row{"priority": "5"}), "grants_pkey"},
		"another role for the same principal":  {"grants", grant, grant.with(row{"role": "editor"}), ""},
		"the same role in another case":        {"grants", grant, grant.with(row{"role": "Reader"}), ""},
		"a second block of the same user":      {"blocks", block, block.with(row{"reason": "left"}), "blocks_pkey"},
		"an app of the same id as a user":      {"blocks", block, block.with(row{"principal_kind": "app"}), ""},
		"a generation twice":                   {"keys", key, key.with(row{"kid": "other"}), "keys_pkey"},
		"a component with two roles":           {"mapped_roles", mapped, mapped.with(row{"role": "other"}), "mapped_roles_component_key"},
		"a kid twice":                          {"keys", key, key.with(row{"generation": "2"}), "keys_kid_key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := open(t, pgtest.New(t))
			if got := refusal(t, insert(t, pool, c.table, c.first, c.then)); got != c.refused {
				t.Errorf("refused by %q, want %q", got, c.refused)
			}
		})
	}
}

func TestTheRingHasItsRowFromTheStartAndIsNotFounded(t *testing.T) {
	t.Parallel()
	var version int64
	var founded bool
	err := open(t, pgtest.New(t)).QueryRow(t.Context(),
		`SELECT version, founded_at IS NOT NULL FROM issuer.ring`).Scan(&version, &founded)
	if err != nil || version != 0 || founded {
		t.Errorf("ring = version %d, founded %t, %v; want 0, false", version, founded, err)
	}
}

// insert puts rows into a table, one after the other, and takes them out again.
func insert(t *testing.T, pool *pgxpool.Pool, table string, rows ...row) error {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tx.Rollback(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	for _, r := range rows {
		var places []string
		var values []any
		columns := slices.Sorted(maps.Keys(r))
		for i, column := range columns {
			places = append(places, fmt.Sprintf("$%d", i+1))
			values = append(values, r[column])
		}
		statement := fmt.Sprintf("INSERT INTO issuer.%s (%s) VALUES (%s)",
			table, strings.Join(columns, ", "), strings.Join(places, ", "))
		if _, err := tx.Exec(t.Context(), statement, values...); err != nil {
			return err
		}
	}
	return nil
}

// refusal tells which constraint an error names, or else its SQLSTATE, or
// nothing of no error.
func refusal(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		t.Fatal(err)
	}
	if pgErr.ConstraintName == "" {
		return pgErr.Code
	}
	return pgErr.ConstraintName
}
