package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

type keysCmd struct {
	List   keysListCmd   `cmd:"" help:"Print the ring as it is, and who holds it."`
	Plan   keysPlanCmd   `cmd:"" help:"Print what becomes of the ring with these settings, and check its promises."`
	Rotate keysRotateCmd `cmd:"" help:"Do the rotation that is due, if any. Safe to run at any time, by anyone, any number of times."`
	Revoke keysRevokeCmd `cmd:"" help:"Take a key out of the key set at once, because it leaked."`
	Reseal keysResealCmd `cmd:"" help:"Seal all private keys with the first key-encryption key, so that the others can be taken away."`
	Import keysImportCmd `cmd:"" help:"Bring the ring of a keys file into an empty store."`
	Wrap   keysWrapCmd   `cmd:"" help:"Make a key-encryption key that only Azure Key Vault can open."`
	Adopt  keysAdoptCmd  `cmd:"" help:"Go on with a store that was restored from a backup, although replicas have seen more."`
}

// ringTools is what a command needs to change the ring.
type ringTools struct {
	settings settings
	store    keys.Store
	sealer   *keys.Sealer
	close    func()
}

// openRing opens the ring's store for writing. The caller closes it.
func (p *program) openRing(ctx context.Context) (*ringTools, error) {
	s, err := load(p.environ, needKeys)
	if err != nil {
		return nil, err
	}
	svc := &service{settings: s, log: openLog(s, p.stderr, p.colour).logger(), azure: p.azure}
	var pool *pgxpool.Pool
	if s.KeysFile == "" {
		if pool, err = openMigrated(ctx, s); err != nil {
			return nil, err
		}
		svc.onClose(pool.Close)
	}
	store, sealer, err := svc.openKeys(pool)
	if err != nil {
		svc.close()
		return nil, err
	}
	if err := suits(ctx, store, sealer); err != nil {
		svc.close()
		return nil, err
	}
	_ = sealer.Fetch(ctx) // a key that is missing is named by what needs it; what needs none goes on
	return &ringTools{settings: svc.settings, store: store, sealer: sealer, close: svc.close}, nil
}

// sealerWait is how long a command that only reads waits for a vault: without it, it tells less.
const sealerWait = 5 * time.Second

// sealerOf is what rows are held against by a command that changes nothing.
func (p *program) sealerOf(ctx context.Context, s settings) (*keys.Sealer, error) {
	sealer, err := s.newSealer(p.azure)
	if err != nil {
		return nil, usageError{fmt.Errorf("ISSUER_KEYS_ENCRYPTION_KEY: %w", err)}
	}
	ctx, cancel := context.WithTimeout(ctx, sealerWait)
	defer cancel()
	_ = sealer.Fetch(ctx) // a key that is missing is named where it is needed
	return sealer, nil
}

// suits refuses a store that is sealed otherwise than the settings say, before anything is asked or done.
func suits(ctx context.Context, store keys.Store, sealer *keys.Sealer) error {
	s, err := store.Load(ctx)
	if err != nil {
		return err
	}
	return sealer.CheckSealing(s)
}

// readRing reads the ring as it is stored, without any lock, so that it works beside a running service.
func readRing(ctx context.Context, s settings) (keys.State, error) {
	if s.KeysFile != "" {
		return readKeysFile(s.KeysFile)
	}
	pool, err := openMigrated(ctx, s)
	if err != nil {
		return keys.State{}, err
	}
	defer pool.Close()
	return keystore.NewPostgres(pool).Load(ctx)
}

type keysResealCmd struct {
	Wait time.Duration `default:"20s" help:"How long to wait for the replicas to confirm."`
	JSON bool          `help:"Print what was done as JSON."`
}

func (c *keysResealCmd) Run(ctx context.Context, p *program) error {
	tools, err := p.openRing(ctx)
	if err != nil {
		return err
	}
	defer tools.close()
	if tools.sealer == nil {
		return usagef("ISSUER_KEYS_ENCRYPTION_KEY is not set; it wants the key-encryption key to seal with")
	}
	result, err := keys.Reseal(ctx, tools.store, tools.sealer)
	if err != nil {
		return err
	}
	after, err := p.awaitConfirmed(ctx, tools.store, c.Wait, result.Version)
	if err != nil {
		return fmt.Errorf("the keys are sealed anew, but who holds them could not be read: %w", err)
	}
	behind := after.Unconfirmed(result.Version)
	if c.JSON {
		return printJSON(p.stdout, followedResult{result, confirmedBeside(after, behind), nameList(behind)})
	}
	if err := p.writeResult(result, false, "every key is sealed with the first key-encryption key already"); err != nil || len(behind) == 0 {
		return err
	}
	return p.say(fmt.Sprintf("Not confirmed by %s: see that they run with key-encryption key %q, or they stop at their staleness limit.",
		names(behind, after.Now), tools.settings.KeysEncryptionKey.keks[0].ID))
}

type keysImportCmd struct {
	File string `arg:"" help:"The keys file."`
	JSON bool   `help:"Print what was done as JSON."`
}

func (c *keysImportCmd) Run(ctx context.Context, p *program) error {
	from, err := os.Stat(c.File)
	if err != nil {
		return usageError{err}
	}
	tools, err := p.openRing(ctx)
	if err != nil {
		return err
	}
	defer tools.close()
	if to, err := os.Stat(tools.settings.KeysFile); err == nil && os.SameFile(from, to) {
		return usagef("%s is what ISSUER_KEYS_FILE names; the ring is there already", c.File)
	}
	ring, free, err := keystore.ReadUnused(c.File, time.Now())
	if errors.Is(err, keystore.ErrInUse) {
		return err
	}
	if err != nil {
		return usageError{err}
	}
	defer free()
	result, err := keys.Import(ctx, tools.store, tools.sealer, ring)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.stdout, result)
	}
	p.writeInserted("imported", result) // published they were long ago
	return nil
}

// names lists holders in a sentence, and when each was seen last: a backup brings back the names of processes that are gone.
func names(holders []keys.Witness, now time.Time) string {
	all := make([]string, len(holders))
	for i, w := range holders {
		all[i] = fmt.Sprintf("%s (last seen %s ago)", cell(w.Name), age(now.Sub(w.SeenAt)))
	}
	return strings.Join(all, ", ")
}

// age is a duration as people say it: 41s, 7m, 3h.
func age(d time.Duration) string {
	switch d = max(0, d); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	default:
		return fmt.Sprintf("%dh", d/time.Hour)
	}
}
