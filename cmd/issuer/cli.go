package main

// cli is the table of commands. The struct tags are the help texts.
type cli struct {
	Dev          devCmd          `cmd:"" help:"Everything in one process, nothing to install: a fake Entra tenant, roles and keys in memory."`
	Serve        serveCmd        `cmd:"" help:"Run the service."`
	Migrate      migrateCmd      `cmd:"" help:"Bring the database schema up to date."`
	Exchange     exchangeCmd     `cmd:"" help:"Get an Entra token, exchange it for a Hasura token, and show that or run a query with it."`
	Keys         keysCmd         `cmd:"" help:"The ring of signing keys."`
	Roles        rolesCmd        `cmd:"" help:"Who holds which Hasura role."`
	Audit        auditCmd        `cmd:"" help:"What was decided, and what was changed."`
	HasuraConfig hasuraConfigCmd `cmd:"" help:"Print what Hasura needs to trust this issuer, for v2 and v3."`
	Check        checkCmd        `cmd:"" help:"Validate every setting at once; with --online also try what they name."`
	Completion   completionCmd   `cmd:"" help:"Print a script by which a shell completes command lines of issuer."`
	Complete     completeCmd     `cmd:"" hidden:"" help:"Print what the last word may become."`
	Man          manCmd          `cmd:"" help:"Print the manual page, for man: all commands, settings and exit codes."`
	Version      versionCmd      `cmd:"" help:"Print version, commit and Go version."`
}

type rolesCmd struct {
	List    rolesListCmd    `cmd:"" help:"Print grants and blocks as a table."`
	Grant   rolesGrantCmd   `cmd:"" help:"Give a principal a role, or change how it holds it."`
	Revoke  rolesRevokeCmd  `cmd:"" help:"Take a role away from a principal."`
	Block   rolesBlockCmd   `cmd:"" help:"Refuse a user or an app at once."`
	Unblock rolesUnblockCmd `cmd:"" help:"Lift a block."`
	Apply   rolesApplyCmd   `cmd:"" help:"Add and change what a roles file says; removes the rest only with --prune."`
	Export  rolesExportCmd  `cmd:"" help:"Print grants and blocks as a roles file."`
	Explain rolesExplainCmd `cmd:"" help:"Say role by role why a caller has it or not, and what their token would say."`
	WhoHas  rolesWhoHasCmd  `cmd:"" name:"who-has" help:"Print who has a role."`
	Mapped  rolesMappedCmd  `cmd:"" help:"Print which root fields of GraphQL roles own, and whom their provisioner lists."`
	Resolve rolesResolveCmd `cmd:"" help:"Look names of a provisioner's lists up again that nobody was found by."`
	Import  rolesImportCmd  `cmd:"" name:"import-witboost" help:"Take over roles, root fields and holders from the tables of Witboost's role mapper."`
	History rolesHistoryCmd `cmd:"" help:"Print who changed grants and blocks, when and how; --verify checks that nothing was altered."`
}
