package rolestore_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

func TestAChangeThatWasNotShownIsNotMade(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(t *testing.T, store *rolestore.Postgres){
		"somebody else did it": func(t *testing.T, store *rolestore.Postgres) {
			t.Helper()
			mustApply(t, store, document(userGrant(alice, "new")), rolestore.ApplyOptions{})
		},
		"there is more to remove": func(t *testing.T, store *rolestore.Postgres) {
			t.Helper()
			mustApply(t, store, document(userGrant(bob, "unseen")), rolestore.ApplyOptions{})
		},
		"what is to be removed says something else": func(t *testing.T, store *rolestore.Postgres) {
			t.Helper()
			g := userGrant(bob, "old")
			g.Reason = "needed until Friday"
			mustApply(t, store, document(g), rolestore.ApplyOptions{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, _ := newPostgres(t, rolestore.Rules{})
			mustApply(t, store, document(userGrant(bob, "old")), rolestore.ApplyOptions{})
			options := rolestore.ApplyOptions{Prune: true, By: "a test"}
			wanted := document(userGrant(alice, "new"))
			shown, err := store.Plan(t.Context(), wanted, options)
			must(t, err)
			meanwhile(t, store)
			before := mustExport(t, store)

			options.Confirmed = &shown
			if _, err := store.Apply(t.Context(), wanted, options); !errors.Is(err, rolestore.ErrChangedMeanwhile) || errors.Is(err, rolestore.ErrUnavailable) {
				t.Errorf("got error %v, want ErrChangedMeanwhile", err)
			}
			if diff := cmp.Diff(before, mustExport(t, store)); diff != "" {
				t.Errorf("something was changed (-before +after):\n%s", diff)
			}
		})
	}
}

func TestAChangeIsMadeAsAWholeOrNotAtAll(t *testing.T) {
	t.Parallel()
	store, pool := newPostgres(t, rolestore.Rules{})
	mustApply(t, store, document(userGrant(alice, "a"), userGrant(alice, "b")), rolestore.ApplyOptions{})
	// The last row of the batch is one that this database refuses.
	mustExec(t, pool, `ALTER TABLE issuer.blocks ADD CHECK (reason <> 'refused')`)
	wanted := document(userGrant(alice, "b"), userGrant(alice, "c"))
	wanted.Blocks = []rolestore.Block{userBlock(alice, "fine"), userBlock(bob, "refused")}
	before := mustExport(t, store)
	if _, err := store.Apply(t.Context(), wanted, rolestore.ApplyOptions{Prune: true, By: "a test"}); !errors.Is(err, rolestore.ErrUnavailable) {
		t.Errorf("got error %v, want ErrUnavailable", err)
	}
	if diff := cmp.Diff(before, mustExport(t, store)); diff != "" {
		t.Errorf("a part was changed (-before +after):\n%s", diff)
	}
}

func TestTwoChangesAtOnceDoNotMix(t *testing.T) {
	t.Parallel()
	store, _ := newPostgres(t, rolestore.Rules{})
	one := document(userGrant(alice, "a"), userGrant(alice, "b"), userGrant(alice, "c"))
	two := document(userGrant(bob, "a"), userGrant(bob, "b"), userGrant(bob, "c"))
	var people sync.WaitGroup
	for i := range 10 {
		people.Go(func() {
			wanted := []rolestore.Document{one, two}[i%2]
			if _, err := store.Apply(t.Context(), wanted, rolestore.ApplyOptions{Prune: true, By: "a test"}); err != nil {
				t.Error(err)
			}
		})
	}
	people.Wait()
	if got := mustExport(t, store); !cmp.Equal(got, one) && !cmp.Equal(got, two) {
		t.Errorf("got a mixture:\n%s", lineOf(got))
	}
}

// Somebody may change the tables by hand: here in a transaction that Apply has to wait for, and then must see.
func TestAChangeByHandIsWaitedForAndSeen(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		byHand string
		wanted rolestore.Document
	}{
		"the same row was added": {
			`INSERT INTO issuer.grants (tenant, principal_kind, principal, role) VALUES ($1, 'user', $2, 'new')`,
			document(userGrant(alice, "new"), userGrant(alice, "old")),
		},
		"the row was deleted": {
			`DELETE FROM issuer.grants WHERE tenant = $1 AND principal = $2 AND role = 'old'`, document(),
		},
	} {
		for _, asked := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, asked %v", name, asked), func(t *testing.T) {
				t.Parallel()
				store, pool := newPostgres(t, rolestore.Rules{})
				mustApply(t, store, document(userGrant(alice, "old")), rolestore.ApplyOptions{})
				options := rolestore.ApplyOptions{Prune: true, By: "a test"}
				var want error
				if asked {
					shown, err := store.Plan(t.Context(), tc.wanted, options)
					must(t, err)
					options.Confirmed, want = &shown, rolestore.ErrChangedMeanwhile
				}
				tx, err := pool.Begin(t.Context())
				must(t, err)
				_, err = tx.Exec(t.Context(), tc.byHand, contoso, alice)
				must(t, err)
				done := make(chan error)
				go func() {
					_, err := store.Apply(context.WithoutCancel(t.Context()), tc.wanted, options)
					done <- err
				}()
				const waiting = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
				for blocked := 0; blocked == 0; {
					must(t, pool.QueryRow(t.Context(), waiting).Scan(&blocked))
				}
				must(t, tx.Commit(t.Context()))
				if err := <-done; !errors.Is(err, want) {
					t.Fatalf("got error %v, want %v", err, want)
				}
				if got := mustExport(t, store); !asked && !cmp.Equal(got, tc.wanted) {
					t.Errorf("got:\n%s", lineOf(got))
				}
			})
		}
	}
}
