package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

type rolesGrantCmd struct {
	principalFlags
	Role     string   `required:"" placeholder:"NAME" help:"The role."`
	Priority priority `placeholder:"NUMBER" help:"The highest one's role is a caller's default."`
	Session  []string `sep:"none" placeholder:"NAME=VALUE" help:"A session variable; [one,two] is a list. Repeat it for more."`
	From     string   `placeholder:"TIME" help:"When it begins: 2h, 7d, 2026-12-31, 2026-12-31T18:00:00Z."`
	Until    string   `placeholder:"TIME" help:"When it ends; as --from."`
	Reason   string   `placeholder:"TEXT" help:"Why, for those who read it later. No names of people."`
	changeFlags
	ConfirmRemoval bool `help:"Do not ask the second question either, where a grant that is changed is in force no more, and was the last of its role or more than a tenth of all."`
}

func (c *rolesGrantCmd) Run(ctx context.Context, p *program) error {
	s, err := load(p.environ, needRoles)
	if err != nil {
		return err
	}
	g := rolestore.Grant{Role: c.Role, Priority: int(c.Priority), Reason: c.Reason}
	if g.Tenant, g.Principal, err = c.one(s, anyPrincipal); err != nil {
		return err
	}
	if g.Session, err = session(c.Session); err != nil {
		return err
	}
	if g.From, g.Until, err = moments(time.Now(), c.From, c.Until); err != nil {
		return err
	}
	return p.edit(ctx, s, c.changeFlags, rolestore.Edit{Put: rolestore.Document{Grants: []rolestore.Grant{g}}}, wording{
		done: "granted", already: "this is granted already", question: "This grant is there and says something else. Change it?",
		confirmed: c.ConfirmRemoval,
	})
}

type rolesRevokeCmd struct {
	principalFlags
	Role string `required:"" placeholder:"NAME" help:"The role."`
	changeFlags
	ConfirmRemoval bool `help:"Do not ask the second question either, where this is the last grant of its role or more than a tenth of all."`
}

func (c *rolesRevokeCmd) Run(ctx context.Context, p *program) error {
	s, err := load(p.environ, needRoles)
	if err != nil {
		return err
	}
	g := rolestore.Grant{Role: c.Role}
	if g.Tenant, g.Principal, err = c.one(s, anyPrincipal); err != nil {
		return err
	}
	return p.edit(ctx, s, c.changeFlags, rolestore.Edit{Remove: rolestore.Document{Grants: []rolestore.Grant{g}}}, wording{
		done: "revoked", question: "Revoke this grant?", confirmed: c.ConfirmRemoval,
		missing: fmt.Sprintf("nothing was changed: there is no grant of this role to %s in tenant %s; see issuer roles list", g.Principal, shown(g.Tenant)),
	})
}

type rolesBlockCmd struct {
	Tenant string `placeholder:"ID" help:"Tenant id."`
	User   string `placeholder:"ID" help:"A user, by object id."`
	App    string `placeholder:"ID" help:"An app that calls for itself, by client id."`
	Until  string `placeholder:"TIME" help:"When it ends: 2h, 7d, 2026-12-31, 2026-12-31T18:00:00Z."`
	Reason string `placeholder:"TEXT" help:"Why, for those who read it later. No names of people."`
	changeFlags
}

func (c *rolesBlockCmd) Run(ctx context.Context, p *program) error {
	s, err := load(p.environ, needRoles)
	if err != nil {
		return err
	}
	b := rolestore.Block{Reason: c.Reason}
	if b.Tenant, b.Principal, err = (principalFlags{Tenant: c.Tenant, User: c.User, App: c.App}).one(s, blockable); err != nil {
		return err
	}
	if _, b.Until, err = moments(time.Now(), "", c.Until); err != nil {
		return err
	}
	return p.edit(ctx, s, c.changeFlags, rolestore.Edit{Put: rolestore.Document{Blocks: []rolestore.Block{b}}}, wording{
		done: "blocked", already: "this is blocked already", question: "This block is there and says something else. Change it?",
	})
}

type rolesUnblockCmd struct {
	Tenant string `placeholder:"ID" help:"Tenant id."`
	User   string `placeholder:"ID" help:"A user, by object id."`
	App    string `placeholder:"ID" help:"An app that calls for itself, by client id."`
	changeFlags
}

func (c *rolesUnblockCmd) Run(ctx context.Context, p *program) error {
	s, err := load(p.environ, needRoles)
	if err != nil {
		return err
	}
	var b rolestore.Block
	if b.Tenant, b.Principal, err = (principalFlags{Tenant: c.Tenant, User: c.User, App: c.App}).one(s, blockable); err != nil {
		return err
	}
	return p.edit(ctx, s, c.changeFlags, rolestore.Edit{Remove: rolestore.Document{Blocks: []rolestore.Block{b}}}, wording{
		done: "unblocked", question: "Lift this block?",
		missing: fmt.Sprintf("nothing was changed: there is no block of %s in tenant %s; see issuer roles list --blocks", b.Principal, shown(b.Tenant)),
	})
}

// edit makes an edit of the database. What only adds is done at once; what changes or removes what is there is asked for.
func (p *program) edit(ctx context.Context, s settings, flags changeFlags, edit rolestore.Edit, words wording) error {
	if err := refuseRolesFile(s); err != nil {
		return err
	}
	if len(edit.Put.Grants)+len(edit.Remove.Grants) > 0 {
		if err := refuseUnasked(s); err != nil {
			return err
		}
	}
	edit, err := edit.Checked(s.roleRules())
	if err != nil {
		return usageError{err}
	}
	if err := p.sayUnserved(s, edit.Put); err != nil {
		return err
	}
	pool, err := openMigrated(ctx, s)
	if err != nil {
		return err
	}
	defer pool.Close()
	store := rolestore.NewPostgres(pool, s.roleRules())
	return p.changeRoles(ctx, flags, words, rolestore.ApplyOptions{}, func(ctx context.Context, options rolestore.ApplyOptions) (rolestore.Diff, error) {
		diff, err := store.Edit(ctx, edit, options)
		if err == nil && options.DryRun {
			err = timely(diff)
		}
		return diff, err
	})
}

// sayUnserved notes an entry's tenant whose callers cannot come, where the settings say whose can.
func (p *program) sayUnserved(s settings, put rolestore.Document) error {
	tenants := put.Tenants()
	for _, b := range put.Blocks {
		tenants = append(tenants, b.Tenant)
	}
	if len(s.EntraTenants)+len(s.EntraIssuers.list) == 0 || !slices.ContainsFunc(tenants, func(t string) bool { return !s.serves(t) }) {
		return nil
	}
	return p.say("note: neither ISSUER_ENTRA_TENANTS nor ISSUER_ENTRA_ISSUERS names this tenant: its tokens are refused")
}

// timely refuses an entry whose end is over before it is there: on a slip of the year, a block would block nobody.
func timely(diff rolestore.Diff) error {
	if err := diff.Timely(time.Now()); err != nil {
		return usageError{err}
	}
	return nil
}
