package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// PostgresStore keeps a ring in the tables issuer.keys and issuer.ring, for any
// number of processes. It takes only sealed private keys.
type PostgresStore struct {
	pool *pgxpool.Pool
}

// NewPostgresStore returns the store in the database of the pool, which stays
// the caller's to close. It does not connect. Calls end with their context.
func NewPostgresStore(pool *pgxpool.Pool) *PostgresStore {
	return &PostgresStore{pool: pool}
}

func (*PostgresStore) sealedOnly() {}

// updateTimeout bounds the time between the clock's reading, which becomes a
// new key's publication, and the moment others can see the key: it eats into
// the skew that the lead allows for.
const updateTimeout = Skew / 2

// loadRing reads everything in one statement, thus as of one moment, and the
// clock at the last row, thus never before that moment. Without a key there is one row all the same.
const loadRing = `
SELECT ring.founded_at IS NOT NULL AS founded, clock_timestamp() AS now,
       keys.generation, keys.kid, keys.alg, keys.public, keys.private, keys.published_at, keys.signs_from,
       keys.revoked_at, keys.reason,
       keys.promised_ttl, keys.promised_max_age, keys.promised_cdn_ttl, keys.promised_stale
  FROM issuer.ring LEFT JOIN issuer.keys ON true
 ORDER BY keys.generation`

// Load reads the ring, as of one moment, without waiting for a change under way.
func (p *PostgresStore) Load(ctx context.Context) (State, error) {
	return loadFrom(ctx, p.pool)
}

// Update is Store's. The lock is that of the single row of issuer.ring.
func (p *PostgresStore) Update(ctx context.Context, decide func(State) (Change, error)) (State, error) {
	ctx, cancel := context.WithTimeout(ctx, updateTimeout)
	defer cancel()
	var next State
	err := pgx.BeginFunc(ctx, p.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT FROM issuer.ring FOR UPDATE`); err != nil {
			return fmt.Errorf("lock the ring: %w", err)
		}
		s, err := loadFrom(ctx, tx) // a statement of its own: it sees what was committed while we waited
		if err != nil {
			return err
		}
		change, err := decide(s.clone())
		if err != nil {
			return err
		}
		if next, err = s.apply(change); err != nil || change.Empty() {
			return err
		}
		return save(ctx, tx, change, s.Now)
	})
	if err != nil {
		return State{}, err
	}
	return next, nil
}

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func loadFrom(ctx context.Context, db querier) (State, error) {
	rows, err := db.Query(ctx, loadRing)
	if err != nil {
		return State{}, fmt.Errorf("read the ring: %w", err)
	}
	read, err := pgx.CollectRows(rows, pgx.RowToStructByName[row])
	if err != nil {
		return State{}, fmt.Errorf("read the ring: %w", err)
	}
	if len(read) == 0 {
		return State{}, errors.New("read the ring: issuer.ring has lost its row: restore the database")
	}
	var s State
	for _, r := range read {
		s.Founded, s.Now = r.Founded, later(s.Now, storeTime(r.Now))
		if r.Generation != nil {
			s.Keys = append(s.Keys, r.key())
		}
	}
	if s, err = s.sound(); err != nil {
		return State{}, fmt.Errorf("read the ring: %w", err)
	}
	return s, nil
}

// row is one of loadRing's. Everything of a key is null where there is none.
type row struct {
	Founded        bool
	Now            time.Time
	Generation     *int64
	KID            *string
	Alg            *Alg
	Public         []byte
	Private        *PrivateJWK
	PublishedAt    *time.Time
	SignsFrom      *time.Time
	RevokedAt      *time.Time
	Reason         *string
	PromisedTTL    *int64
	PromisedMaxAge *int64
	PromisedCDNTTL *int64
	PromisedStale  *int64
}

func (r row) key() Key {
	return Key{
		Generation:  *r.Generation,
		KID:         value(r.KID),
		Alg:         value(r.Alg),
		Public:      r.Public,
		Private:     value(r.Private),
		PublishedAt: storeTime(value(r.PublishedAt)),
		SignsFrom:   storeTime(value(r.SignsFrom)),
		RevokedAt:   storeTime(value(r.RevokedAt)),
		Reason:      value(r.Reason),
		Promised: Promise{
			TTL:    fromSeconds(value(r.PromisedTTL)),
			MaxAge: fromSeconds(value(r.PromisedMaxAge)),
			CDNTTL: fromSeconds(value(r.PromisedCDNTTL)),
			Stale:  fromSeconds(value(r.PromisedStale)),
		},
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
INSERT INTO issuer.keys (generation, kid, alg, public, private, published_at, signs_from, revoked_at, reason,
                         promised_ttl, promised_max_age, promised_cdn_ttl, promised_stale)
VALUES (@generation, @kid, @alg, @public, @private, @published_at, @signs_from, @revoked_at, @reason,
        @promised_ttl, @promised_max_age, @promised_cdn_ttl, @promised_stale)`

	updateKey = `
UPDATE issuer.keys
   SET private = @private, signs_from = @signs_from, revoked_at = @revoked_at, reason = @reason,
       promised_ttl = @promised_ttl, promised_max_age = @promised_max_age,
       promised_cdn_ttl = @promised_cdn_ttl, promised_stale = @promised_stale
 WHERE generation = @generation`

	touchRing = `
UPDATE issuer.ring
   SET version = version + 1, founded_at = CASE WHEN @found THEN coalesce(founded_at, @now) ELSE founded_at END`
)

// save writes a change that apply let pass, in one round trip.
func save(ctx context.Context, tx pgx.Tx, c Change, now time.Time) error {
	for _, k := range slices.Concat(c.Insert, c.Update) {
		if k.Private != "" && !k.Private.sealed() {
			return fmt.Errorf("write the ring: the private half of generation %d is not sealed", k.Generation)
		}
	}
	var batch pgx.Batch
	for _, k := range c.Update {
		batch.Queue(updateKey, columns(k))
	}
	for _, k := range c.Insert {
		batch.Queue(insertKey, columns(k))
	}
	if len(c.Delete) > 0 {
		batch.Queue(`DELETE FROM issuer.keys WHERE generation = any(@generations)`, pgx.NamedArgs{"generations": c.Delete})
	}
	batch.Queue(touchRing, pgx.NamedArgs{"found": c.Found, "now": now})
	if err := tx.SendBatch(ctx, &batch).Close(); err != nil {
		return fmt.Errorf("write the ring: %w", err)
	}
	return nil
}

func columns(k Key) pgx.NamedArgs {
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
