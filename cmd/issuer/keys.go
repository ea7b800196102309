package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

type keysListCmd struct {
	JSON bool `help:"Print as JSON."`
}

func (c *keysListCmd) Run(ctx context.Context, p *program) error {
	s, err := load(p.environ, needKeys)
	if err != nil {
		return err
	}
	state, err := readRing(ctx, s)
	if err != nil {
		return err
	}
	list := keys.List(state, state.Now)
	if c.JSON {
		return printJSON(p.stdout, list)
	}
	return writeKeys(p.stdout, list)
}

// readRing reads the ring as it is stored, without any lock, so that it works beside a running service.
func readRing(ctx context.Context, s settings) (keys.State, error) {
	if s.KeysFile != "" {
		return keystore.ReadFile(s.KeysFile, time.Now())
	}
	pool, err := openMigrated(ctx, s)
	if err != nil {
		return keys.State{}, err
	}
	defer pool.Close()
	return keystore.NewPostgres(pool).Load(ctx)
}

func writeKeys(w io.Writer, list []keys.Info) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(w, "no keys yet; issuer serve or issuer keys rotate makes the first ones")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "GEN\tKID\tALG\tSTATE\tPUBLISHED\tSIGNS FROM\tRETIRES\tDROPPED")
	for _, k := range list {
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.Generation, k.KID, k.Alg, k.State,
			orDash(k.PublishedAt), orDash(k.SignsFrom), orDash(k.RetiresAt), orDash(k.DroppedAt))
	}
	return table.Flush()
}

// orDash is timeOrDash for a time that may not be known.
func orDash(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return timeOrDash(*t)
}

// timeOrDash is t in UTC by RFC 3339, or a dash for no time at all.
func timeOrDash(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

type keysRotateCmd struct {
	JSON bool `help:"Print what was done as JSON."`
}

func (c *keysRotateCmd) Run(ctx context.Context, p *program) error {
	s, err := load(p.environ, needKeys)
	if err != nil {
		return err
	}
	svc := &service{settings: s, log: p.logger(s)}
	defer svc.close()
	pool, err := svc.openDatabase(ctx)
	if err != nil {
		return err
	}
	store, sealer, err := svc.openKeys(pool)
	if err != nil {
		return err
	}
	result, err := keys.Rotate(ctx, store, sealer, s.keysPolicy())
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.stdout, result)
	}
	return writeRotation(p.stdout, result)
}

func writeRotation(w io.Writer, result keys.Result) error {
	for _, k := range result.Inserted {
		if _, err := fmt.Fprintf(w, "published generation %d (%s), signs from %s\n", k.Generation, k.KID, timeOrDash(k.SignsFrom)); err != nil {
			return err
		}
	}
	if result.Empty() {
		_, err := fmt.Fprintln(w, "nothing is due")
		return err
	}
	if n := len(result.Raised) + len(result.Wiped) + len(result.Pruned); n > 0 {
		_, err := fmt.Fprintf(w, "promises raised on %d keys, %d private halves wiped, %d old rows removed\n",
			len(result.Raised), len(result.Wiped), len(result.Pruned))
		return err
	}
	return nil
}
