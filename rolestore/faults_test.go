package rolestore_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// A single grant with something wrong about it. The text begins in line 1, so
// the members stand in line 2.
func TestAFaultyGrantIsRefusedWithOneSentence(t *testing.T) {
	t.Parallel()
	const ok = "tenant: " + contoso + ", user: " + alice + ", role: reader"
	const head = "line 2: grants[0]"
	for name, tc := range map[string]struct{ members, want string }{
		"no tenant":              {"user: " + alice + ", role: reader", head + ".tenant: is missing: want the tenant's id, a GUID"},
		"a tenant by name":       {"tenant: contoso.com, user: " + alice + ", role: reader", head + ".tenant: want the tenant's id, a GUID"},
		"a tenant with braces":   {"tenant: \"{" + contoso + "}\", user: " + alice + ", role: reader", head + ".tenant: want the tenant's id, a GUID"},
		"no principal":           {"tenant: " + contoso + ", role: reader", head + ".principal: want exactly one of user, group, app_role, app, everyone"},
		"two principals":         {ok + ", group: " + editors, head + ".principal: want exactly one of user, group, app_role, app, everyone"},
		"a user by mail":         {"tenant: " + contoso + ", user: alice@contoso.com, role: reader", head + ".user: want an object id, a GUID"},
		"a group by name":        {"tenant: " + contoso + ", group: Editors, role: reader", head + ".group: want an object id, a GUID"},
		"an app by name":         {"tenant: " + contoso + ", app: nightly, role: reader", head + ".app: want a client id, a GUID"},
		"a group as app role":    {"tenant: " + contoso + ", app_role: " + strings.ToUpper(editors) + ", role: reader", head + ".app_role: want the value of an app role: up to 120 printable characters without a space, and no GUID (for a group write group)"},
		"an app role with space": {"tenant: " + contoso + ", app_role: Hasura Reader, role: reader", head + ".app_role: want the value of an app role: up to 120 printable characters without a space, and no GUID (for a group write group)"},
		"everyone: false":        {"tenant: " + contoso + ", everyone: false, role: reader", head + ".everyone: want true; leave it out where not everyone is meant"},
		"everyone: \"true\"":     {"tenant: " + contoso + ", everyone: \"true\", role: reader", head + ".everyone: want true; leave it out where not everyone is meant"},
		"no role":                {"tenant: " + contoso + ", user: " + alice, head + ".role: is missing: want a letter or _ and then up to 127 letters, digits, _ . or -"},
		"an empty role":          {"tenant: " + contoso + ", user: " + alice + ", role: \"\"", head + ".role: want a letter or _ and then up to 127 letters, digits, _ . or -"},
		"a role without value":   {"tenant: " + contoso + ", user: " + alice + ", role: ", head + `.role: nothing is given: want a text, "" for an empty one`},
		"a role with a space":    {"tenant: " + contoso + ", user: " + alice + ", role: a b", head + ".role: want a letter or _ and then up to 127 letters, digits, _ . or -"},
		"a role with a digit":    {"tenant: " + contoso + ", user: " + alice + ", role: 1a", head + ".role: want a letter or _ and then up to 127 letters, digits, _ . or -"},
		"a role too long":        {"tenant: " + contoso + ", user: " + alice + ", role: " + strings.Repeat("a", 129), head + ".role: want a letter or _ and then up to 127 letters, digits, _ . or -"},
		"a role in Greek":        {"tenant: " + contoso + ", user: " + alice + ", role: ρόλος", head + ".role: want a letter or _ and then up to 127 letters, digits, _ . or -"},
		"a bare true":            {"tenant: " + contoso + ", user: " + alice + ", role: true", head + ".role: put this word in quotes: want a text"},
		"a bare no":              {"tenant: " + contoso + ", user: " + alice + ", role: No", head + ".role: put this word in quotes: bare, it may be read as a boolean"},
		"admin":                  {"tenant: " + contoso + ", user: " + alice + ", role: admin", head + ".role: admin may do everything in Hasura and cannot be granted (ISSUER_ALLOW_ADMIN_ROLE would allow it)"},

		"a priority in quotes": {ok + `, priority: "1"`, head + ".priority: want a whole number of at most 32 bits, without quotes"},
		"half a priority":      {ok + ", priority: 1.5", head + ".priority: want a whole number of at most 32 bits, without quotes"},
		"an octal priority":    {ok + ", priority: 010", head + ".priority: want a whole number of at most 32 bits, without quotes"},
		"too much priority":    {ok + ", priority: 2147483648", head + ".priority: want a whole number of at most 32 bits, without quotes"},

		"a date":                   {ok + ", until: 2026-12-31", head + ".until: want a time from 1970 on, not finer than a microsecond, as 2026-12-31T00:00:00Z"},
		"a time without zone":      {ok + ", until: 2026-12-31T00:00:00", head + ".until: want a time from 1970 on, not finer than a microsecond, as 2026-12-31T00:00:00Z"},
		"the time that means none": {ok + ", until: 0001-01-01T00:00:00Z", head + ".until: want a time from 1970 on, not finer than a microsecond, as 2026-12-31T00:00:00Z"},
		"a nanosecond":             {ok + ", from: 2026-12-31T00:00:00.000000001Z", head + ".from: want a time from 1970 on, not finer than a microsecond, as 2026-12-31T00:00:00Z"},
		"an end before the start":  {ok + ", from: 2026-12-31T00:00:00Z, until: 2026-12-30T00:00:00Z", head + ".until: want a time after from: this grant would never be in force"},
		"an end at the start":      {ok + ", from: 2026-12-31T01:00:00+01:00, until: 2026-12-31T00:00:00Z", head + ".until: want a time after from: this grant would never be in force"},

		"a reason of two lines":    {ok + `, reason: "a\nb"`, head + ".reason: want one line of valid text without control characters"},
		"NUL":                      {ok + `, reason: "\0"`, head + ".reason: want one line of valid text without control characters"},
		"half a surrogate pair":    {ok + `, reason: "\udc00"`, head + ".reason: want one line of valid text without control characters"},
		"an escape of a terminal":  {ok + ", reason: \"\x1b[2J\"", head + ".reason: want one line of valid text without control characters"},
		"a reason too long":        {ok + ", reason: " + strings.Repeat("a", 1025), head + ".reason: want at most 1024 bytes"},
		"an unknown member":        {ok + ", Role: x", head + `: unknown member "Role": want tenant, user, group, app_role, app, everyone, role, priority, session, from, until, reason`},
		"a member that is no name": {ok + ", 1: x", head + `: unknown member "1": want tenant, user, group, app_role, app, everyone, role, priority, session, from, until, reason`},
		"a member twice":           {ok + ", role: x", head + `: "role" is given twice`},

		"a session that is a list":      {ok + ", session: [a]", head + ".session: want members with values, as { tenant: …, user: …, role: … }"},
		"a bare number":                 {ok + ", session: { x-hasura-a: 42 }", head + ".session.x-hasura-a: put this number in quotes: want a text"},
		"a bare number in a list":       {ok + ", session: { x-hasura-a: [a, 4.2] }", head + ".session.x-hasura-a: put this number in quotes: want a text"},
		"a bare boolean":                {ok + ", session: { x-hasura-a: true }", head + ".session.x-hasura-a: put this word in quotes: want a text"},
		"a bare yes":                    {ok + ", session: { x-hasura-a: [yes] }", head + ".session.x-hasura-a: put this word in quotes: bare, it may be read as a boolean"},
		"no value":                      {ok + ", session: { x-hasura-a: null }", head + `.session.x-hasura-a: nothing is given: want a text, "" for an empty one`},
		"a list in a list":              {ok + ", session: { x-hasura-a: [[a]] }", head + ".session.x-hasura-a: want a text on one line, in quotes if it holds more than a word"},
		"a mapping as value":            {ok + ", session: { x-hasura-a: { b: c } }", head + ".session.x-hasura-a: want a text on one line, in quotes if it holds more than a word"},
		"a variable twice":              {ok + `, session: { x-hasura-a: a, "x-hasura-a": b }`, head + `.session: "x-hasura-a" is given twice`},
		"a variable in capitals":        {ok + ", session: { X-Hasura-A: a }", head + ".session: want names like x-hasura-org-id: x-hasura- and then lower-case letters, digits and -, at most 128 in all"},
		"a variable of another name":    {ok + ", session: { org: 1 }", head + ".session: want names like x-hasura-org-id: x-hasura- and then lower-case letters, digits and -, at most 128 in all"},
		"a variable without a name":     {ok + ", session: { x-hasura-: a }", head + ".session: want names like x-hasura-org-id: x-hasura- and then lower-case letters, digits and -, at most 128 in all"},
		"the variable of the role":      {ok + ", session: { x-hasura-role: a }", head + ".session.x-hasura-role: comes from verified claims and the decision alone: a grant cannot set it"},
		"the variable of the default":   {ok + ", session: { x-hasura-default-role: a }", head + ".session.x-hasura-default-role: comes from verified claims and the decision alone: a grant cannot set it"},
		"the variable of the roles":     {ok + ", session: { x-hasura-allowed-roles: [a] }", head + ".session.x-hasura-allowed-roles: comes from verified claims and the decision alone: a grant cannot set it"},
		"a control character in a list": {ok + `, session: { x-hasura-a: [a, "\u0085"] }`, head + ".session.x-hasura-a: want one line of valid text without control characters"},
		"a value too long":              {ok + ", session: { x-hasura-a: " + strings.Repeat("a", 4097) + " }", head + ".session.x-hasura-a: want at most 4096 bytes"},
		"a list too long":               {ok + ", session: { x-hasura-a: [" + strings.Repeat("a,", 257) + "] }", head + ".session.x-hasura-a: want at most 256 items"},
		"too many variables":            {ok + ", session: { " + manyVariables(65) + " }", head + ".session: want at most 64 variables"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectFaults(t, "grants:\n  - { "+tc.members+" }\n", tc.want)
		})
	}
}

