package rolestore_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// example is the form in which the README shows roles.yaml.
const example = `# who may be what
grants:
  - { tenant: 7F2D6C1E-3b0a-4c55-9e1d-2a64c0b8f901, group: d1000001-0000-4000-8000-000000000001, role: editor, priority: 10, session: { x-hasura-org-id: "42", x-hasura-regions: [eu, us] } }
  - { tenant: 7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901, user: 11D3e5f7-0a1b-4c2d-8e3f-4a5b6c7d8e9f, role: oncall, until: 2026-12-31T01:00:00+01:00, reason: "INC-77" }
  - tenant: 7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901 # the other way to write a mapping
    app_role: 'Hasura.Reader'
    role: reader
    session:
      x-hasura-regions:
        - eu
  - { tenant: 7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901, everyone: true, role: viewer }
blocks:
  - { tenant: 7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901, user: 22e4f6a8-1b2c-4d3e-8f4a-5b6c7d8e9fa0, reason: "left" }
`

func exampleDocument() rolestore.Document {
	until := time.Date(2026, 12, 31, 0, 0, 0, 0, time.UTC)
	oncall := userGrant(alice, "oncall")
	oncall.Until, oncall.Reason = until, "INC-77"
	return rolestore.Document{
		Grants: []rolestore.Grant{
			oncall,
			{
				Tenant: contoso, Principal: rolestore.Principal{Kind: rolestore.KindGroup, ID: editors}, Role: "editor", Priority: 10,
				Session: map[string]rolestore.Value{"x-hasura-org-id": rolestore.Text("42"), "x-hasura-regions": rolestore.List("eu", "us")},
			},
			{
				Tenant: contoso, Principal: rolestore.Principal{Kind: rolestore.KindAppRole, ID: "Hasura.Reader"}, Role: "reader",
				Session: map[string]rolestore.Value{"x-hasura-regions": rolestore.List("eu")},
			},
			{Tenant: contoso, Principal: rolestore.Principal{Kind: rolestore.KindEveryone}, Role: "viewer"},
		},
		Blocks: []rolestore.Block{userBlock(bob, "left")},
	}
}

func TestTheExampleIsReadAndWritten(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"as it is":                    example,
		"with the marks of an editor": "\ufeff---\r\n" + strings.ReplaceAll(example, "\n", "\r\n") + "...\r\n",
	} {
		doc, err := rolestore.ParseDocument([]byte(text), rolestore.Rules{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(exampleDocument(), doc); diff != "" {
			t.Errorf("%s: document (-want +got):\n%s", name, diff)
		}
		if zone := doc.Grants[0].Until.Location(); zone != time.UTC {
			t.Errorf("%s: times are in %s, want UTC", name, zone)
		}
	}
	const want = `grants:
  - { tenant: 7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901, user: 11d3e5f7-0a1b-4c2d-8e3f-4a5b6c7d8e9f, role: oncall, until: 2026-12-31T00:00:00Z, reason: "INC-77" }
  - { tenant: 7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901, group: d1000001-0000-4000-8000-000000000001, role: editor, priority: 10, session: { x-hasura-org-id: "42", x-hasura-regions: [eu, us] } }
  - { tenant: 7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901, app_role: Hasura.Reader, role: reader, session: { x-hasura-regions: [eu] } }
  - { tenant: 7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901, everyone: true, role: viewer }
blocks:
  - { tenant: 7f2d6c1e-3b0a-4c55-9e1d-2a64c0b8f901, user: 22e4f6a8-1b2c-4d3e-8f4a-5b6c7d8e9fa0, reason: "left" }
`
	got, err := exampleDocument().YAML()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("YAML (-want +got):\n%s", diff)
	}
}

func TestADocumentMayBeShort(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no grants":       "grants: []",
		"no blocks":       "blocks: []\n",
		"neither":         "{}",
		"neither, listed": "grants: []\nblocks: []\n",
	} {
		doc, err := rolestore.ParseDocument([]byte(text), rolestore.Rules{})
		if err != nil || len(doc.Grants)+len(doc.Blocks) > 0 {
			t.Errorf("%s: got %d grants, %d blocks, error %v", name, len(doc.Grants), len(doc.Blocks), err)
		}
	}
	got, err := rolestore.Document{}.YAML()
	if want := "grants: []\nblocks: []\n"; err != nil || string(got) != want {
		t.Errorf("got %q and error %v, want %q", got, err, want)
	}
}

func TestOnlyPrincipalsOfAKnownKindAreWritten(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]rolestore.Document{
		"a grant": {Grants: []rolestore.Grant{{Tenant: contoso, Role: "reader"}}},
		"a block": {Blocks: []rolestore.Block{{Tenant: contoso, Principal: rolestore.Principal{Kind: "robot", ID: alice}}}},
	} {
		if got, err := doc.YAML(); err == nil {
			t.Errorf("%s: got %q and no error", name, got)
		}
	}
}

func TestRulesLetMoreOrLessBeGranted(t *testing.T) {
	t.Parallel()
	entry := func(members string) []byte {
		return fmt.Appendf(nil, "grants:\n  - { tenant: %s, everyone: true, %s }\n", contoso, members)
	}
	for name, tc := range map[string]struct {
		members string
		rules   rolestore.Rules
		refused bool
	}{
		"admin":                   {"role: admin", rolestore.Rules{}, true},
		"admin where it may be":   {"role: admin", rolestore.Rules{AllowAdmin: true}, false},
		"Admin is any role":       {"role: Admin", rolestore.Rules{}, false},
		"a free variable":         {`role: a, session: { x-hasura-user-id: "1" }`, rolestore.Rules{}, false},
		"a variable from a claim": {`role: a, session: { x-hasura-user-id: "1" }`, rolestore.Rules{ReservedVariables: []string{"X-Hasura-User-Id"}}, true},
	} {
		if _, err := rolestore.ParseDocument(entry(tc.members), tc.rules); (err != nil) != tc.refused {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}
