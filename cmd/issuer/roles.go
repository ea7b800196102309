package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/user"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

type rolesListCmd struct {
	JSON bool `help:"Print as JSON."`
}

func (c *rolesListCmd) Run(ctx context.Context, p *program) error {
	document, err := readRoles(ctx, p)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.stdout, document)
	}
	return writeRoles(p.stdout, document)
}

type rolesExportCmd struct{}

func (c *rolesExportCmd) Run(ctx context.Context, p *program) error {
	document, err := readRoles(ctx, p)
	if err != nil {
		return err
	}
	text, err := document.YAML()
	if err != nil {
		return err
	}
	_, err = p.stdout.Write(text)
	return err
}

// readRoles reads all grants and blocks from wherever the settings keep them.
func readRoles(ctx context.Context, p *program) (rolestore.Document, error) {
	s, err := load(p.environ, needRoles)
	if err != nil {
		return rolestore.Document{}, err
	}
	if s.RolesFile != "" {
		return readDocument(s.RolesFile, "ISSUER_ROLES_FILE", s)
	}
	pool, err := openMigrated(ctx, s)
	if err != nil {
		return rolestore.Document{}, err
	}
	defer pool.Close()
	return rolestore.NewPostgres(pool, s.roleRules()).Export(ctx)
}

func writeRoles(w io.Writer, d rolestore.Document) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TENANT\tPRINCIPAL\tROLE\tPRIORITY\tFROM\tUNTIL\tSESSION\tREASON")
	for _, g := range d.Grants {
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", g.Tenant, g.Principal, cell(g.Role), g.Priority,
			timeOrDash(g.From), timeOrDash(g.Until), cell(sessionText(g.Session)), cell(g.Reason))
	}
	for _, b := range d.Blocks {
		fmt.Fprintf(table, "%s\t%s\t(blocked)\t\t\t%s\t\t%s\n", b.Tenant, b.Principal, timeOrDash(b.Until), cell(b.Reason))
	}
	return table.Flush()
}

// sessionText writes session variables for a table: x-hasura-org-id=42 x-hasura-regions=[eu,us].
func sessionText(session map[string]rolestore.Value) string {
	pairs := make([]string, 0, len(session))
	for _, name := range slices.Sorted(maps.Keys(session)) {
		text := session[name].Text()
		if session[name].IsList() {
			text = "[" + strings.Join(session[name].List(), ",") + "]"
		}
		pairs = append(pairs, name+"="+text)
	}
	return strings.Join(pairs, " ")
}

type rolesApplyCmd struct {
	File   string `short:"f" required:"" placeholder:"FILE" help:"The roles file, or - for standard input."`
	Prune  bool   `help:"Also remove what the file does not say."`
	DryRun bool   `help:"Show the difference and change nothing."`
	Yes    bool   `help:"Do not ask."`
}

func (c *rolesApplyCmd) Run(ctx context.Context, p *program) error {
	s, err := load(p.environ, needRoles)
	if err != nil {
		return err
	}
	if s.RolesFile != "" {
		return usagef("roles are kept in the file ISSUER_ROLES_FILE names; edit the file")
	}
	document, err := readDocument(c.File, "the roles file", s)
	if c.File == "-" {
		document, err = parseDocument(p.stdin, "standard input", s)
	}
	if err != nil {
		return err
	}
	pool, err := openMigrated(ctx, s)
	if err != nil {
		return err
	}
	defer pool.Close()
	store := rolestore.NewPostgres(pool, s.roleRules())
	options := rolestore.ApplyOptions{Prune: c.Prune, By: operator()}
	diff, err := store.Plan(ctx, document, options)
	if err != nil {
		return err
	}
	if _, err := diff.WriteTo(p.stdout); err != nil {
		return err
	}
	if err := p.sayKept(diff.Kept); err != nil {
		return err
	}
	if diff.Empty() || c.DryRun {
		return p.say(map[bool]string{true: "nothing to change", false: "nothing was changed: --dry-run"}[diff.Empty()])
	}
	if err := p.confirm(ctx, c.Yes, "Apply these changes?"); err != nil {
		return err
	}
	options.Confirmed = &diff
	if _, err = store.Apply(ctx, document, options); err != nil {
		return err
	}
	return p.say("applied")
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

// readDocument reads the roles file at path; source names it in errors.
func readDocument(path, source string, s settings) (rolestore.Document, error) {
	file, err := os.Open(path) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return rolestore.Document{}, usagef("%s: %s: %w", source, shown(path), pathless(err))
	}
	defer file.Close() // nothing was written
	return parseDocument(file, source, s)
}

func parseDocument(from io.Reader, source string, s settings) (rolestore.Document, error) {
	text, err := io.ReadAll(io.LimitReader(from, rolestore.MaxDocument+1))
	if err != nil {
		return rolestore.Document{}, usageError{fmt.Errorf("read %s: %w", source, err)}
	}
	document, err := rolestore.ParseDocument(text, s.roleRules())
	if err != nil {
		return rolestore.Document{}, usageError{fmt.Errorf("%s is not as it should be:\n%w", source, err)}
	}
	return document, nil
}

// say tells a person how it ended, beside the data on stdout.
func (p *program) say(sentence string) error {
	_, err := fmt.Fprintln(p.stderr, sentence)
	return err
}

// confirm asks question on the terminal. It is nil after yes, or without asking where yes is set.
func (p *program) confirm(ctx context.Context, yes bool, question string) error {
	if yes {
		return nil
	}
	if !p.terminal {
		return usagef("this asks before it changes anything, and there is no terminal to ask on; say --yes")
	}
	fmt.Fprintf(p.stderr, "%s [y/N] ", question)
	answers := make(chan string, 1)
	go func() { // a terminal cannot be read with a deadline; the process ends soon after ctx does
		line, _ := bufio.NewReader(p.stdin).ReadString('\n')
		answers <- line
	}()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case line := <-answers:
		if answer := strings.ToLower(strings.TrimSpace(line)); answer == "y" || answer == "yes" {
			return nil
		}
		return errors.New("nothing was changed")
	}
}

// operator names who changes roles, for the record: the account this command runs under.
func operator() string {
	u, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return u.Username
}
