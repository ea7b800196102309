package keystore_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/database/pgtest"
	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystest"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

func TestMemoryStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	keystest.TestStore(t, func(*testing.T) keys.Store { return keystore.NewMemory(time.Now) })
}

func TestFileStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	keystest.TestStore(t, func(t *testing.T) keys.Store {
		t.Helper()
		return openFile(t, filepath.Join(t.TempDir(), "keys.json"))
	})
}

func TestPostgresStoreKeepsTheContract(t *testing.T) {
	t.Parallel()
	keystest.TestStore(t, func(t *testing.T) keys.Store {
		t.Helper()
		return keystore.NewPostgres(openPool(t, pgtest.New(t)))
	})
}

func openFile(t *testing.T, path string) *keystore.File {
	t.Helper()
	store, err := keystore.OpenFile(path, time.Now)
	if err != nil {
		t.Fatalf("open the keys file: %v", err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("close the keys file: %v", err)
		}
	})
	return store
}

func openPool(t *testing.T, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := database.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func TestAHundredFirstBootsOfSeveralProcessesMakeOneRingInPostgres(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	sealer := keystest.Sealer(t, "suite")
	failures := make(chan error, 100)
	for range 4 {
		store := keystore.NewPostgres(openPool(t, url)) // a pool each, as processes have
		for range 25 {
			go func() {
				_, err := keys.Rotate(t.Context(), store, sealer, policy)
				failures <- err
			}()
		}
	}
	for range 100 {
		if err := <-failures; err != nil {
			t.Errorf("rotate: %v", err)
		}
	}
	if n := len(keystest.Load(t, keystore.NewPostgres(openPool(t, url))).Keys); n != 3 {
		t.Errorf("%d keys are stored, want 3", n)
	}
}

func TestAPostgresStoreTakesNoPrivateKeyInTheClear(t *testing.T) {
	t.Parallel()
	store := keystore.NewPostgres(openPool(t, pgtest.New(t)))
	if _, err := keys.Rotate(t.Context(), store, nil, policy); err == nil {
		t.Error("Rotate works without a sealer")
	}
	if _, err := keys.NewRing(keys.RingConfig{Store: store, Policy: policy}); err == nil {
		t.Error("NewRing works without a sealer")
	}
	plain := keystore.NewMemory(time.Now)
	if _, err := keys.Rotate(t.Context(), plain, nil, policy); err != nil {
		t.Fatal(err)
	}
	rows := keystest.Load(t, plain).Keys
	_, err := store.Update(t.Context(), func(keys.State) (keys.Change, error) {
		return keys.Change{Found: true, Insert: rows}, nil
	})
	if err == nil || !strings.Contains(err.Error(), "not sealed") {
		t.Errorf("got error %v, want one that says the key is not sealed", err)
	}
}

func TestADumpOfTheDatabaseHoldsNoPrivateKey(t *testing.T) {
	t.Parallel()
	for _, alg := range []keys.Alg{keys.ES256, keys.RS256, keys.EdDSA} {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			pool := openPool(t, pgtest.New(t))
			sealer := keystest.Sealer(t, "suite")
			p := policy
			p.Alg = alg
			if _, err := keys.Rotate(t.Context(), keystore.NewPostgres(pool), sealer, p); err != nil {
				t.Fatal(err)
			}
			var dump string
			const all = `SELECT string_agg(keys::text, ' ') || (SELECT string_agg(ring::text, ' ') FROM issuer.ring) FROM issuer.keys`
			if err := pool.QueryRow(t.Context(), all).Scan(&dump); err != nil {
				t.Fatal(err)
			}
			for _, secret := range keystest.PrivateMembers(t, keystest.Load(t, keystore.NewPostgres(pool)), "suite") {
				if strings.Contains(dump, secret) {
					t.Error("the dump holds a private member")
				}
			}
		})
	}
}

func TestAPostgresStoreWithoutItsRowSaysSo(t *testing.T) {
	t.Parallel()
	pool := openPool(t, pgtest.New(t))
	if _, err := pool.Exec(t.Context(), `DELETE FROM issuer.ring`); err != nil {
		t.Fatal(err)
	}
	_, err := keys.Rotate(t.Context(), keystore.NewPostgres(pool), keystest.Sealer(t, "suite"), policy)
	if err == nil || !strings.Contains(err.Error(), "issuer.ring") {
		t.Errorf("got error %v, want one that names issuer.ring", err)
	}
}

func TestAPostgresStoreRefusesARowWhosePublicHalfIsAnothers(t *testing.T) {
	t.Parallel()
	pool := openPool(t, pgtest.New(t))
	store := keystore.NewPostgres(pool)
	if _, err := keys.Rotate(t.Context(), store, keystest.Sealer(t, "suite"), policy); err != nil {
		t.Fatal(err)
	}
	const swap = `UPDATE issuer.keys SET public = (SELECT public FROM issuer.keys WHERE generation = 2) WHERE generation = 1`
	if _, err := pool.Exec(t.Context(), swap); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "belongs to another key") {
		t.Errorf("got error %v, want one about the public half", err)
	}
}

func TestAWriterThatWaitsDoesNotHoldUpReaders(t *testing.T) {
	t.Parallel()
	url := pgtest.New(t)
	store := keystore.NewPostgres(openPool(t, url))
	_, err := store.Update(t.Context(), func(keys.State) (keys.Change, error) {
		_, err := keystore.NewPostgres(openPool(t, url)).Load(context.WithoutCancel(t.Context()))
		return keys.Change{}, err // were Load to wait for the lock, this would hang
	})
	if err != nil {
		t.Error(err)
	}
}
