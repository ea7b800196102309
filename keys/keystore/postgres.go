package keystore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/keys"
)

// Postgres keeps a ring in the tables issuer.keys and issuer.ring, for any
// number of processes. It takes only sealed private keys.
type Postgres struct {
	pool  *pgxpool.Pool
	actor string // who changes the ring, as records of changes call them; empty: nobody says
}

// Channel is where every change of the ring is notified (Postgres NOTIFY), without a payload.
const Channel = "issuer_keys"

// NewPostgres returns the store in the database of the pool, which stays
// the caller's to close. It does not connect. Calls end with their context.
func NewPostgres(pool *pgxpool.Pool) *Postgres {
	return &Postgres{pool: pool}
}

// As returns the store for somebody: the records that the database keeps of changes (issuer.audit) name them.
func (p *Postgres) As(actor string) *Postgres {
	return &Postgres{pool: p.pool, actor: actor}
}

func (*Postgres) SealedOnly() {}

// updateTimeout bounds the time between the clock's reading, which becomes a
// new key's publication, and the moment others can see the key: it eats into
// the skew that the lead allows for.
const updateTimeout = keys.Skew / 2

// loadRing reads everything in one statement, thus as of one moment, and the
// clock at the last row, thus never before that moment. Without a key there is one row all the same.
const loadRing = `
SELECT ring.founded_at IS NOT NULL AS founded, ring.version, ring.adoption, clock_timestamp() AS now,
       keys.generation, keys.kid, keys.alg, keys.public, keys.private, keys.published_at, keys.signs_from,
       keys.revoked_at, keys.reason, keys.mac,
       keys.promised_ttl, keys.promised_max_age, keys.promised_cdn_ttl, keys.promised_stale
  FROM issuer.ring LEFT JOIN issuer.keys ON true
 ORDER BY keys.generation`

// Load reads the ring, as of one moment, without waiting for a change under way.
func (p *Postgres) Load(ctx context.Context) (keys.State, error) {
	return loadFrom(ctx, p.pool)
}

