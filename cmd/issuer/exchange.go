package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/issuer"
)

type exchangeCmd struct {
	Issuer           string   `placeholder:"URL" help:"The issuer to ask; else ISSUER_URL."`
	SubjectTokenFile string   `placeholder:"FILE" xor:"from" help:"Exchange the Entra token in FILE, or on standard input for -, instead of signing in."`
	Az               bool     `xor:"from" help:"Let the Azure CLI get the Entra token, by az account get-access-token, instead of signing in."`
	Client           string   `placeholder:"ID" help:"Client id of the app to sign in to, which allows public client flows; else the only one of ISSUER_ENTRA_CLIENTS."`
	Tenant           string   `placeholder:"ID" help:"Tenant to sign in to; else the only one of ISSUER_ENTRA_TENANTS."`
	EntraScope       string   `placeholder:"SCOPE" help:"What to ask of Entra, such as api://<client id>/access_as_user; else by ISSUER_ENTRA_AUDIENCES and ISSUER_ENTRA_SCOPES."`
	Authority        string   `placeholder:"URL" help:"Where to sign in; else ISSUER_ENTRA_AUTHORITY."`
	Role             []string `placeholder:"ROLE" sep:"none" help:"Narrow the token to this role; may be repeated."`
	Scope            string   `placeholder:"ROLES" help:"The same, as the parameter scope has it: roles with blanks between them."`
	Query            string   `placeholder:"GRAPHQL" help:"Run this GraphQL with the token, or what the file says for @FILE, and print the answer instead of the token."`
	Variables        string   `placeholder:"JSON" help:"With --query: its variables, or @FILE."`
	Hasura           string   `placeholder:"URL" help:"With --query: the engine's base URL, or the whole address where it ends in /graphql, as v3 has it."`
	Raw              bool     `xor:"form" help:"Print the bare token, for scripts."`
	JSON             bool     `xor:"form" help:"Print the token, bare and decoded, as JSON."`
}

func (c *exchangeCmd) Run(ctx context.Context, p *program) error {
	s, err := load(p.environ, 0)
	if err != nil {
		return err
	}
	c.Issuer, c.Hasura = strings.TrimSuffix(cmp.Or(c.Issuer, s.URL), "/"), strings.TrimSuffix(c.Hasura, "/") // an address that was copied from a browser ends in one
	if err := c.check(); err != nil {
		return err
	}
	request, err := c.graphql()
	if err != nil {
		return err
	}
	subject, err := c.subject(ctx, p, s)
	if err != nil {
		return err
	}
	answer, err := askIssuer(ctx, c.Issuer, subject, c.roles())
	if err != nil {
		return err
	}
	if request != nil {
		return p.query(ctx, c.engine(), answer.AccessToken, request)
	}
	return c.print(p, answer)
}

// check holds the flags against each other, and the addresses to where a token may go.
func (c *exchangeCmd) check() error {
	switch {
	case c.Issuer == "":
		return usagef("--issuer wants the issuer's URL, such as https://auth.example.com, or set ISSUER_URL; issuer dev prints one to try")
	case !isBaseURL(c.Issuer, true), isHidden(c.Issuer): // errors name it
		return usagef("--issuer is %s; it wants the issuer's URL: https (http only for a loopback host), and nothing behind it", shown(c.Issuer))
	case c.Query == "" && (c.Hasura != "" || c.Variables != ""):
		return usagef("--hasura and --variables are for --query, which is missing")
	case c.Query != "" && (c.Raw || c.JSON):
		return usagef("--query prints the engine's answer, which is JSON: leave out --raw and --json")
	case c.Query != "" && (!isBaseURL(c.Hasura, true) || isHidden(c.Hasura)):
		return usagef("--hasura wants the engine's URL with --query: https (http only for a loopback host), such as https://hasura.example.com")
	}
	return nil
}

func (c *exchangeCmd) roles() string {
	return strings.Join(append(c.Role, strings.Fields(c.Scope)...), " ")
}

// maxExchange is more than any answer of a token endpoint.
const maxExchange = 256 << 10

// caller is what speaks to issuers and engines: it follows no redirect, so that a token goes where it was sent and nowhere
// else.
func caller(patience time.Duration) *http.Client {
	client := idp.NewHTTPClient()
	client.Timeout = patience
	return client
}

// askIssuer exchanges an Entra token. A refusal is a sentence with the cure and the next command.
func askIssuer(ctx context.Context, base, subject, roles string) (tokenAnswer, error) {
	form := url.Values{"grant_type": {tokenExchange}, "subject_token_type": {accessTokenType}, "subject_token": {subject}}
	if roles != "" {
		form.Set("scope", roles)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/oauth2/token", strings.NewReader(form.Encode()))
	if err != nil {
		return tokenAnswer{}, fmt.Errorf("ask the issuer: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := caller(30 * time.Second).Do(request)
	if err != nil {
		return tokenAnswer{}, fmt.Errorf("ask the issuer at %s: %w; is it up there? For one to try: issuer dev", base, idp.Unanswered(err))
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxExchange))
	if err != nil {
		return tokenAnswer{}, fmt.Errorf("read the issuer's answer: %w", idp.Unanswered(err))
	}
	var answer tokenAnswer
	understood := json.Unmarshal(body, &answer) == nil
	switch {
	case response.StatusCode == http.StatusOK && understood && strings.Count(answer.AccessToken, ".") == 2:
		return answer, nil
	case understood && answer.Reason == string(issuer.ReasonNotFound):
		return tokenAnswer{}, fmt.Errorf("there is nothing at %s/oauth2/token (%s): check --issuer, which wants the issuer's URL without the path of its token endpoint", base, statusOf(response))
	case understood && answer.Reason != "" && reasonWord().MatchString(answer.Reason):
		return tokenAnswer{}, refusedExchange(response, answer.Reason, subject, roles)
	case response.StatusCode >= 300 && response.StatusCode < 400:
		return tokenAnswer{}, fmt.Errorf("%s answers %s, and a redirect is not followed with a token: give the address where it leads as --issuer", base, statusOf(response))
	default: // nothing of the body is shown: it may hold anything
		return tokenAnswer{}, fmt.Errorf("%s answers %s, and not as an issuer does: check --issuer (%s/.well-known/openid-configuration names it)", base, statusOf(response), base)
	}
}

var reasonWord = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z_]{1,64}$`) })

// readable reads what a flag holds, or the file that it names behind an @.
func readable(flag, value string) ([]byte, error) {
	path, isFile := strings.CutPrefix(value, "@")
	if !isFile {
		return []byte(value), nil
	}
	text, err := os.ReadFile(path) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return nil, usagef("%s: %s: %w", flag, shown(path), pathless(err))
	}
	return text, nil
}
