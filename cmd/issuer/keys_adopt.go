package main

import (
	"context"
	"fmt"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
)

type keysAdoptCmd struct {
	Above int64         `help:"New keys get generations above this one too: the highest that logs or people remember."`
	Wait  time.Duration `default:"40s" help:"How long to wait for replicas to put back what the store lost."`
	Force bool          `help:"Go on without replicas that have not put back what they hold by then: they are gone for good."`
	Yes   bool          `help:"Do not ask."`
	JSON  bool          `help:"Print what was done as JSON."`
}

func (c *keysAdoptCmd) Run(ctx context.Context, p *program) error {
	if c.Above < 0 {
		return usagef("--above is %d; it wants a generation", c.Above)
	}
	tools, err := p.openRing(ctx)
	if err != nil {
		return err
	}
	defer tools.close()
	before, err := tools.store.Load(ctx)
	if err != nil {
		return err
	}
	if err := before.Adoptable(c.Above); err != nil {
		return err
	}
	if err := before.Dispute(); err != nil {
		fmt.Fprintf(p.stderr, "The key store is disputed: %s.\n", lines(err.Error()))
	}
	if live := before.Replicas(); len(live) > 0 {
		fmt.Fprintf(p.stderr, "Those of these replicas that run will put back what they hold and the store lost, then the ring goes on from there: %s.\n", names(live, before.Now))
	} else {
		fmt.Fprintln(p.stderr, "No replica runs that could put back what the store lost: the ring goes on from what the store holds.")
	}
	if err := p.confirm(ctx, c.Yes, "Adopt the key store?"); err != nil {
		return err
	}
	if err := keys.BeginAdoption(ctx, tools.store, c.Above); err != nil {
		return err
	}
	wait := c.Wait
	if len(before.Replicas()) == 0 {
		wait = 0
	}
	followed := func(s keys.State) bool { return s.Mended(c.Above) && len(s.Unconfirmed(s.Version)) == 0 }
	_, stop := p.during("waiting for the replicas to put back what they hold")
	after, err := awaitState(ctx, tools.store, wait, followed)
	stop()
	if err != nil {
		return err
	}
	if behind := after.Unsettled(0); len(behind) > 0 && c.Force {
		fmt.Fprintf(p.stderr, "Going on without what these hold: %s.\n", names(behind, after.Now))
		if err := keys.Abandon(ctx, tools.store, after, behind); err != nil {
			return err
		}
	} else if len(behind) > 0 {
		return fmt.Errorf("these have not put back what they hold: %s; see to them and run this again, or say --force if they are gone for good",
			names(behind, after.Now))
	}
	result, err := keys.FinishAdoption(ctx, tools.store, tools.sealer, tools.settings.keysPolicy(), c.Above)
	if err != nil {
		return err
	}
	return p.writeResult(result, c.JSON, "the store holds what everybody has seen")
}
