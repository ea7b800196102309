package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/screen"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// mostHolders is how many holders of a role are shown without --all.
const mostHolders = 1000

type rolesWhoHasCmd struct {
	Role   string `arg:"" help:"The role."`
	Tenant string `placeholder:"ID" help:"Only in this tenant."`
	All    bool   `help:"Show all, however many there are; without it the first 1000."`
	JSON   bool   `help:"Print as JSON."`
}

func (c *rolesWhoHasCmd) Run(ctx context.Context, p *program) error {
	filter, err := rolestore.Filter{Tenant: c.Tenant, Role: c.Role}.Checked()
	if err != nil {
		return usageError{err}
	}
	s, err := load(p.environ, needRoles)
	if err != nil {
		return err
	}
	source, err := openRoleSource(ctx, s)
	if err != nil {
		return err
	}
	defer source.close()
	if source.holders == nil {
		return usagef("roles come from the query that ISSUER_ROLES_QUERY_FILE names, which tells of one caller at a time: see issuer roles explain")
	}
	most := mostHolders
	if c.All {
		most = 0
	}
	found, err := source.holders.HoldersOf(ctx, filter.Tenant, filter.Role, most)
	if err != nil {
		return err
	}
	report := newHolding(filter.Role, found, time.Now())
	if c.JSON {
		return printJSON(p.stdout, report)
	}
	if err := report.write(p.stdout, filter.Tenant); err != nil || !found.More {
		return err
	}
	return p.say(fmt.Sprintf("more than %d have it; --all shows them", mostHolders))
}

// holding is who holds a role, and whether it is of use to them now.
type holding struct {
	Role   string            `json:"role"`
	Grants []heldGrant       `json:"grants"`
	Blocks []rolestore.Block `json:"blocks"` // of those who hold it
	More   bool              `json:"more"`   // there are more grants
}

type heldGrant struct {
	Grant    rolestore.Grant `json:"grant"`
	Standing issuer.Standing `json:"standing"`
	Blocked  bool            `json:"blocked"` // a block of its principal is in force
}

func newHolding(role string, found rolestore.Holders, now time.Time) holding {
	type one struct {
		tenant string
		rolestore.Principal
	}
	blocked := map[one]bool{}
	for _, b := range found.Blocks {
		blocked[one{b.Tenant, b.Principal}] = issuer.Blocks(b, now)
	}
	h := holding{Role: role, Blocks: found.Blocks, More: found.More}
	for _, g := range found.Grants {
		h.Grants = append(h.Grants, heldGrant{g, issuer.StandingOf(g, now), blocked[one{g.Tenant, g.Principal}]})
	}
	return h
}

// write writes the holding for a person who asked about a tenant, or about all where that is empty.
func (h holding) write(w io.Writer, tenant string) error {
	if len(h.Grants) == 0 {
		where := ""
		if tenant != "" {
			where = " in this tenant"
		}
		_, err := fmt.Fprintf(w, "nobody: there is no grant of the role %s%s\n", cell(h.Role), where)
		return err
	}
	table := screen.NewTable(w, true)
	fmt.Fprintln(table, "TENANT\tPRINCIPAL\tNOW\tPRIORITY\tFROM\tUNTIL\tSESSION\tREASON")
	for _, held := range h.Grants {
		g := held.Grant
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", g.Tenant, g.Principal, held.now(), g.Priority,
			timeOrDash(g.From), timeOrDash(g.Until), cell(sessionText(g.Session)), cell(g.Reason))
	}
	for _, b := range h.Blocks {
		fmt.Fprintf(table, "%s\t%s\t(the block)\t\t\t%s\t\t%s\n", b.Tenant, b.Principal, timeOrDash(b.Until), cell(b.Reason))
	}
	return table.Flush()
}

// now says in a word or two what comes of the grant.
func (h heldGrant) now() string {
	switch {
	case h.Standing == issuer.NotYet:
		return "to come"
	case h.Standing == issuer.Over:
		return "over"
	case h.Blocked:
		return "blocked"
	default:
		return "in force"
	}
}
