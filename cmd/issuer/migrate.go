package main

import (
	"context"
	"fmt"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/screen"
	"github.com/hasura-issuer/hasura-issuer/database"
)

type migrateCmd struct {
	Status bool `help:"Only show which migrations are applied."`
	JSON   bool `help:"Print as JSON."`
}

func (c *migrateCmd) Run(ctx context.Context, p *program) error {
	s, err := load(p.environ, needDatabase)
	if err != nil {
		return err
	}
	url := s.DatabaseURL.reveal()
	if c.Status {
		return c.status(ctx, p, url)
	}
	applied, err := database.Migrate(ctx, url)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.stdout, map[string][]string{"applied": applied})
	}
	for _, name := range applied {
		fmt.Fprintf(p.stdout, "applied %s\n", name)
	}
	if len(applied) == 0 {
		fmt.Fprintln(p.stdout, "the schema is up to date")
	}
	return nil
}

func (c *migrateCmd) status(ctx context.Context, p *program, url string) error {
	migrations, err := database.Status(ctx, url)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.stdout, migrations)
	}
	table := screen.NewTable(p.stdout, true)
	fmt.Fprintln(table, "VERSION\tMIGRATION\tAPPLIED")
	for _, m := range migrations {
		fmt.Fprintf(table, "%d\t%s\t%s\n", m.Version, m.Name, timeOrDash(m.AppliedAt))
	}
	return table.Flush()
}
