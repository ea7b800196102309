package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/screen"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

type rolesListCmd struct {
	filterFlags
	Blocks  bool `help:"Only blocks."`
	Expired bool `help:"Only what is no longer in force."`
	JSON    bool `help:"Print as JSON."`
}

func (c *rolesListCmd) Run(ctx context.Context, p *program) error {
	filter, err := c.filter()
	if err != nil {
		return err
	}
	if c.Blocks && c.Role != "" {
		return usagef("--blocks and --role exclude each other: a block has no role")
	}
	document, err := readRoles(ctx, p)
	if err != nil {
		return err
	}
	c.choose(&document, filter, time.Now())
	if c.JSON {
		return printJSON(p.stdout, document)
	}
	return writeRoles(p.stdout, document)
}

// choose leaves out what was not asked for.
func (c *rolesListCmd) choose(d *rolestore.Document, filter rolestore.Filter, now time.Time) {
	isOver := func(until time.Time) bool { return !until.IsZero() && !until.After(now) }
	d.Grants = slices.DeleteFunc(d.Grants, func(g rolestore.Grant) bool {
		return c.Blocks || !filter.Matches(g.Tenant, g.Principal, g.Role) || c.Expired && !isOver(g.Until)
	})
	d.Blocks = slices.DeleteFunc(d.Blocks, func(b rolestore.Block) bool {
		return !filter.Matches(b.Tenant, b.Principal, "") || c.Expired && !isOver(b.Until)
	})
}

type rolesExportCmd struct {
	JSON bool `help:"Print as JSON instead, as roles list does."`
}

func (c *rolesExportCmd) Run(ctx context.Context, p *program) error {
	document, err := readRoles(ctx, p)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.stdout, document)
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
	if s.RolesQueryFile != "" {
		if err := p.say("note: " + unasked); err != nil {
			return rolestore.Document{}, err
		}
	}
	pool, err := openMigrated(ctx, s)
	if err != nil {
		return rolestore.Document{}, err
	}
	defer pool.Close()
	return rolestore.NewPostgres(pool, s.roleRules()).Export(ctx)
}

// refuseRolesFile is for commands that change roles: whoever keeps them in a file edits that.
func refuseRolesFile(s settings) error {
	if s.RolesFile != "" {
		return usagef("roles are kept in the file ISSUER_ROLES_FILE names; edit the file")
	}
	return nil
}

// unasked is what becomes of our grants beside a query of the operator's. Blocks count as always.
const unasked = "roles come from the query that ISSUER_ROLES_QUERY_FILE names, and nobody asks the grants that are kept here"

// refuseUnasked is for commands that change grants, where that would change nothing for anybody.
func refuseUnasked(s settings) error {
	if s.RolesQueryFile != "" {
		return usagef("%s: change what the query reads", unasked)
	}
	return nil
}

func writeRoles(w io.Writer, d rolestore.Document) error {
	table := screen.NewTable(w, true)
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
		pairs = append(pairs, name+"="+valueText(session[name]))
	}
	return strings.Join(pairs, " ")
}

func valueText(v rolestore.Value) string {
	if v.IsList() {
		return "[" + strings.Join(v.List(), ",") + "]"
	}
	return v.Text()
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
		return rolestore.Document{}, usageError{fmt.Errorf("read %s: %w", source, pathless(err))}
	}
	document, err := rolestore.ParseDocument(text, s.roleRules())
	if err != nil {
		return rolestore.Document{}, usageError{fmt.Errorf("%s is not as it should be:\n%w", source, err)}
	}
	return document, nil
}
