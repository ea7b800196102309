// Package rolestoretest holds the promises that every role store keeps, as tests
// that run over any of them. A new store adds a few lines:
//
//	rolestoretest.TestStore(t, func(t *testing.T, doc rolestore.Document) rolestoretest.Store { … })
package rolestoretest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// Store is what the tests ask of a store.
type Store interface {
	Grants(ctx context.Context, q rolestore.Query) (rolestore.Answer, error)
	NamedGroups(ctx context.Context, tenantID string, most int) (rolestore.NamedGroups, error)
}

// TestStore runs the suite. open returns a store that holds exactly doc, under
// rules that reserve nothing more than is always reserved, and frees it when the
// test ends; it is called by several tests at the same time.
func TestStore(t *testing.T, open func(t *testing.T, doc rolestore.Document) Store) {
	t.Helper()
	t.Run("a caller gets what is said of it and nothing else", func(t *testing.T) {
		t.Parallel()
		testLookups(t, open(t, content()))
	})
	t.Run("every member comes back as it was given", func(t *testing.T) {
		t.Parallel()
		testRoundTrip(t, open)
	})
	t.Run("every text comes back as it was given", func(t *testing.T) {
		t.Parallel()
		testTexts(t, open)
	})
	t.Run("a store without content answers with nothing", func(t *testing.T) {
		t.Parallel()
		store := open(t, rolestore.Document{})
		if answer := mustLookUp(t, store, userQuery()); len(answer.Grants)+len(answer.Blocks) > 0 {
			t.Errorf("got %d grants and %d blocks, want none", len(answer.Grants), len(answer.Blocks))
		}
	})
	t.Run("a query without the ids to judge by is an error", func(t *testing.T) {
		t.Parallel()
		testBadQueries(t, open(t, content()))
	})
	t.Run("a cancelled look-up is an error and not an empty answer", func(t *testing.T) {
		t.Parallel()
		testCancelled(t, open(t, content()))
	})
	t.Run("the groups that grants name are known", func(t *testing.T) {
		t.Parallel()
		testNamedGroups(t, open)
	})
	t.Run("many may look up at the same time", func(t *testing.T) {
		t.Parallel()
		testConcurrent(t, open(t, content()))
	})
}

func mustLookUp(t *testing.T, store Store, q rolestore.Query) rolestore.Answer {
	t.Helper()
	answer, err := store.Grants(t.Context(), q)
	if err != nil {
		t.Fatalf("look up: %v", err)
	}
	return answer
}

func testLookups(t *testing.T, store Store) {
	t.Helper()
	for name, tc := range lookups() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := mustLookUp(t, store, tc.query)
			var roles, blocks []string
			for _, g := range answer.Grants {
				roles = append(roles, g.Role)
			}
			for _, b := range answer.Blocks {
				blocks = append(blocks, b.Reason)
			}
			anyOrder := cmpopts.SortSlices(func(a, b string) bool { return a < b })
			if diff := cmp.Diff(tc.roles, roles, anyOrder); diff != "" {
				t.Errorf("roles (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tc.blocks, blocks, anyOrder); diff != "" {
				t.Errorf("blocks (-want +got):\n%s", diff)
			}
			backwards := tc.query
			backwards.Groups, backwards.AppRoles = reversed(tc.query.Groups), reversed(tc.query.AppRoles)
			if again := mustLookUp(t, store, backwards); !cmp.Equal(answer, again) {
				t.Error("the order of the answer depends on that of the query")
			}
		})
	}
}

func reversed(list []string) []string {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

func testBadQueries(t *testing.T, store Store) {
	t.Helper()
	for name, q := range map[string]rolestore.Query{
		"nothing at all":          {},
		"no tenant":               {ObjectID: alice},
		"a tenant that is a name": {TenantID: "contoso.com", ObjectID: alice},
		"a user without an id":    {TenantID: contoso, ClientID: daemon},
		"a user with a name":      {TenantID: contoso, ObjectID: "alice"},
		"an app without an id":    {TenantID: contoso, App: true, ObjectID: alice},
		"an app with NUL":         {TenantID: contoso, App: true, ClientID: "\x00"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if answer, err := store.Grants(t.Context(), q); err == nil {
				t.Errorf("got %d grants and no error", len(answer.Grants))
			}
		})
	}
}

func testCancelled(t *testing.T, store Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	answer, err := store.Grants(ctx, userQuery())
	if !errors.Is(err, rolestore.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want ErrUnavailable and context.Canceled", err)
	}
	if len(answer.Grants)+len(answer.Blocks) > 0 {
		t.Error("got an answer beside the error")
	}
}

func testNamedGroups(t *testing.T, open func(t *testing.T, doc rolestore.Document) Store) {
	t.Helper()
	const other = "c41b9a70-58de-4f0b-8a37-61d2e9f3b802"
	id := func(n int) string { return fmt.Sprintf("d1000001-aaaa-4bbb-8ccc-%012d", n) }
	var doc rolestore.Document
	add := func(tenant string, kind rolestore.PrincipalKind, id, role string) {
		doc.Grants = append(doc.Grants, rolestore.Grant{Tenant: tenant, Principal: rolestore.Principal{Kind: kind, ID: id}, Role: role})
	}
	for _, n := range []int{3, 1, 2} {
		add(contoso, rolestore.KindGroup, id(n), "one")
		add(contoso, rolestore.KindGroup, id(n), "two")
		add(contoso, rolestore.KindUser, id(n+10), "one")
	}
	add(other, rolestore.KindGroup, id(4), "one")
	store := open(t, doc)
	for _, tc := range []struct {
		tenant string
		most   int
		want   rolestore.NamedGroups
	}{
		{contoso, 3, rolestore.NamedGroups{IDs: []string{id(1), id(2), id(3)}}},
		{strings.ToUpper(contoso), 100, rolestore.NamedGroups{IDs: []string{id(1), id(2), id(3)}}},
		{contoso, 2, rolestore.NamedGroups{IDs: []string{id(1), id(2)}, More: true}},
		{other, 3, rolestore.NamedGroups{IDs: []string{id(4)}}},
		{"00000000-58de-4f0b-8a37-61d2e9f3b802", 3, rolestore.NamedGroups{}},
	} {
		got, err := store.NamedGroups(t.Context(), tc.tenant, tc.most)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%d groups of %s at most (-want +got):\n%s", tc.most, tc.tenant, diff)
		}
	}
	if _, err := store.NamedGroups(t.Context(), "contoso.com", 3); err == nil || errors.Is(err, rolestore.ErrUnavailable) {
		t.Errorf("a tenant that is a name: got error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.NamedGroups(ctx, contoso, 3); !errors.Is(err, rolestore.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled call: got error %v, want ErrUnavailable and context.Canceled", err)
	}
}

func testConcurrent(t *testing.T, store Store) {
	t.Helper()
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for name, tc := range lookups() {
				answer, err := store.Grants(t.Context(), tc.query)
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if len(answer.Grants) != len(tc.roles) || len(answer.Blocks) != len(tc.blocks) {
					t.Errorf("%s: got %d grants and %d blocks, want %d and %d",
						name, len(answer.Grants), len(answer.Blocks), len(tc.roles), len(tc.blocks))
				}
			}
		})
	}
	callers.Wait()
}
