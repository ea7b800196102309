package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
	"github.com/hasura-issuer/hasura-issuer/rolestore/history"
)

const notTried = "not tried, since the database cannot be used"

// stores tries the database and what lies in it or in files, holds the key set that engines get against the ring, and tries
// an engine with it.
func (a *attempt) stores(ctx context.Context) []finding {
	pool, all := a.database(ctx)
	if pool != nil {
		defer pool.Close()
	}
	lost := pool == nil && a.settings.DatabaseURL.reveal() != ""
	held, opened := []finding{{Name: "roles", Status: off, Detail: notTried}}, finding{Name: "keys", Status: off, Detail: notTried}
	if !lost || a.settings.RolesFile != "" {
		held = a.roles(ctx, pool)
	}
	var ring *keys.State
	if !lost || a.settings.KeysFile != "" {
		ring, opened = a.ring(ctx, pool)
	}
	all = append(slices.Concat(all, a.audit(ctx, pool), held), opened, a.keySet(ctx, ring))
	return append(all, a.hasura(ctx, pool, ring)...)
}

// database opens the pool, nil where none is set or it cannot be used. The caller closes it.
func (a *attempt) database(ctx context.Context) (*pgxpool.Pool, []finding) {
	if a.settings.DatabaseURL.reveal() == "" {
		return nil, []finding{{Name: "database", Status: off, Detail: "none is set: roles and keys lie in files"}}
	}
	pool, err := openMigrated(ctx, a.settings)
	all := []finding{found("database", "", "it answers, and its schema will do", err)}
	if err != nil {
		return nil, all
	}
	return pool, append(all, a.schema(ctx, pool)...)
}

// schema tells of what the next release may want, and of what stands between us and the database.
func (a *attempt) schema(ctx context.Context, pool *pgxpool.Pool) []finding {
	var all []finding
	if err := database.CheckSessions(ctx, pool); err != nil {
		all = append(all, finding{Name: "database", Of: "sessions", Status: note, Detail: err.Error()})
	}
	if err := history.Intact(ctx, pool); err != nil && !errors.Is(err, history.ErrNoHistory) { // of that, the version tells
		all = append(all, found("database", "history", "", err))
	}
	migrations, err := database.Status(ctx, a.settings.DatabaseURL.reveal())
	if err != nil {
		return append(all, found("database", "schema", "", err))
	}
	return append(all, schemaFinding(migrations))
}

func schemaFinding(migrations []database.Migration) finding {
	pending, version := false, int64(0)
	for _, m := range migrations {
		if m.AppliedAt.IsZero() {
			pending = true
		} else {
			version = max(version, m.Version)
		}
	}
	f := found("database", "schema", fmt.Sprintf("version %d", version), nil)
	if pending {
		f.Status, f.Cure = note, "migrations of this release are to come: run issuer migrate"
	}
	return f
}

// ring reads the ring without being taken for a replica, and opens it as one would; it is nil where that fails.
func (a *attempt) ring(ctx context.Context, pool *pgxpool.Pool) (*keys.State, finding) {
	state, err := a.loadRing(ctx, pool)
	if err == nil {
		err = state.Dispute()
	}
	var sealer *keys.Sealer
	if err == nil {
		sealer, err = a.settings.newSealer(a.program.azure)
	}
	if err == nil {
		err = sealer.Fetch(ctx)
	}
	if err == nil {
		err = sealer.Opens(state)
	}
	if err != nil {
		return nil, found("keys", "", "", err)
	}
	return &state, a.opened(state)
}

// opened tells of a ring that opens.
func (a *attempt) opened(ring keys.State) finding {
	switch {
	case len(ring.Keys) > 0:
		return found("keys", "", fmt.Sprintf("%d keys, and all that is sealed opens", len(published(ring))), nil)
	case a.settings.Rotate == "cron":
		return finding{Name: "keys", Status: note, Detail: "no keys yet, and with ISSUER_ROTATE=cron no start makes them", Cure: "run issuer keys rotate"}
	}
	return found("keys", "", "no keys yet: the first start makes them", nil)
}

func (a *attempt) loadRing(ctx context.Context, pool *pgxpool.Pool) (keys.State, error) {
	if a.settings.KeysFile == "" {
		return keystore.NewPostgres(pool).Load(ctx)
	}
	return keystore.ReadFile(a.settings.KeysFile, time.Now())
}

// published are the ids of the keys that the key set should hold.
func published(ring keys.State) []string {
	var kids []string
	for _, k := range keys.List(ring, ring.Now) {
		if k.State == keys.Pending || k.State == keys.Signing || k.State == keys.Retiring {
			kids = append(kids, k.KID)
		}
	}
	return kids
}
