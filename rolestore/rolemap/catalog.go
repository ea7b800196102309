package rolemap

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// Channel is what Postgres notifies whenever root fields of roles have changed.
const Channel = "issuer_mapped_roles"

// loadTimeout bounds the reading of everything.
const loadTimeout = 30 * time.Second

// Catalog holds in memory which root fields every role owns. All its methods may
// be called at the same time.
type Catalog struct {
	store      *Store
	ttl, stale time.Duration
	now        func() time.Time
	wake       chan struct{}

	mu      sync.RWMutex // guards what follows
	version int64
	fields  map[string]map[string]bool // by role; never altered, only replaced
	seen    time.Time                  // when it was known to be as the database is; zero: never
}

// NewCatalog makes an empty one, which Run fills. It looks whether something has
// changed every ttl, and answers for at most stale while the database is down.
func NewCatalog(store *Store, ttl, stale time.Duration) *Catalog {
	return &Catalog{store: store, ttl: ttl, stale: stale, now: time.Now, wake: make(chan struct{}, 1)}
}

// Owner returns the first of roles that owns all the root fields: of no fields,
// the first. It returns "" if none does, and fails with rolestore.ErrUnavailable
// while that is not known.
func (c *Catalog) Owner(roles, fields []string) (string, error) {
	c.mu.RLock()
	owned, seen := c.fields, c.seen
	c.mu.RUnlock()
	if seen.IsZero() || c.now().Sub(seen) > c.stale {
		return "", fmt.Errorf("which root fields roles own: %w", rolestore.ErrUnavailable)
	}
	for _, role := range roles {
		if ownsAll(owned[role], fields) {
			return role, nil
		}
	}
	return "", nil
}

func ownsAll(owned map[string]bool, fields []string) bool {
	for _, field := range fields {
		if !owned[field] {
			return false
		}
	}
	return true
}

// Wake has Run look at once.
func (c *Catalog) Wake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Run keeps the catalog fresh until ctx ends. It hands a failure to report, once
// for as long as it lasts, and nil when it is over.
func (c *Catalog) Run(ctx context.Context, report func(error)) {
	ticker := time.NewTicker(c.ttl)
	defer ticker.Stop()
	failing := false
	for {
		err := c.refresh(ctx)
		if ctx.Err() != nil {
			return
		}
		if (err != nil) != failing {
			report(err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-c.wake:
		}
	}
}

// refresh reads everything again, if anything has changed.
func (c *Catalog) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	began := c.now()
	c.mu.RLock()
	version, known := c.version, !c.seen.IsZero()
	c.mu.RUnlock()
	var fields map[string]map[string]bool
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly} // version and fields of one moment
	err := pgx.BeginTxFunc(ctx, c.store.pool, options, func(tx pgx.Tx) error {
		var newest int64
		if err := tx.QueryRow(ctx, `SELECT version FROM issuer.mapped_state`).Scan(&newest); err != nil {
			return err
		}
		if known && newest == version {
			return nil
		}
		version = newest
		var err error
		fields, err = readFields(ctx, tx)
		return err
	})
	if err != nil {
		return errors.Join(fmt.Errorf("read which root fields roles own: %w", rolestore.ErrUnavailable), err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = began
	if fields != nil {
		c.version, c.fields = version, fields
	}
	return nil
}

func readFields(ctx context.Context, tx pgx.Tx) (map[string]map[string]bool, error) {
	rows, err := tx.Query(ctx, `SELECT role, field FROM issuer.mapped_fields`)
	if err != nil {
		return nil, err
	}
	fields := map[string]map[string]bool{}
	var role, field string
	_, err = pgx.ForEachRow(rows, []any{&role, &field}, func() error {
		if fields[role] == nil {
			fields[role] = map[string]bool{}
		}
		fields[role][field] = true
		return nil
	})
	return fields, err
}