func manyVariables(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "x-hasura-v%d: a, ", i)
	}
	return strings.TrimSuffix(b.String(), ", ")
}

func TestAFaultyDocumentIsRefusedWithItsLines(t *testing.T) {
	t.Parallel()
	const row = "{ tenant: " + contoso + ", user: " + alice + ", role: reader }"
	const block = "{ tenant: " + contoso + ", user: " + alice + " }"
	const noExtras = "anchors, aliases, tags, merge keys, directives and complex keys are not used here (put a text that begins with & * ! % or ? in quotes)"
	for name, tc := range map[string]struct{ text, want string }{
		"nothing":               {"", "this is empty: write grants: [] if nobody is to have a role"},
		"a comment":             {"# later\n", "this is empty: write grants: [] if nobody is to have a role"},
		"not UTF-8":             {"grants: [] # \xff\n", "want UTF-8"},
		"too much":              {"#" + strings.Repeat(" ", 16<<20), "want at most 16 MiB; a database holds more"},
		"no mapping":            {"\n- a\n", "line 2: want members with values, as { tenant: …, user: …, role: … }"},
		"two documents":         {"---\ngrants: []\n---\ngrants: []\n", "line 4: want one YAML document, not several"},
		"no YAML":               {"grants: []\nblocks: [\n", "line 2: this is not YAML: sequence end token ']' not found"},
		"an unknown list":       {"grants: []\ngrant: []\n", `line 2: unknown member "grant": want grants, blocks`},
		"a list twice":          {"grants: []\nblocks: []\ngrants: []\n", `line 3: "grants" is given twice`},
		"a list that is none":   {"grants: { a: b }\n", "line 1: grants: want a list, [] for none"},
		"a list left open":      {"grants:\nblocks: []\n", "line 1: grants: want a list, [] for none"},
		"an entry that is none": {"grants:\n  - " + row + "\n  - reader\n", "line 3: grants[1]: want members with values, as { tenant: …, user: …, role: … }"},
		"an anchor":             {"grants: &a []\nblocks: *a\n", "line 1: " + noExtras},
		"a tag":                 {"grants: !!seq []\n", "line 1: " + noExtras},
		"a merge":               {"grants: []\n<<: {}\n", "line 2: " + noExtras},
		"a complex key":         {"? grants\n: []\n", "line 1: " + noExtras},
		"deep brackets":         {"grants:\n" + strings.Repeat("[", 100000), "line 2: this is nested too deeply"},
		"deep dashes":           {"grants:\n" + strings.Repeat("- ", 100000) + "a", "line 2: this is nested too deeply"},
		"a block scalar":        {"blocks:\n  - tenant: " + contoso + "\n    user: " + alice + "\n    reason: |\n      left\n", "line 4: blocks[0].reason: want a text on one line, in quotes if it holds more than a word"},
		"a repeated grant":      {"grants:\n  - " + row + "\n\n  - { tenant: " + strings.ToUpper(contoso) + ", user: " + strings.ToUpper(alice) + ", role: reader, priority: 3 }\n", "line 4: grants[1]: says the same as line 2: want one entry for it"},
		"a repeated block":      {"blocks:\n  - " + block + "\n  - " + block + "\n", "line 3: blocks[1]: says the same as line 2: want one entry for it"},
		"a blocked group":       {"blocks:\n  - { tenant: " + contoso + ", group: " + editors + " }\n", "line 2: blocks[0]: unknown member \"group\": want tenant, user, app, until, reason\nline 2: blocks[0].principal: want exactly one of user, app"},
		"a block with a role":   {"blocks:\n  - { tenant: " + contoso + ", user: " + alice + ", role: a }\n", `line 2: blocks[0]: unknown member "role": want tenant, user, app, until, reason`},
		"a block with a mail": {
			"blocks:\n  - { tenant: " + contoso + ", user: alice@contoso.com }\n",
			"line 2: blocks[0].user: want an object id, a GUID",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectFaults(t, tc.text, tc.want)
		})
	}
}

