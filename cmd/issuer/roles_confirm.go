package main

import (
	"context"
	"os"
	"os/user"
	"slices"
	"strconv"
	"time"

	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// confirmChange asks what there is to ask. What only adds one entry that somebody has just spelled out asks nothing.
func (p *program) confirmChange(ctx context.Context, flags changeFlags, words wording, diff rolestore.Diff) error {
	if words.asksAlways || len(diff.Grants.Added)+len(diff.Blocks.Added) == 0 && !renews(diff.Blocks, time.Now()) {
		if err := p.confirm(ctx, flags.Yes, words.question); err != nil {
			return err
		}
	}
	return p.confirmLoss(ctx, words.confirmed, diff.Loss)
}

// renews tells whether all that changes are blocks that are over: such a one counts as none, and the next must not wait.
func renews(blocks rolestore.Changes[rolestore.Block], now time.Time) bool {
	inForce := func(c rolestore.Change[rolestore.Block]) bool { return issuer.Blocks(c.Before, now) }
	return len(blocks.Changed) > 0 && len(blocks.Removed) == 0 && !slices.ContainsFunc(blocks.Changed, inForce)
}

// confirmLoss asks a second question about what a slip would cost most. An answer to the first one is none to it.
func (p *program) confirmLoss(ctx context.Context, confirmed bool, loss rolestore.Loss) error {
	if confirmed || !loss.IsGrave() {
		return nil
	}
	if !p.terminal {
		return usagef("%s: this takes --confirm-removal as well as --yes", cell(costs(loss)))
	}
	return p.confirm(ctx, false, cell(costs(loss))+". Remove them all the same?")
}

// operator names who changes roles, for the record: as the flag says, or the account and the machine this runs on.
func operator(as string) string {
	if as != "" {
		return "cli:" + as
	}
	name := "uid-" + strconv.Itoa(os.Getuid()) // an image need not know its user by name
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return "cli:" + name + "@" + host
}
