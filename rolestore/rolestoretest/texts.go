package rolestoretest

import (
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// Texts returns texts that have each been misread by somebody: by a YAML reader,
// by an array literal, by JSON. All of them may stand in a session variable.
func Texts() []string {
	return []string{
		"", " ", "  leading and trailing  ", "42", "007", "-1", "1e3", "0x1F", "1_000", ".5", ".inf", ".nan", "1:30", "2026-12-31",
		"true", "True", "no", "on", "y", "null", "NULL", "Null", "~", "none",
		",", "a,b", `"`, `""`, `a"b`, `'`, `''`, "it's", `\`, `\\`, `\n`, `\u0041`, `\"`, `a\`, "{", "}", "{}", `{"a","b"}`, "[", "]", "[]", "[a, b]",
		":", "a: b", "a:", ": b", "#", "a # b", " # ", "-", "- a", "?", "? a", "&a", "*a", "!a", "!!str a", "|", ">", "|-", "%", "@", "`", "<<", "---", "...", "=",
		"a\u00a0b", "ä", "日本語", "🦊", "👩‍👩‍👧", "e\u0301", "\u202eabc", "\u2028", "\u2029", "\u200b", "\ufeff", "\ufeffa", "\uffff", "\U0010ffff", "\U000e0001",
		"$1", "%s", "${HOME}", "{{ . }}", "'; drop table issuer.grants; --", "<script>", "a/b", "a b",
		strings.Repeat(`"\,`, 1000), strings.Repeat("long ", 600),
	}
}

// testTexts puts every text where a text may stand.
func testTexts(t *testing.T, open func(t *testing.T, doc rolestore.Document) Store) {
	t.Helper()
	session := map[string]rolestore.Value{"x-hasura-all": rolestore.List(Texts()...)}
	doc := rolestore.Document{}
	for i, text := range Texts() {
		session["x-hasura-text"] = rolestore.Text(text)
		session["x-hasura-list"] = rolestore.List(text)
		session["x-hasura-pair"] = rolestore.List(text, text)
		g := rolestore.Grant{
			Tenant: contoso, Principal: rolestore.Principal{Kind: rolestore.KindUser, ID: alice}, Role: fmt.Sprintf("role%03d", i),
			Session: map[string]rolestore.Value{},
		}
		maps.Copy(g.Session, session)
		if len(text) <= 1024 {
			g.Reason = text
		}
		doc.Grants = append(doc.Grants, g)
	}
	answer := mustLookUp(t, open(t, doc), userQuery())
	if diff := cmp.Diff(doc.Grants, answer.Grants); diff != "" {
		t.Errorf("grants (-want +got):\n%s", diff)
	}
}

// testRoundTrip compares whole entries at the edges of what is allowed.
func testRoundTrip(t *testing.T, open func(t *testing.T, doc rolestore.Document) Store) {
	t.Helper()
	user := rolestore.Principal{Kind: rolestore.KindUser, ID: alice}
	earliest, latest := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
	micro := time.Date(2026, 6, 7, 8, 9, 10, 11_000, time.UTC)
	doc := rolestore.Document{
		Grants: []rolestore.Grant{
			{Tenant: contoso, Principal: user, Role: "A_" + strings.Repeat("z", 126), Priority: math.MaxInt32, From: earliest, Until: latest},
			{Tenant: contoso, Principal: user, Role: "_", Priority: math.MinInt32, From: micro, Reason: "since"},
			{
				Tenant: contoso, Principal: user, Role: "null", Until: micro, Reason: "word",
				Session: map[string]rolestore.Value{
					"x-hasura-" + strings.Repeat("0", 119): rolestore.Text("long name"),
					"x-hasura--":                           rolestore.List(),
					"x-hasura-many":                        rolestore.List(make([]string, 256)...),
				},
			},
			{Tenant: contoso, Principal: user, Role: "true"},
		},
		Blocks: []rolestore.Block{{Tenant: contoso, Principal: user, Until: micro, Reason: "on leave"}},
	}
	answer := mustLookUp(t, open(t, doc), userQuery())
	if diff := cmp.Diff(doc, rolestore.Document(answer)); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}
