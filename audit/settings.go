package audit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const settingsTimeout = 5 * time.Second

// RecordSettings writes a record where the settings by their names differ from those that were recorded last, by whichever
// replica, and returns the names of those that do. A secret is not among them by its value. Any number may run at once; each
// is compared with the one before it.
func RecordSettings(ctx context.Context, pool *pgxpool.Pool, actor string, settings map[string]string) (changed []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, settingsTimeout)
	defer cancel()
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('issuer.audit settings', 0))`); err != nil {
			return err
		}
		var before struct {
			Settings map[string]string `json:"settings"`
		}
		var doc []byte
		err := tx.QueryRow(ctx, `SELECT details FROM issuer.audit WHERE kind = 'settings' AND at <= clock_timestamp() ORDER BY at DESC LIMIT 1`).Scan(&doc)
		if err == nil {
			err = json.Unmarshal(doc, &before)
		}
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		changed = differences(before.Settings, settings)
		if len(changed) == 0 {
			return nil
		}
		_, err = tx.Exec(ctx, `INSERT INTO issuer.audit (id, at, kind, actor, login, address, details)
VALUES (gen_random_uuid(), clock_timestamp(), 'settings', $1, session_user, coalesce(host(inet_client_addr()), ''), $2)`,
			actor, map[string]any{"changed": changed, "settings": settings})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("record the settings: %w", err)
	}
	return changed, nil
}

// differences returns the names whose values differ, in order.
func differences(before, after map[string]string) []string {
	all := maps.Clone(after)
	maps.Copy(all, before)
	var names []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		was, had := before[name]
		is, has := after[name]
		if had != has || was != is {
			names = append(names, name)
		}
	}
	return names
}
