package database

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// versionTable holds one row per applied migration, kept by goose.
const versionTable = "issuer.migrations"

//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migration is one step of the schema.
type Migration struct {
	Version int64 `json:"version"`
	// Name is the name of its file, or empty if a newer release applied it and
	// this one does not know it.
	Name string `json:"name"`
	// AppliedAt is when it was applied, in UTC, or zero if it was not.
	AppliedAt time.Time `json:"applied_at,omitzero"`
}

// Migrate applies the migrations that the database lacks, each in its own
// transaction, and returns their names in order; none is a success. It waits
// while another process migrates the same database, so any number may run at
// once. A database that a newer release has migrated is left as it is.
//
// When one migration fails, the names of those applied before it are returned
// beside the error, and the next run begins with the one that failed.
func Migrate(ctx context.Context, databaseURL string) (applied []string, err error) {
	db, provider, err := openProvider(databaseURL)
	if err != nil {
		return nil, err
	}
	defer db.Close() // ends the sessions, and with them the lock, if unlocking failed

	unlock, err := lockSchema(ctx, db)
	if err != nil {
		return nil, err
	}
	defer unlock()
	results, err := provider.Up(ctx)
	if partial, ok := errors.AsType[*goose.PartialError](err); ok {
		results = partial.Applied
		err = fmt.Errorf("apply migration %s: %w", path.Base(partial.Failed.Source.Path), partial.Err)
	}
	for _, result := range results {
		applied = append(applied, path.Base(result.Source.Path))
	}
	if err != nil {
		return applied, fmt.Errorf("migrate the database: %w", err)
	}
	return applied, nil
}

// Status lists the migrations that this release knows or the database has, by
// version. It changes nothing: on an empty database all are pending.
func Status(ctx context.Context, databaseURL string) ([]Migration, error) {
	db, provider, err := openProvider(databaseURL)
	if err != nil {
		return nil, err
	}
	defer db.Close()

	appliedAt, err := appliedVersions(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("read the state of the database schema: %w", err)
	}
	var list []Migration
	for _, source := range provider.ListSources() {
		list = append(list, Migration{
			Version:   source.Version,
			Name:      path.Base(source.Path),
			AppliedAt: appliedAt[source.Version],
		})
		delete(appliedAt, source.Version)
	}
	for version, at := range appliedAt {
		list = append(list, Migration{Version: version, AppliedAt: at})
	}
	slices.SortFunc(list, func(a, b Migration) int { return int(a.Version - b.Version) })
	return list, nil
}

// appliedVersions returns when each version was applied. A database without
// our schema has none.
func appliedVersions(ctx context.Context, db *sql.DB) (map[int64]time.Time, error) {
	// Version 0 is goose's mark that the table exists.
	rows, err := db.QueryContext(ctx,
		`SELECT version_id, max(tstamp) FROM `+versionTable+` WHERE is_applied AND version_id > 0 GROUP BY version_id`)
	if isUndefined(err) {
		return map[int64]time.Time{}, nil
	}
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	applied := map[int64]time.Time{}
	for rows.Next() {
		var version int64
		var at time.Time
		if err := rows.Scan(&version, &at); err != nil {
			return nil, err
		}
		applied[version] = at
	}
	return applied, rows.Err()
}

// openProvider prepares goose on connections of its own: without the limits of
// Open, since a migration may take minutes, but with one on waiting for table
// locks, since behind a waiting ALTER TABLE every reader of that table queues.
func openProvider(databaseURL string) (*sql.DB, *goose.Provider, error) {
	config, err := parse(databaseURL)
	if err != nil {
		return nil, nil, err
	}
	// goose notes times without a zone.
	config.ConnConfig.RuntimeParams["timezone"] = "UTC"
	db := stdlib.OpenDB(*config.ConnConfig, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "SET lock_timeout = '10s'")
		return err
	}))
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("read the migrations: %w", err), db.Close())
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithTableName(versionTable),
		goose.WithDisableGlobalRegistry(true),
		goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("read the migrations: %w", err), db.Close())
	}
	return db, provider, nil
}
