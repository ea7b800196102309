package keystore

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/hasura-issuer/hasura-issuer/keys"
)

const (
	selectWitnesses = `SELECT kind, name, generation, version, alarm, seen_at FROM issuer.witnesses ORDER BY kind, name`

	// What is known of a holder only gets newer, and no replica's clock can put it ahead of ours.
	upsertWitness = `
INSERT INTO issuer.witnesses AS old (kind, name, generation, version, alarm, seen_at)
VALUES (@kind, @name, @generation, @version, left(regexp_replace(@alarm, '[[:cntrl:]]+', '; ', 'g'), 500), least(@seen_at, clock_timestamp()))
    ON CONFLICT (kind, name) DO UPDATE
   SET generation = excluded.generation, version = excluded.version, alarm = excluded.alarm, seen_at = excluded.seen_at
 WHERE excluded.seen_at >= old.seen_at OR old.seen_at > clock_timestamp() + interval '1 minute'`

	// Replicas have a new name each time they start.
	forgetWitnesses = `
DELETE FROM issuer.witnesses WHERE kind = 'replica' AND seen_at < clock_timestamp() - make_interval(secs => @seconds)`
)

// Witness is keys.Store's.
func (p *Postgres) Witness(ctx context.Context, seen []keys.Witness) error {
	ctx, cancel := context.WithTimeout(ctx, updateTimeout)
	defer cancel()
	var batch pgx.Batch
	for _, w := range seen {
		batch.Queue(upsertWitness, pgx.NamedArgs{
			"kind": w.Kind, "name": w.Name, "generation": w.Generation, "version": w.Version, "alarm": w.Alarm, "seen_at": w.SeenAt,
		})
	}
	batch.Queue(forgetWitnesses, pgx.NamedArgs{"seconds": keys.WitnessLife.Seconds()})
	if err := p.pool.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("note who has the ring: %w", err)
	}
	return nil
}

func loadWitnesses(ctx context.Context, db querier) ([]keys.Witness, error) {
	rows, err := db.Query(ctx, selectWitnesses)
	if err != nil {
		return nil, fmt.Errorf("read who has the ring: %w", err)
	}
	seen, err := pgx.CollectRows(rows, pgx.RowToStructByName[keys.Witness])
	if err != nil {
		return nil, fmt.Errorf("read who has the ring: %w", err)
	}
	for i := range seen {
		seen[i].SeenAt = keys.StoreTime(seen[i].SeenAt)
	}
	return seen, nil
}
