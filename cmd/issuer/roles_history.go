package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/screen"
	"github.com/hasura-issuer/hasura-issuer/rolestore/history"
)

type rolesHistoryCmd struct {
	filterFlags
	Since  string       `placeholder:"TIME" help:"Only from then on: 2h or 7d ago, 2026-12-31, 2026-12-31T18:00:00Z."`
	Before recordNumber `placeholder:"NUMBER" help:"Only records older than this one: the next page."`
	Limit  int          `default:"50" help:"How many records to print at most."`
	Verify bool         `help:"Check the whole history instead: the chain, its end, and the tables against it."`
	Head   string       `placeholder:"NUMBER:HASH" help:"With --verify: a head noted earlier, which the history still has to hold."`
	JSON   bool         `help:"Print as JSON."`
}

const maxRecords = 100_000

func (c *rolesHistoryCmd) Run(ctx context.Context, p *program) error {
	query, err := c.query(time.Now())
	if err != nil {
		return err
	}
	anchors, err := c.anchors()
	if err != nil {
		return err
	}
	s, err := load(p.environ, needRoles)
	if err != nil {
		return err
	}
	if s.RolesFile != "" {
		return usagef("roles are kept in the file ISSUER_ROLES_FILE names, which has no history of ours; keep it under version control")
	}
	pool, err := openMigrated(ctx, s)
	if err != nil {
		return err
	}
	defer pool.Close()
	if c.Verify {
		err = c.verify(ctx, p, pool, anchors)
	} else {
		err = c.list(ctx, p, pool, query)
	}
	if errors.Is(err, history.ErrNoHistory) {
		return usageError{err}
	}
	return err
}

// query reads the flags that choose records.
func (c *rolesHistoryCmd) query(now time.Time) (history.Query, error) {
	if c.Limit < 1 || c.Limit > maxRecords {
		return history.Query{}, usagef("--limit is %d; it wants a number from 1 to %d", c.Limit, maxRecords)
	}
	filter, err := c.filter()
	if err != nil {
		return history.Query{}, err
	}
	query := history.Query{Before: int64(c.Before), Limit: c.Limit, Filter: filter}
	if c.Since == "" {
		return query, nil
	}
	if query.Since, err = moment(c.Since, now, true); err != nil {
		return history.Query{}, usagef("--since: %w", err)
	}
	return query, nil
}

func (c *rolesHistoryCmd) anchors() ([]history.Head, error) {
	chooses := c.filterFlags != (filterFlags{}) || c.Since != "" || c.Before != 0
	switch {
	case c.Head != "" && !c.Verify:
		return nil, usagef("--head is for --verify")
	case c.Verify && chooses:
		return nil, usagef("--verify checks the whole history: leave out what chooses records")
	case c.Head == "":
		return nil, nil
	}
	head, err := history.ParseHead(c.Head)
	if err != nil {
		return nil, usagef("--head: %w", err)
	}
	return []history.Head{head}, nil
}

func (c *rolesHistoryCmd) list(ctx context.Context, p *program, pool *pgxpool.Pool, query history.Query) error {
	records, err := history.List(ctx, pool, query)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(p.stdout, records)
	}
	if err := writeRecords(p.stdout, records); err != nil {
		return err
	}
	if len(records) == c.Limit && records[len(records)-1].Number > 1 {
		return p.say(fmt.Sprintf("there may be older ones: --before %d", records[len(records)-1].Number))
	}
	return nil
}

func writeRecords(w io.Writer, records []history.Record) error {
	table := screen.NewTable(w, true)
	fmt.Fprintln(table, "NUMBER\tAT\tACTOR\tLOGIN\tADDRESS\tAPPLICATION\tCHANGE")
	for _, r := range records {
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Number, timeOrDash(r.At),
			cell(r.Actor), cell(r.Login), cellOrDash(r.Address), cellOrDash(r.Application), r.Line())
	}
	return table.Flush()
}

func cellOrDash(text string) string {
	if text == "" {
		return "-"
	}
	return cell(text)
}

func (c *rolesHistoryCmd) verify(ctx context.Context, p *program, pool *pgxpool.Pool, anchors []history.Head) error {
	report, err := history.Verify(ctx, pool, anchors...)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(p.stdout, report)
	} else {
		err = writeReport(p.stdout, report)
	}
	if n := len(report.Faults) + report.More; err == nil && n > 0 {
		return fmt.Errorf("the history does not hold (faults: %d)", n)
	}
	return err
}

func writeReport(w io.Writer, report history.Report) error {
	for _, fault := range report.Faults {
		fmt.Fprintln(w, cell(fault))
	}
	if report.More > 0 {
		fmt.Fprintf(w, "and %d more faults\n", report.More)
	}
	if len(report.Faults) == 0 {
		fmt.Fprintln(w, "every record follows from the one before it, and the tables hold what the records say")
	}
	_, err := fmt.Fprintf(w, "records: %d\nhead:    %s\n", report.Records, report.Head)
	return err
}
