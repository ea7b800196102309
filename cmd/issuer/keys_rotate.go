package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
)

type keysRotateCmd struct {
	Now   bool `help:"Make the next key sign now, where every engine knows it; otherwise refuse, and say from when on."`
	Force bool `help:"With --now: also where engines may not know it, which then refuse tokens."`
	Yes   bool `help:"Do not ask before --force."`
	JSON  bool `help:"Print what was done as JSON."`
}

func (c *keysRotateCmd) Run(ctx context.Context, p *program) error {
	if c.Force && !c.Now {
		return usagef("--force is for --now: without it nothing is done that could break anything")
	}
	tools, err := p.openRing(ctx)
	if err != nil {
		return err
	}
	defer tools.close()
	result, err := c.rotate(ctx, p, tools)
	if err != nil {
		return err
	}
	return p.writeResult(result, c.JSON, "nothing is due")
}

func (c *keysRotateCmd) rotate(ctx context.Context, p *program, tools *ringTools) (keys.Result, error) {
	policy := tools.settings.keysPolicy()
	if !c.Now {
		return keys.Rotate(ctx, tools.store, tools.sealer, policy)
	}
	result, err := keys.HandOver(ctx, tools.store, tools.sealer, policy, false)
	early, tooEarly := errors.AsType[*keys.TooEarlyError](err)
	if !tooEarly || !c.Force {
		return result, orForce(err)
	}
	if err := p.warnOfForce(ctx, tools, early, c.Yes); err != nil {
		return keys.Result{}, err
	}
	return keys.HandOver(ctx, tools.store, tools.sealer, policy, true)
}

// orForce names the way out where the only fault is that it is early.
func orForce(err error) error {
	if _, early := errors.AsType[*keys.TooEarlyError](err); early {
		return fmt.Errorf("%w; --force does it now all the same", err)
	}
	return err
}

// warnOfForce says what goes on to break, and asks.
func (p *program) warnOfForce(ctx context.Context, tools *ringTools, early *keys.TooEarlyError, yes bool) error {
	s, err := tools.store.Load(ctx)
	if err != nil {
		return err
	}
	exposure := keys.ExposureOf(s)
	fmt.Fprintf(p.stderr, "%s: %v.\nA Hasura v2 that fetched the key set before the next key was in it refuses every token until it fetches again, up to %v from now "+
		"(up to %v where a replica is cut off from the store). Hasura v3 fetches on each request.\n",
		"Not safe yet", early, exposure.Cached, exposure.Cached+exposure.Stale)
	return p.confirm(ctx, yes, "Go on all the same?")
}

// writeResult prints what was done to the ring; nothing is the sentence for where that is nothing.
func (p *program) writeResult(result keys.Result, asJSON bool, nothing string) error {
	if asJSON {
		return printJSON(p.stdout, result)
	}
	if result.Empty() {
		_, err := fmt.Fprintln(p.stdout, nothing)
		return err
	}
	for _, k := range result.Revoked {
		fmt.Fprintf(p.stdout, "revoked generation %d (%s)\n", k.Generation, k.KID)
	}
	for _, k := range result.Moved {
		fmt.Fprintf(p.stdout, "generation %d (%s) signs from %s\n", k.Generation, k.KID, timeOrDash(k.SignsFrom))
	}
	p.writeInserted("published", result)
	for _, done := range []struct {
		n         int
		one, many string
	}{
		{len(result.Raised), "recorded the lifetimes of these settings with 1 key", "recorded the lifetimes of these settings with %d keys"},
		{len(result.Wiped), "wiped the private half of 1 key", "wiped the private halves of %d keys"},
		{len(result.Resealed), "sealed 1 key anew", "sealed %d keys anew"},
		{len(result.Pruned), "removed the row of 1 key that is long gone", "removed the rows of %d keys that are long gone"},
	} {
		switch done.n {
		case 0:
		case 1:
			fmt.Fprintln(p.stdout, done.one)
		default:
			fmt.Fprintf(p.stdout, done.many+"\n", done.n)
		}
	}
	return nil
}

func (p *program) writeInserted(what string, result keys.Result) {
	for _, k := range result.Inserted {
		fmt.Fprintf(p.stdout, "%s generation %d (%s), signs from %s\n", what, k.Generation, k.KID, timeOrDash(k.SignsFrom))
	}
}

type keysPlanCmd struct {
	Days int  `default:"30" help:"How many days to look ahead."`
	JSON bool `help:"Print as JSON."`
}

const maxPlanDays = 3650

func (c *keysPlanCmd) Run(ctx context.Context, p *program) error {
	if c.Days < 1 || c.Days > maxPlanDays {
		return usagef("--days is %d; it wants a number from 1 to %d", c.Days, maxPlanDays)
	}
	s, err := load(p.environ, needKeys)
	if err != nil {
		return err
	}
	state, err := readRing(ctx, s)
	if err != nil {
		return err
	}
	sealer, err := p.sealerOf(ctx, s)
	if err != nil {
		return err
	}
	forecast, err := keys.Plan(state, sealer, s.keysPolicy(), time.Duration(c.Days)*24*time.Hour)
	if err != nil {
		return usageError{err}
	}
	if c.JSON {
		err = printJSON(p.stdout, forecast)
	} else {
		err = p.writePlan(forecast)
	}
	if err != nil {
		return err
	}
	for _, check := range forecast.Checks {
		if !check.Holds {
			return fmt.Errorf("invariant %d does not hold: %s", check.Invariant, check.Says)
		}
	}
	return nil
}

func (p *program) writePlan(forecast keys.Forecast) error {
	if err := writeKeys(p.stdout, forecast.Keys); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "\nas far as %s, rotated in time:\n", timeOrDash(forecast.Until))
	if forecast.Cut {
		fmt.Fprintln(p.stdout, "  (the plan stops there: it would be longer than anybody reads)")
	}
	for _, check := range forecast.Checks {
		mark := map[bool]string{true: "ok", false: "BROKEN"}[check.Holds]
		if _, err := fmt.Fprintf(p.stdout, "  %-6s %d  %s\n", mark, check.Invariant, check.Says); err != nil {
			return err
		}
	}
	return nil
}
