package keystore_test

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

// between runs something once, behind the first query of a pool.
type between struct{ once func() }

func (b *between) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

func (b *between) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) { b.once() }

// TestNobodySeemsToHaveSeenAKeyThatIsInsertedDuringARead: it would look as if the store had lost it.
func TestNobodySeemsToHaveSeenAKeyThatIsInsertedDuringARead(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store, sealer := keystore.NewPostgres(openPool(t, url)), keystest.Sealer(t, "suite")
	if _, err := keys.Rotate(t.Context(), store, sealer, policy); err != nil {
		t.Fatal(err)
	}
	config, err := pgxpool.ParseConfig(url)
	keystest.Must(t, err)
	config.ConnConfig.Tracer = &between{sync.OnceFunc(func() {
		if _, err := keys.HandOver(t.Context(), store, sealer, policy, true); err != nil {
			t.Error(err)
		}
		s := keystest.Load(t, store)
		keystest.Must(t, store.Witness(t.Context(), []keys.Witness{{Kind: keys.Replica, Name: "a", Generation: 4, Version: s.Version, SeenAt: s.Now}}))
	})}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	keystest.Must(t, err)
	defer pool.Close()
	s, err := keystore.NewPostgres(pool).Load(t.Context())
	if err != nil || s.Dispute() != nil {
		t.Errorf("got error %v, and the store is disputed: %v", err, s.Dispute())
	}
}
