package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/caarlos0/env/v11"
	"github.com/go-json-experiment/json"

	"github.com/hasura-issuer/hasura-issuer/cmd/issuer/internal/devicecode"
	"github.com/hasura-issuer/hasura-issuer/idp"
)

// subject gets the Entra token. It never stands on a command line, where others see it.
func (c *exchangeCmd) subject(ctx context.Context, p *program, s settings) (string, error) {
	switch {
	case c.SubjectTokenFile == "-":
		return p.readToken("--subject-token-file -")
	case c.SubjectTokenFile != "":
		return tokenFile(c.SubjectTokenFile)
	}
	if err := c.complete(s); err != nil {
		return "", err
	}
	if c.Az {
		return p.azToken(ctx, c.EntraScope, c.Tenant)
	}
	return c.signIn(ctx, p)
}

func tokenFile(path string) (string, error) {
	file, err := os.Open(path) //nolint:gosec // G304: the operator names the file
	if err != nil {            // nor is the path shown: it may be the token itself
		return "", usagef("--subject-token-file wants the path of a file with an Entra access token, or - for standard input: %w", pathless(err))
	}
	defer file.Close() // nothing was written
	text, err := io.ReadAll(io.LimitReader(file, maxTokenText))
	if err != nil {
		return "", usagef("--subject-token-file: %w", pathless(err))
	}
	token := strings.TrimSpace(string(text))
	if token == "" {
		return "", usagef("--subject-token-file: the file is empty")
	}
	return token, nil
}

// complete fills in from the settings what was not said about the sign-in.
func (c *exchangeCmd) complete(s settings) error {
	only := func(list []string) string {
		if len(list) == 1 {
			return list[0]
		}
		return ""
	}
	c.Tenant = cmp.Or(c.Tenant, only(s.EntraTenants))
	c.Client = cmp.Or(c.Client, only(s.EntraClients))
	c.Authority = cmp.Or(c.Authority, s.EntraAuthority)
	if c.EntraScope == "" && len(s.EntraAudiences) > 0 && len(s.EntraScopes) > 0 {
		c.EntraScope = scopeOf(s.EntraAudiences[0], s.EntraScopes[0])
	}
	switch {
	case c.EntraScope == "":
		return usagef("--entra-scope wants a scope of the API to sign in for, such as api://<client id>/access_as_user, or set ISSUER_ENTRA_AUDIENCES")
	case !noBlanks.MatchString(c.EntraScope):
		return usagef("--entra-scope is %s; it wants one scope, without blanks", shown(c.EntraScope))
	case c.Az:
		return nil
	case !guid.MatchString(c.Client):
		return usagef("--client wants the client id (a GUID) of an app that allows public client flows, to sign in to; without one, --az or --subject-token-file get a token")
	case !guid.MatchString(c.Tenant):
		return usagef("--tenant wants the id (a GUID) of the tenant to sign in to, or set ISSUER_ENTRA_TENANTS")
	case !isBaseURL(c.Authority, false):
		return usagef("--authority is %s; it wants the authority's base URL without a path: https, or http for a loopback host", shown(c.Authority))
	}
	return nil
}

// scopeOf is how a client asks for a scope of the API that is called so.
func scopeOf(audience, scope string) string {
	if guid.MatchString(audience) {
		audience = "api://" + audience
	}
	return audience + "/" + scope
}

// signIn has a person sign in on another screen.
func (c *exchangeCmd) signIn(ctx context.Context, p *program) (string, error) {
	client := p.azure
	if client == nil {
		client = idp.NewHTTPClient()
	}
	strict := *client
	strict.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	token, err := devicecode.SignIn(ctx, devicecode.Config{
		Authority: c.Authority, Tenant: c.Tenant, Client: c.Client, Scope: c.EntraScope, HTTP: &strict, Wait: p.wait,
		Show: func(shown devicecode.Prompt) error {
			return p.say(fmt.Sprintf("To sign in, open %s on any screen and enter the code %s (good for %s).", cell(shown.Page), cell(shown.Code), age(shown.Life)))
		},
	})
	if err != nil {
		return "", fmt.Errorf("sign in: %w", err)
	}
	return token, nil
}

// azPatience is how long az may take: it is slow to start, and asks Entra.
const azPatience = time.Minute

// azToken has the Azure CLI get a token. Nothing that az says is repeated but Entra's number for what is wrong.
func (p *program) azToken(ctx context.Context, scope, tenant string) (string, error) {
	az, err := p.lookPath("az")
	if err != nil {
		return "", errors.New("there is no az on the PATH: install the Azure CLI and run az login, or leave out --az to sign in with a code")
	}
	args := []string{"account", "get-access-token", "--scope", scope, "--output", "json"}
	if tenant != "" {
		args = append(args, "--tenant", tenant)
	}
	ctx, cancel := context.WithTimeout(ctx, azPatience)
	defer cancel()
	var out, errs bytes.Buffer
	run := exec.CommandContext(ctx, az, args...) //nolint:gosec // G204: the program that the PATH names
	run.Env, run.Stdout, run.Stderr = p.environ, &out, &errs
	run.WaitDelay = time.Second
	if err := run.Run(); err != nil {
		return "", azTrouble(err, errs.String(), scope)
	}
	var said struct {
		AccessToken string `json:"accessToken"`
	}
	if json.Unmarshal(out.Bytes(), &said) != nil || said.AccessToken == "" {
		return "", errors.New("az answers without a token: see what az account get-access-token says by itself")
	}
	return said.AccessToken, nil
}

var entraNumber = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\bAADSTS[1-9][0-9]{3,8}\b`) })

func azTrouble(err error, said, scope string) error {
	number := entraNumber().FindString(said)
	switch {
	case number == "AADSTS65001":
		return fmt.Errorf("nobody has consented that az asks for tokens of this API (%s): preauthorise the Azure CLI (04b07795-8ddb-461a-bbee-02f9e1bf7b46) under Expose an API", number)
	case number != "":
		return fmt.Errorf("az gets no token (%s): run az login --scope %s, then this again", number, quoted(scope))
	case strings.Contains(said, "az login"):
		return fmt.Errorf("az is not signed in: run az login --scope %s, then this again", quoted(scope))
	}
	return fmt.Errorf("az account get-access-token: %w: run it by itself to see what is wrong", err)
}

// lookPath finds a program on the PATH of the program's environment.
func (p *program) lookPath(name string) (string, error) {
	for _, folder := range filepath.SplitList(env.ToMap(p.environ)["PATH"]) {
		if !filepath.IsAbs(folder) {
			continue
		}
		if path, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
			return path, nil
		}
	}
	return "", exec.ErrNotFound
}
