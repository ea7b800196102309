package rolestoretest

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// HolderStore is a store that also tells who holds a role.
type HolderStore interface {
	HoldersOf(ctx context.Context, tenantID, role string, most int) (rolestore.Holders, error)
}

// held is a document in which many hold the role "one", some of whom are
// blocked, and somebody holds another.
func held() rolestore.Document {
	doc := content()
	for i := range doc.Grants {
		if doc.Grants[i].Principal.Kind != rolestore.KindApp || doc.Grants[i].Principal.ID != alice {
			doc.Grants[i].Role = "one"
		}
	}
	seen := map[string]bool{} // of alice, who held three roles, the first
	kept := doc.Grants[:0]
	for _, g := range doc.Grants {
		if id := g.Tenant + g.Principal.String(); !seen[id] {
			seen[id] = true
			kept = append(kept, g)
		}
	}
	doc.Grants = kept
	return doc
}

// TestHolders runs the promises of who tells who holds a role; open is as that of
// TestStore.
func TestHolders(t *testing.T, open func(t *testing.T, doc rolestore.Document) HolderStore) {
	t.Helper()
	store := open(t, held())
	inContoso := []string{
		"app " + daemon, "app_role Hasura.Reader", `app_role "{a,\"b\\c'}"`, "everyone",
		"group " + alice, "group " + editors, "group " + writers, "user " + alice, "user " + mallory, "user " + daemon,
	}
	inFabrikam := []string{"everyone", "group " + editors, "user " + alice}
	for name, tc := range map[string]struct {
		tenant, role string
		most         int
		want         []string // principals, in the order of the answer but for app roles
		blocked      []string
		more         bool
	}{
		"of a tenant":                    {contoso, "one", 10, inContoso, []string{"mallory left"}, false},
		"in any case":                    {strings.ToUpper(contoso), "one", 0, inContoso, []string{"mallory left"}, false},
		"of every tenant":                {"", "one", 0, append(append([]string{}, inFabrikam...), inContoso...), []string{"alice at fabrikam", "mallory left"}, false},
		"the first of many":              {"", "one", 2, inFabrikam[:2], nil, true},
		"no more than there are":         {fabrikam, "one", 3, inFabrikam, []string{"alice at fabrikam"}, false},
		"those before the blocked":       {contoso, "one", 8, inContoso[:8], nil, true},
		"up to the blocked":              {contoso, "one", 9, inContoso[:9], []string{"mallory left"}, true},
		"another role, of an app":        {contoso, "app-with-the-id-of-a-user", 0, []string{"app " + alice}, nil, false},
		"a role that nobody holds":       {contoso, "two", 0, nil, nil, false},
		"a role is told by its case":     {contoso, "One", 0, nil, nil, false},
		"a tenant that nobody speaks of": {nobody, "one", 0, nil, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := store.HoldersOf(t.Context(), tc.tenant, tc.role, tc.most)
			if err != nil {
				t.Fatal(err)
			}
			var principals, blocked []string
			for _, g := range got.Grants {
				principals = append(principals, g.Principal.String())
			}
			for _, b := range got.Blocks {
				blocked = append(blocked, b.Reason)
			}
			if diff := cmp.Diff(tc.want, principals); diff != "" || got.More != tc.more {
				t.Errorf("more is %v; principals (-want +got):\n%s", got.More, diff)
			}
			if diff := cmp.Diff(tc.blocked, blocked, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("blocks (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("what cannot be asked", func(t *testing.T) {
		t.Parallel()
		for _, q := range [][2]string{{"contoso.com", "one"}, {contoso, "no role"}, {contoso, "'"}, {contoso, ""}} {
			if _, err := store.HoldersOf(t.Context(), q[0], q[1], 1); err == nil || errors.Is(err, rolestore.ErrUnavailable) {
				t.Errorf("%v: %v", q, err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := store.HoldersOf(ctx, contoso, "one", 1); !errors.Is(err, rolestore.ErrUnavailable) || !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled call: got error %v, want ErrUnavailable and context.Canceled", err)
		}
	})
}