// Update is Store's. The lock is that of the single row of issuer.ring.
func (p *Postgres) Update(ctx context.Context, decide func(keys.State) (keys.Change, error)) (keys.State, error) {
	ctx, cancel := context.WithTimeout(ctx, updateTimeout)
	defer cancel()
	var next keys.State
	err := pgx.BeginFunc(ctx, p.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT FROM issuer.ring FOR UPDATE`); err != nil {
			return fmt.Errorf("lock the ring: %w", err)
		}
		s, err := loadFrom(ctx, tx) // a statement of its own: it sees what was committed while we waited
		if err != nil {
			return err
		}
		change, err := decide(s.Clone())
		if err != nil {
			return err
		}
		if next, err = s.Apply(change); err != nil || change.Empty() {
			return err
		}
		return save(ctx, tx, change, next, p.actor)
	})
	if err != nil {
		return keys.State{}, err
	}
	return next, nil
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func loadFrom(ctx context.Context, db querier) (keys.State, error) {
	// First, or somebody could seem to have seen a key that was inserted between the two.
	witnesses, err := loadWitnesses(ctx, db)
	if err != nil {
		return keys.State{}, err
	}
	rows, err := db.Query(ctx, loadRing)
	if err != nil {
		return keys.State{}, fmt.Errorf("read the ring: %w", err)
	}
	read, err := pgx.CollectRows(rows, pgx.RowToStructByName[row])
	if err != nil {
		return keys.State{}, fmt.Errorf("read the ring: %w", err)
	}
	if len(read) == 0 {
		return keys.State{}, errors.New("read the ring: issuer.ring has lost its row: restore the database")
	}
	s := keys.State{Witnesses: witnesses}
	for _, r := range read {
		s.Founded, s.Version, s.Adoption = r.Founded, r.Version, r.Adoption
		if now := keys.StoreTime(r.Now); now.After(s.Now) {
			s.Now = now
		}
		if r.Generation != nil {
			s.Keys = append(s.Keys, r.key())
		}
	}
	if s, err = s.Sound(); err != nil {
		return keys.State{}, fmt.Errorf("read the ring: %w", err)
	}
	return s, nil
}

// row is one of loadRing's. Everything of a key is null where there is none.
type row struct {
	Founded        bool
	Version        int64
	Adoption       int64
	Now            time.Time
	Generation     *int64
	KID            *string
	Alg            *keys.Alg
	Public         []byte
	Private        *keys.PrivateJWK
	PublishedAt    *time.Time
	SignsFrom      *time.Time
	RevokedAt      *time.Time
	Reason         *string
	MAC            *string
	PromisedTTL    *int64
	PromisedMaxAge *int64
	PromisedCDNTTL *int64
	PromisedStale  *int64
}

func (r row) key() keys.Key {
	return keys.Key{
		Generation:  *r.Generation,
		KID:         value(r.KID),
		Alg:         value(r.Alg),
		Public:      r.Public,
		Private:     value(r.Private),
		PublishedAt: keys.StoreTime(value(r.PublishedAt)),
		SignsFrom:   keys.StoreTime(value(r.SignsFrom)),
		RevokedAt:   keys.StoreTime(value(r.RevokedAt)),
		Reason:      value(r.Reason),
		Promised: keys.Promise{
			TTL:    fromSeconds(value(r.PromisedTTL)),
			MaxAge: fromSeconds(value(r.PromisedMaxAge)),
			CDNTTL: fromSeconds(value(r.PromisedCDNTTL)),
			Stale:  fromSeconds(value(r.PromisedStale)),
		},
		MAC: value(r.MAC),
	}
}

// value returns what a pointer points at, or zero for none.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

const (
	insertKey = `
INSERT INTO issuer.keys (generation, kid, alg, public, private, published_at, signs_from, revoked_at, reason, mac,
                         promised_ttl, promised_max_age, promised_cdn_ttl, promised_stale)
VALUES (@generation, @kid, @alg, @public, @private, @published_at, @signs_from, @revoked_at, @reason, @mac,
        @promised_ttl, @promised_max_age, @promised_cdn_ttl, @promised_stale)`

	updateKey = `
UPDATE issuer.keys
   SET private = @private, signs_from = @signs_from, revoked_at = @revoked_at, reason = @reason, mac = @mac,
       promised_ttl = @promised_ttl, promised_max_age = @promised_max_age,
       promised_cdn_ttl = @promised_cdn_ttl, promised_stale = @promised_stale
 WHERE generation = @generation`

	touchRing = `
UPDATE issuer.ring
   SET version = @version, adoption = @adoption, founded_at = CASE WHEN @found THEN coalesce(founded_at, @now) ELSE founded_at END`
)

// save writes a change that apply let pass, in one round trip.
func save(ctx context.Context, tx pgx.Tx, c keys.Change, next keys.State, actor string) error {
	for _, k := range slices.Concat(c.Insert, c.Update) {
		if k.Private != "" && !k.Private.Sealed() {
			return fmt.Errorf("write the ring: the private half of generation %d is not sealed", k.Generation)
		}
	}
	var batch pgx.Batch
	batch.Queue(`SELECT set_config('issuer.actor', $1, true)`, actor) // until the transaction ends
	for _, k := range c.Update {
		batch.Queue(updateKey, columns(k))
	}
	for _, k := range c.Insert {
		batch.Queue(insertKey, columns(k))
	}
	if len(c.Delete) > 0 {
		batch.Queue(`DELETE FROM issuer.keys WHERE generation = any(@generations)`, pgx.NamedArgs{"generations": c.Delete})
	}
	batch.Queue(touchRing, pgx.NamedArgs{
		"found": c.Found, "now": next.Now, "version": next.Version, "adoption": next.Adoption,
	})
	batch.Queue(`SELECT pg_notify($1, '')`, Channel) // sent at commit, in any pooling mode
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("write the ring: %w", err)
	}
	return nil
}

func columns(k keys.Key) pgx.NamedArgs {
	return pgx.NamedArgs{
		"generation":       k.Generation,
		"kid":              k.KID,
		"alg":              k.Alg,
		"public":           k.Public,
		"private":          orNull(k.Private),
		"published_at":     k.PublishedAt,
		"signs_from":       k.SignsFrom,
		"revoked_at":       orNull(k.RevokedAt),
		"reason":           k.Reason,
		"mac":              k.MAC,
		"promised_ttl":     toSeconds(k.Promised.TTL),
		"promised_max_age": toSeconds(k.Promised.MaxAge),
		"promised_cdn_ttl": toSeconds(k.Promised.CDNTTL),
		"promised_stale":   toSeconds(k.Promised.Stale),
	}
}

// orNull returns nil, which is NULL, for a zero value.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
