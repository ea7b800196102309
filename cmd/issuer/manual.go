package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// entry is what the help of a command has beside its flags.
type entry struct {
	reads    string   // the settings that it does something by
	examples []string // command lines as somebody types them
}

const (
	readsRing    = "ISSUER_DATABASE_URL or ISSUER_KEYS_FILE, ISSUER_KEYS_ENCRYPTION_KEY; ISSUER_ROTATE_EVERY, ISSUER_KEYS_LEAD, ISSUER_TOKEN_TTL, ISSUER_TOKEN_ALG, ISSUER_JWKS_MAX_AGE and ISSUER_JWKS_CDN_TTL set its pace"
	readsGrants  = "ISSUER_DATABASE_URL, or ISSUER_ROLES_FILE where roles are only read; ISSUER_ENTRA_TENANTS, ISSUER_ALLOW_ADMIN_ROLE"
	readsRecords = "ISSUER_DATABASE_URL"
	readsService = "every setting of the service: ISSUER_URL, ISSUER_ENTRA_TENANTS and ISSUER_ENTRA_AUDIENCES, ISSUER_DATABASE_URL and ISSUER_KEYS_ENCRYPTION_KEY, or ISSUER_ROLES_FILE and ISSUER_KEYS_FILE, and what issuer man lists"
)

