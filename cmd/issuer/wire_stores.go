package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/database"
	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// databaseWait is how long a start waits for the database before it goes on without.
const databaseWait = 5 * time.Second

// openDatabase opens the pool, if the settings name a database, and refuses a schema that is too old. A database that
// cannot be reached now is no reason to stop: the parts that need it say so until it is there.
func (svc *service) openDatabase(ctx context.Context) (*pgxpool.Pool, error) {
	url := svc.settings.DatabaseURL.reveal()
	if url == "" {
		return nil, nil
	}
	pool, err := database.Open(ctx, url, svc.tracing.Postgres())
	if err != nil {
		return nil, usageError{fmt.Errorf("ISSUER_DATABASE_URL: %w", err)}
	}
	svc.onClose(pool.Close)
	ctx, cancel := context.WithTimeout(ctx, databaseWait)
	defer cancel()
	err = database.Check(ctx, pool)
	if errors.Is(err, database.ErrSchemaTooOld) {
		return nil, usageError{err}
	}
	if err != nil {
		svc.log.Warn().Err(err).Msg("database cannot be reached yet")
		return pool, nil
	}
	if err := database.CheckSessions(ctx, pool); err != nil {
		svc.log.Warn().Err(err).Msg("database sessions")
	}
	return pool, nil
}

// openMigrated opens the database for a command that cannot do without it and its tables. The caller closes it.
func openMigrated(ctx context.Context, s settings) (*pgxpool.Pool, error) {
	pool, err := database.Open(ctx, s.DatabaseURL.reveal())
	if err != nil {
		return nil, usageError{fmt.Errorf("ISSUER_DATABASE_URL: %w", err)}
	}
	ctx, cancel := context.WithTimeout(ctx, databaseWait)
	defer cancel()
	if err := database.Check(ctx, pool); err != nil {
		pool.Close()
		return nil, err
	}
	return pool, nil
}

// actor is who changes the ring: this replica, or who runs a command.
func (svc *service) actor() string {
	if svc.replica != "" {
		return "replica " + svc.replica
	}
	return operator("")
}

func (svc *service) openRoles(ctx context.Context, pool *pgxpool.Pool) error {
	s := svc.settings
	if s.RolesFile == "" {
		return svc.cacheRoles(ctx, pool)
	}
	file, err := rolestore.OpenFile(s.RolesFile, s.roleRules())
	if err != nil {
		return usageError{fmt.Errorf("ISSUER_ROLES_FILE: %w", err)}
	}
	svc.roles, svc.source = file, file
	svc.loops = append(svc.loops, loop{"roles", "the roles file is not in force", func(ctx context.Context, report func(error)) {
		file.Run(ctx, report, svc.rolesRead)
	}})
	return nil
}

// rolesRead says that another version of the roles file is in force.
func (svc *service) rolesRead(v rolestore.Version) {
	message := "roles file read"
	if v.Mended {
		message = "roles file read, it works again"
	}
	svc.log.Info().Int("grants", v.Grants).Int("blocks", v.Blocks).Msg(message)
}

// openKeys opens the keys file, or the database where none is set. Without a key-encryption key the sealer is nil, which
// only a keys file accepts.
func (svc *service) openKeys(pool *pgxpool.Pool) (keys.Store, *keys.Sealer, error) {
	s := svc.settings
	sealer, err := s.newSealer(svc.azure)
	if err != nil {
		return nil, nil, usageError{fmt.Errorf("ISSUER_KEYS_ENCRYPTION_KEY: %w", err)}
	}
	if s.KeysFile == "" {
		return keystore.NewPostgres(pool).As(svc.actor()), sealer, nil
	}
	now := svc.now
	if now == nil {
		now = time.Now
	}
	store, err := keystore.OpenFile(s.KeysFile, now)
	if errors.Is(err, keystore.ErrInUse) {
		return nil, nil, fmt.Errorf("ISSUER_KEYS_FILE: %w", err)
	}
	if err != nil {
		return nil, nil, usageError{fmt.Errorf("ISSUER_KEYS_FILE: %w", err)}
	}
	svc.onClose(func() { _ = store.Close() })
	return store, sealer, nil
}