func TestEveryFaultIsToldInTheOrderOfTheLines(t *testing.T) {
	t.Parallel()
	expectFaults(t, `blocks:
  - user: `+alice+`
grants:
  - { tenant: contoso.com, user: alice@contoso.com, role: a b, priority: high }
  - tenant: `+contoso+`
    everyone: true
    role: admin
    session:
      x-hasura-org: 42
      x-hasura-role: admin
    until: tomorrow
`, `line 2: blocks[0].tenant: is missing: want the tenant's id, a GUID
line 4: grants[0].priority: want a whole number of at most 32 bits, without quotes
line 4: grants[0].tenant: want the tenant's id, a GUID
line 4: grants[0].user: want an object id, a GUID
line 4: grants[0].role: want a letter or _ and then up to 127 letters, digits, _ . or -
line 7: grants[1].role: admin may do everything in Hasura and cannot be granted (ISSUER_ALLOW_ADMIN_ROLE would allow it)
line 9: grants[1].session.x-hasura-org: put this number in quotes: want a text
line 10: grants[1].session.x-hasura-role: comes from verified claims and the decision alone: a grant cannot set it
line 11: grants[1].until: want a time from 1970 on, not finer than a microsecond, as 2026-12-31T00:00:00Z`)
}

func TestAFileThatIsWrongAsAWholeIsToldInPart(t *testing.T) {
	t.Parallel()
	_, err := rolestore.ParseDocument([]byte("grants:\n"+strings.Repeat("  - x\n", 150)), rolestore.Rules{})
	lines := strings.Split(fmt.Sprint(err), "\n")
	if len(lines) != 101 || lines[100] != "and 50 more faults" {
		t.Errorf("got %d lines, the last %q", len(lines), lines[len(lines)-1])
	}
}

func expectFaults(t *testing.T, text, want string) {
	t.Helper()
	doc, err := rolestore.ParseDocument([]byte(text), rolestore.Rules{})
	if err == nil {
		t.Fatalf("got %d grants and no error", len(doc.Grants))
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
	if len(doc.Grants)+len(doc.Blocks) > 0 {
		t.Error("got entries beside the error")
	}
}