// manual has an entry for every command, by its path. A test reads each example as the program would.
var manual = map[string]entry{
	"dev": {"ISSUER_LISTEN, and those for tokens, claims, policies, limits and the log; none is needed", []string{
		"issuer dev", "ISSUER_LISTEN=127.0.0.1:9000 issuer dev", "issuer dev --tls ca.pem --chaos",
	}},
	"serve":   {readsService, []string{"issuer serve", "ISSUER_LOG_FORMAT=console issuer serve"}},
	"migrate": {"ISSUER_DATABASE_URL", []string{"issuer migrate", "issuer migrate --status"}},
	"exchange": {"ISSUER_URL, ISSUER_ENTRA_AUTHORITY, ISSUER_ENTRA_TENANTS, ISSUER_ENTRA_CLIENTS, ISSUER_ENTRA_AUDIENCES and ISSUER_ENTRA_SCOPES, where the flags say nothing; PATH for az; SSL_CERT_FILE", []string{
		"issuer exchange --issuer https://auth.example.com --az --entra-scope api://b1c2d3e4-5f60-4718-92a3-c4d5e6f70811/access_as_user",
		"issuer exchange --issuer https://auth.example.com --subject-token-file entra.token --role editor --raw",
		"issuer exchange --subject-token-file - --query '{ __typename }' --hasura https://hasura.example.com < entra.token",
	}},
	"keys list":   {readsRing, []string{"issuer keys list", "issuer keys list --holders"}},
	"keys plan":   {readsRing, []string{"issuer keys plan", "ISSUER_ROTATE_EVERY=12h issuer keys plan --days 90"}},
	"keys rotate": {readsRing, []string{"issuer keys rotate", "issuer keys rotate --now"}},
	"keys revoke": {readsRing, []string{
		"issuer keys revoke LFyZ0yCnBIpTrsUuS1PrzPIXFvHvhqcrjxlkGtvQl5c --reason 'found in a log'",
		"issuer keys revoke LFyZ0yCnBIpTrsUuS1PrzPIXFvHvhqcrjxlkGtvQl5c --reason 'found in a log' --force --yes",
	}},
	"keys reseal": {readsRing, []string{"issuer keys reseal", "issuer keys reseal --wait 1m --json"}},
	"keys import": {readsRing, []string{"issuer keys import /var/lib/issuer/keys.json", "issuer keys import old.json --json"}},
	"keys wrap": {"ISSUER_ENTRA_CLIENT_ID with ISSUER_ENTRA_CLIENT_SECRET or AZURE_FEDERATED_TOKEN_FILE, ISSUER_KEYVAULT_TENANT, ISSUER_KEYS_ENCRYPTION_KEY", []string{
		"issuer keys wrap https://ring.vault.azure.net/keys/issuer > wrapped.kek", "issuer keys wrap https://ring.vault.azure.net/keys/issuer --id k2 --json",
	}},
	"keys adopt": {readsRing, []string{"issuer keys adopt", "issuer keys adopt --above 41 --yes"}},
	"roles list": {readsGrants, []string{"issuer roles list", "issuer roles list --role editor", "issuer roles list --blocks --json"}},
	"roles grant": {readsGrants, []string{
		"issuer roles grant --group d1000001-aaaa-4bbb-8ccc-000000000001 --role editor --priority 10",
		"issuer roles grant --user 11d3e5f7-2a4c-46e8-90b2-d4f6a8c0e101 --role oncall --until 7d --reason INC-77",
	}},
	"roles revoke": {readsGrants, []string{
		"issuer roles revoke --user 11d3e5f7-2a4c-46e8-90b2-d4f6a8c0e101 --role oncall", "issuer roles revoke --everyone --role viewer --dry-run",
	}},
	"roles block": {readsGrants, []string{
		"issuer roles block --user 33f5a7b9-4c6e-48a0-92d4-f6b8cae20303 --reason left",
		"issuer roles block --app 5d4c3b2a-1908-47f6-9e5d-4c3b2a190833 --until 2h --reason 'secret leaked'",
	}},
	"roles unblock": {readsGrants, []string{
		"issuer roles unblock --user 33f5a7b9-4c6e-48a0-92d4-f6b8cae20303", "issuer roles unblock --app 5d4c3b2a-1908-47f6-9e5d-4c3b2a190833 --yes",
	}},
	"roles apply": {readsGrants, []string{
		"issuer roles apply -f roles.yaml --dry-run", "issuer roles apply -f roles.yaml", "issuer roles apply -f roles.yaml --prune --yes --as deploy-42",
	}},
	"roles export": {readsGrants, []string{"issuer roles export > roles.yaml", "issuer roles export --json"}},
	"roles explain": {readsGrants + "; ISSUER_URL, the others for Entra, Microsoft Graph and policies", []string{
		"issuer roles explain --user 11d3e5f7-2a4c-46e8-90b2-d4f6a8c0e101 --role editor",
		"issuer roles explain --app 5d4c3b2a-1908-47f6-9e5d-4c3b2a190833 --app-role Hasura.Exchange",
		"issuer roles explain --token - --role editor < entra.token",
	}},
	"roles who-has": {readsGrants, []string{"issuer roles who-has editor", "issuer roles who-has editor --all --json"}},
	"roles mapped":  {readsRecords, []string{"issuer roles mapped", "issuer roles mapped --unresolved --json"}},
	"roles resolve": {"ISSUER_DATABASE_URL, ISSUER_COMPAT_TENANT, and those for Microsoft Graph", []string{"issuer roles resolve --dry-run", "issuer roles resolve --yes"}},
	"roles import-witboost": {"ISSUER_WITBOOST_DATABASE_URL, ISSUER_DATABASE_URL, ISSUER_COMPAT_TENANT, and those for Microsoft Graph", []string{
		"issuer roles import-witboost --dry-run", "issuer roles import-witboost",
	}},
	"roles history": {readsRecords, []string{"issuer roles history --since 7d", "issuer roles history --verify"}},
	"audit search": {readsRecords, []string{
		"issuer audit search --outcome refused --reason no_roles --since 1h", "issuer audit search --request-id TJ2PIFBK5GR4EDPD3VNHH7OJZW", "issuer audit search --kind roles --since 30d --json",
	}},
	"audit tail": {readsRecords, []string{"issuer audit tail -n 100", "issuer audit tail --follow --outcome refused"}},
	"hasura-config": {"ISSUER_URL, ISSUER_RELYING_PARTIES, and those for tokens and claims", []string{
		"issuer hasura-config", "ISSUER_URL=https://auth.example.com issuer hasura-config --webhook",
	}},
	"check": {readsService, []string{
		"issuer check", "issuer check --online --token - < entra.token", "issuer check --online --hasura-url https://hasura.example.com",
	}},
	"completion": {"nothing", []string{"source <(issuer completion bash)", "issuer completion zsh > ~/.zfunc/_issuer", "issuer completion fish > ~/.config/fish/completions/issuer.fish"}},
	"man":        {"nothing", []string{"issuer man | man -l -", "issuer man > /usr/local/share/man/man1/issuer.1"}},
	"version":    {"nothing", []string{"issuer version", "issuer version --json"}},
}

// pathOf is a command without the program's name: keys rotate.
func pathOf(node *kong.Node) string { return strings.TrimPrefix(node.FullPath(), "issuer ") }

// printHelp is kong's help with the manual behind it.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	selected := ctx.Selected()
	if selected == nil || !selected.Leaf() {
		_, err := fmt.Fprint(ctx.Stdout, "\nTry it with nothing installed: issuer dev. All commands and settings on one page: issuer man | man -l -\n")
		return err
	}
	e, ok := manual[pathOf(selected)]
	if !ok {
		return nil
	}
	return e.write(ctx.Stdout)
}

func (e entry) write(w io.Writer) error {
	_, err := fmt.Fprintf(w, "\nExamples:\n  %s\n\nEnvironment:\n%s\n", strings.Join(e.examples, "\n  "), wrapped(e.reads, "  ", 78))
	return err
}

// wrapped breaks text into lines of at most width letters that all begin with indent.
func wrapped(text, indent string, width int) string {
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		switch {
		case column == 0:
			b.WriteString(indent)
			column = len(indent)
		case column+1+len(word) > width:
			b.WriteString("\n" + indent)
			column = len(indent)
		default:
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}
