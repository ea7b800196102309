package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hasura-issuer/hasura-issuer/keys"
)

// pollEvery is how often a command looks whether replicas have followed.
const pollEvery = 500 * time.Millisecond

type keysRevokeCmd struct {
	KID    string        `arg:"" name:"kid" help:"The key, as keys list shows it."`
	Reason string        `help:"Why, for those who read the ring later. No names of people. Required."`
	Force  bool          `help:"Also where no other key is known to every engine: they then refuse tokens for a while."`
	Wait   time.Duration `default:"20s" help:"How long to wait for the replicas to confirm."`
	Yes    bool          `help:"Do not ask."`
	JSON   bool          `help:"Print what was done as JSON."`
}

// followedResult is what a command prints as JSON that waits for replicas.
type followedResult struct {
	keys.Result
	Confirmed   []string `json:"confirmed"`
	Unconfirmed []string `json:"unconfirmed"`
}

func (c *keysRevokeCmd) Run(ctx context.Context, p *program) error {
	if c.Reason == "" || len(c.Reason) > keys.MaxReason { // not by kong, which would name no other thing that is missing
		return usagef("--reason wants 1 to %d bytes: why the key is revoked", keys.MaxReason)
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
	if err := c.ask(ctx, p, before, tools.settings.keysPolicy()); err != nil {
		return err
	}
	result, err := keys.Revoke(ctx, tools.store, tools.sealer, tools.settings.keysPolicy(), c.wish(c.Force))
	if err != nil {
		return err
	}
	wait := c.Wait
	if before.Dispute() != nil {
		wait = 0 // nobody follows
	}
	after, err := p.awaitConfirmed(ctx, tools.store, wait, result.Version)
	if err != nil {
		return fmt.Errorf("the key is revoked, but who holds it could not be read: %w", err)
	}
	return c.report(p, after, result, c.revokedBefore(before))
}

func (c *keysRevokeCmd) wish(force bool) keys.Revocation {
	return keys.Revocation{KID: c.KID, Reason: c.Reason, Force: force}
}

// revokedBefore says when the key was revoked, if it is: there is nothing to ask then.
func (c *keysRevokeCmd) revokedBefore(s keys.State) string {
	for _, k := range keys.List(s, s.Now) {
		if k.KID == c.KID && k.RevokedAt != nil {
			return "the key was revoked already, " + whenRevoked(k)
		}
	}
	return ""
}

// ask says what the revocation does and what it cannot undo, and asks whether to go on.
func (c *keysRevokeCmd) ask(ctx context.Context, p *program, s keys.State, policy keys.Policy) error {
	preview, err := keys.PreviewRevoke(s, policy, c.wish(c.Force))
	if err != nil {
		return orForce(err)
	}
	if c.revokedBefore(s) != "" {
		return nil
	}
	p.describeRevocation(s, preview)
	if _, err := keys.PreviewRevoke(s, policy, c.wish(false)); err != nil {
		fmt.Fprintf(p.stderr, "This breaks something: %v. Engines that do not hold the key which signs then refuse every token until they have fetched it.\n", err)
	}
	return p.confirm(ctx, c.Yes, "Revoke it?")
}

func (p *program) describeRevocation(s keys.State, preview keys.Result) {
	disputed := s.Dispute()
	where := "the key set"
	if disputed != nil {
		fmt.Fprintf(p.stderr, "The key store is disputed: %s.\n", lines(disputed.Error()))
		where = "the key store's ring"
	}
	for _, k := range preview.Revoked {
		fmt.Fprintf(p.stderr, "Generation %d (%s) leaves %s at once.\n", k.Generation, k.KID, where)
	}
	for _, k := range preview.Moved {
		fmt.Fprintf(p.stderr, "Generation %d (%s) signs from now on.\n", k.Generation, k.KID)
	}
	if disputed != nil {
		fmt.Fprintln(p.stderr, "Replicas that run do not follow that: they publish the key, and may sign with it even where the store has it as pending, "+
			"until issuer keys adopt was run or they are stopped.")
	}
	p.describeExposure(s)
	if behind := s.Unconfirmed(s.Version); len(behind) > 0 {
		fmt.Fprintf(p.stderr, "These replicas do not hold the ring as it is now: %s.\n", names(behind, s.Now))
	}
}

func (p *program) describeExposure(s keys.State) {
	exposure := keys.ExposureOf(s)
	fmt.Fprintf(p.stderr, "Forged tokens live on: with Hasura v2 until it fetches the key set again, up to %v; with Hasura v3 until its next request; "+
		"on open sockets until the token says it ends. A replica that is cut off from the store publishes the key for up to %v.\n",
		exposure.Cached, exposure.Stale)
}

func (c *keysRevokeCmd) report(p *program, s keys.State, result keys.Result, already string) error {
	behind := s.Unconfirmed(result.Version)
	if c.JSON {
		return printJSON(p.stdout, followedResult{result, confirmedBeside(s, behind), nameList(behind)})
	}
	if err := p.writeResult(result, false, already); err != nil {
		return err
	}
	if already != "" && !result.Empty() { // what is printed is a rotation that was due
		fmt.Fprintln(p.stderr, already)
	}
	switch {
	case s.Dispute() != nil && len(behind) > 0:
		return p.say(fmt.Sprintf("Replicas do not follow the key store until issuer keys adopt was run: run it now, or stop them. Not confirmed by %s.", names(behind, s.Now)))
	case s.Dispute() != nil:
		return p.say("Nobody follows the key store until issuer keys adopt was run: run it now.")
	case len(behind) > 0:
		return p.say(fmt.Sprintf("Not confirmed by %s: see that they stop, or that they reach the key store.", names(behind, s.Now)))
	default:
		return p.say(fmt.Sprintf("Confirmed by all replicas that run (%d).", len(s.Replicas())))
	}
}

// confirmedBeside are the names of the replicas that are not among behind.
func confirmedBeside(s keys.State, behind []keys.Witness) []string {
	return nameList(slices.DeleteFunc(s.Replicas(), func(w keys.Witness) bool { return slices.Contains(behind, w) }))
}

func nameList(holders []keys.Witness) []string {
	list := []string{}
	for _, w := range holders {
		list = append(list, w.Name)
	}
	return list
}

// awaitConfirmed waits, for as long as given, until all replicas hold that version of the ring, and returns it as it was last.
func (p *program) awaitConfirmed(ctx context.Context, store keys.Store, wait time.Duration, version int64) (keys.State, error) {
	step, stop := p.during("waiting for the replicas to confirm")
	defer stop()
	return awaitState(ctx, store, wait, func(s keys.State) bool {
		all, behind := len(s.Replicas()), len(s.Unconfirmed(version))
		step(all-behind, all)
		return behind == 0
	})
}

// awaitState reads the ring until it is as wanted, or for as long as given, and returns it as it was last.
func awaitState(ctx context.Context, store keys.Store, wait time.Duration, wanted func(keys.State) bool) (keys.State, error) {
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	for {
		s, err := store.Load(ctx)
		if err != nil || wanted(s) {
			return s, err
		}
		select {
		case <-ctx.Done():
			return s, context.Cause(ctx)
		case <-timeout.C:
			return s, nil
		case <-time.After(pollEvery):
		}
	}
}
