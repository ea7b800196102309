package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// changeFlags are those of every command that changes roles.
type changeFlags struct {
	DryRun bool   `help:"Show the difference and change nothing."`
	Yes    bool   `help:"Do not ask."`
	As     string `placeholder:"NAME" help:"Who changes it, for the history, instead of the account and the machine this runs on: for pipelines."`
	JSON   bool   `name:"json" help:"Print what was changed as JSON."`
}

type rolesApplyCmd struct {
	File  string `short:"f" required:"" placeholder:"FILE" help:"The roles file, or - for standard input."`
	Prune bool   `help:"Also remove what the file does not say."`
	changeFlags
	ConfirmRemoval bool `help:"Do not ask the second question either, where a role loses its last grant or more than a tenth of all grants go."`
}

func (c *rolesApplyCmd) Run(ctx context.Context, p *program) error {
	s, err := load(p.environ, needRoles)
	if err != nil {
		return err
	}
	if err := refuseRolesFile(s); err != nil {
		return err
	}
	if err := refuseUnasked(s); err != nil {
		return err
	}
	document, err := c.document(p, s)
	if err != nil {
		return err
	}
	pool, err := openMigrated(ctx, s)
	if err != nil {
		return err
	}
	defer pool.Close()
	store := rolestore.NewPostgres(pool, s.roleRules())
	words := wording{done: "applied", already: "nothing to change", question: "Apply these changes?", asksAlways: true, confirmed: c.ConfirmRemoval}
	return p.changeRoles(ctx, c.changeFlags, words, rolestore.ApplyOptions{Prune: c.Prune}, func(ctx context.Context, options rolestore.ApplyOptions) (rolestore.Diff, error) {
		return store.Apply(ctx, document, options)
	})
}

func (c *rolesApplyCmd) document(p *program, s settings) (rolestore.Document, error) {
	if c.File == "-" {
		return parseDocument(p.stdin, "standard input", s)
	}
	_, stop := p.during("reading roles")
	defer stop()
	return readDocument(c.File, "the roles file", s)
}

// wording is how a command that changes roles speaks.
type wording struct {
	done, already string
	missing       string // the error where nothing is there to remove; empty: that is no error
	question      string
	asksAlways    bool // also before it only adds
	confirmed     bool // the second question is answered
}

const maxAs = 200

// outcome is what such a command prints as JSON.
type outcome struct {
	rolestore.Diff
	Applied bool `json:"applied"`
}

// changeRoles shows what change would do, asks, and has it done if it still is the same.
func (p *program) changeRoles(ctx context.Context, flags changeFlags, words wording, options rolestore.ApplyOptions,
	change func(context.Context, rolestore.ApplyOptions) (rolestore.Diff, error),
) error {
	if len(flags.As) > maxAs || cell(flags.As) != flags.As {
		return usagef("--as: want a name of at most %d printable characters", maxAs)
	}
	options.By, options.DryRun = operator(flags.As), true
	_, stop := p.during("comparing roles")
	diff, err := change(ctx, options)
	stop()
	if err != nil {
		return err
	}
	if diff.Empty() && words.missing != "" {
		return errors.New(words.missing)
	}
	if err := p.showChange(flags, diff); err != nil {
		return err
	}
	if diff.Empty() || flags.DryRun {
		return p.sayChange(flags, outcome{diff, false}, words.unchanged(diff))
	}
	if err := p.confirmChange(ctx, flags, words, diff); err != nil {
		return err
	}
	options.DryRun, options.Confirmed = false, &diff
	options.Progress, stop = p.during("changing roles")
	diff, err = change(ctx, options)
	stop()
	if err != nil {
		return err
	}
	return p.sayChange(flags, outcome{diff, true}, words.done)
}

// unchanged says why nothing was changed, and of a dry run what else there will be to answer.
func (w wording) unchanged(diff rolestore.Diff) string {
	if diff.Empty() {
		return w.already
	}
	return w.dryRun(diff.Loss)
}

func (w wording) dryRun(loss rolestore.Loss) string {
	if loss.IsGrave() && !w.confirmed {
		return "nothing was changed: --dry-run; this will ask a second time (--confirm-removal), since " + cell(costs(loss))
	}
	return "nothing was changed: --dry-run"
}

// costs says what a loss is.
func costs(loss rolestore.Loss) string {
	text := fmt.Sprintf("%d of all %d grants go", loss.Removed, loss.Present)
	if len(loss.Roles) > 0 {
		text += ", and with them the last of " + strings.Join(loss.Roles, ", ")
	}
	return text
}

// showChange writes the difference to stdout, or, where that is for JSON, to the person who will be asked about it.
func (p *program) showChange(flags changeFlags, diff rolestore.Diff) error {
	out := p.stdout
	if flags.JSON {
		out = p.stderr
		if !p.terminal {
			out = io.Discard
		}
	}
	if _, err := diff.WriteTo(out); err != nil {
		return err
	}
	if err := p.sayOver(diff.Over(time.Now())); err != nil {
		return err
	}
	return p.sayKept(diff.Kept)
}

// sayOver tells of entries that are over and come all the same: they were not when somebody exported them.
func (p *program) sayOver(n int) error {
	switch n {
	case 0:
		return nil
	case 1:
		return p.say("note: 1 entry that is added or changed is over already, and never in force")
	}
	return p.say(fmt.Sprintf("note: %d entries that are added or changed are over already, and never in force", n))
}

func (p *program) sayChange(flags changeFlags, o outcome, sentence string) error {
	if flags.JSON {
		if err := printJSON(p.stdout, o); err != nil {
			return err
		}
	}
	return p.say(sentence)
}

// sayKept tells how many entries nobody asked for stay.
func (p *program) sayKept(n int) error {
	switch n {
	case 0:
		return nil
	case 1:
		return p.say("1 entry is not in the file and stays; --prune removes it")
	}
	return p.say(fmt.Sprintf("%d entries are not in the file and stay; --prune removes them", n))
}
