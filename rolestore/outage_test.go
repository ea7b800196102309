package rolestore_test

import (
	"context"
	"errors"
	"testing"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

func TestALookUpThatHangsEndsByItself(t *testing.T) {
	t.Parallel()
	store, pool := newPostgres(t, rolestore.Rules{})
	tx, err := pool.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), `LOCK TABLE issuer.grants IN ACCESS EXCLUSIVE MODE`)
	must(t, err)
	_, err = store.Grants(context.Background(), aliceQuery()) // without any deadline
	if !errors.Is(err, rolestore.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got error %v, want ErrUnavailable and the deadline", err)
	}
	must(t, tx.Rollback(t.Context()))
	_, err = store.Grants(t.Context(), aliceQuery())
	must(t, err)
}

func TestTheStoreRecoversWhenTheDatabaseDoes(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	store := rolestore.NewPostgres(openPool(t, server.URL()), rolestore.Rules{})
	mustApply(t, store, oneRole("reader"), rolestore.ApplyOptions{})
	expectRoles(t, store, "reader")
	before, err := store.Revision(t.Context())
	must(t, err)

	server.Stop()
	for range 3 { // with the connections that broke, and with new ones
		answer, err := store.Grants(t.Context(), aliceQuery())
		if !errors.Is(err, rolestore.ErrUnavailable) || len(answer.Grants) > 0 {
			t.Errorf("stopped: got %d grants and error %v, want ErrUnavailable", len(answer.Grants), err)
		}
	}
	for what, err := range map[string]error{
		"revision": second(store.Revision(t.Context())),
		"apply":    second(store.Apply(t.Context(), oneRole("writer"), rolestore.ApplyOptions{By: "a test"})),
		"export":   second(store.Export(t.Context())),
	} {
		if !errors.Is(err, rolestore.ErrUnavailable) {
			t.Errorf("stopped: %s: got error %v, want ErrUnavailable", what, err)
		}
	}

	server.Restart()
	expectRoles(t, store, "reader")
	if after, err := store.Revision(t.Context()); err != nil || after != before {
		t.Errorf("got revision %+v and error %v, was %+v", after, err, before)
	}
}

func second[T any](_ T, err error) error { return err }

func TestADatabaseWithoutTheTablesIsUnavailable(t *testing.T) {
	t.Parallel()
	store := rolestore.NewPostgres(openPool(t, pgtest.NewEmpty(t)), rolestore.Rules{})
	_, err := store.Grants(t.Context(), aliceQuery())
	if !errors.Is(err, rolestore.ErrUnavailable) {
		t.Errorf("got error %v, want ErrUnavailable", err)
	}
}
