package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/screen"
	"github.com/hasura-issuer/hasura-issuer/rolestore/rolemap"
)

type rolesMappedCmd struct {
	Unresolved bool `help:"Only roles with names nobody was found by, and those names."`
	JSON       bool `help:"Print as JSON."`
}

func (c *rolesMappedCmd) Run(ctx context.Context, p *program) error {
	_, store, pool, err := openMapped(ctx, p)
	if err != nil {
		return err
	}
	defer pool.Close()
	all, err := store.All(ctx)
	if err != nil {
		return err
	}
	if c.Unresolved {
		all = onlyUnresolved(all)
	}
	if c.JSON {
		return printJSON(p.stdout, map[string]any{"roles": all})
	}
	return writeMapped(p.stdout, all)
}

// openMapped opens the database for a command on mapped roles, which are kept there and nowhere else.
func openMapped(ctx context.Context, p *program) (settings, *rolemap.Store, *pgxpool.Pool, error) {
	s, err := load(p.environ, needDatabase)
	if err != nil {
		return s, nil, nil, err
	}
	if !s.mapsRoles() {
		return s, nil, nil, usagef("roles are mapped to root fields only where grants are kept in ISSUER_DATABASE_URL: unset ISSUER_ROLES_FILE and ISSUER_ROLES_QUERY_FILE")
	}
	pool, err := openMigrated(ctx, s)
	if err != nil {
		return s, nil, nil, err
	}
	return s, rolemap.New(pool, s.roleRules()), pool, nil
}

func onlyUnresolved(all []rolemap.Mapped) []rolemap.Mapped {
	some := []rolemap.Mapped{}
	for _, m := range all {
		var lost []rolemap.Listed
		for _, h := range m.Holders {
			if h.Unresolved != "" {
				lost = append(lost, h)
			}
		}
		if m.Holders = lost; len(lost) > 0 {
			some = append(some, m)
		}
	}
	return some
}

// writeMapped writes a line for each role and below it one for each holder.
func writeMapped(w io.Writer, all []rolemap.Mapped) error {
	table := screen.NewTable(w, true)
	fmt.Fprintln(table, "ROLE\tHOLDER\tMEANS\tCOMPONENT\tROOT FIELDS")
	for _, m := range all {
		fmt.Fprintf(table, "%s\t\t\t%s\t%s\n", cell(m.Role), cell(m.Component), cell(strings.Join(m.Fields, " ")))
		for _, h := range m.Holders {
			means := string(h.Kind) + " " + h.ID
			if h.Unresolved != "" {
				means = "nobody (" + string(h.Unresolved) + ")"
			}
			fmt.Fprintf(table, "\t%s\t%s\t\t\n", cell(h.Name), cell(means))
		}
	}
	return table.Flush()
}
