package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/idp/graph"
	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/keys"
	"github.com/hasura-issuer/hasura-issuer/keys/keystore"
)

type rolesExplainCmd struct {
	Token   string   `placeholder:"-" help:"Always as --token -: the caller's Entra token on standard input. Without it, name the caller:"`
	Tenant  string   `placeholder:"ID" help:"Tenant id; it may be left out where the settings name exactly one."`
	User    string   `placeholder:"ID" help:"A user, by object id."`
	App     string   `placeholder:"ID" help:"An app that calls for itself, by client id."`
	Group   []string `placeholder:"ID" help:"A group the caller is in, by its object id; repeat it for more. Without it, Microsoft Graph is asked, where the settings allow it."`
	AppRole []string `sep:"none" placeholder:"VALUE" help:"An app role of the caller's token; repeat it for more."`
	Scope   []string `placeholder:"NAME" help:"A role that the caller asks for by scope; repeat it for more."`
	Role    string   `placeholder:"NAME" help:"Also say why the caller lacks this role, and who has it."`
	Address string   `placeholder:"IP" help:"From where the caller asks, which only a policy looks at."`
	JSON    bool     `help:"Print as JSON."`
}

func (c *rolesExplainCmd) Run(ctx context.Context, p *program) error {
	if err := c.check(); err != nil {
		return err
	}
	s, err := load(p.environ, needURL|needEntra|needRoles)
	if err != nil {
		return err
	}
	source, err := openRoleSource(ctx, s)
	if err != nil {
		return err
	}
	defer source.close()
	a, err := newAttempt(p, s)
	if err != nil {
		return err
	}
	x, err := newExplainer(ctx, a, source)
	if err != nil {
		return err
	}
	explained, err := x.explain(ctx, c)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(p.stdout, explained)
	} else {
		err = explained.write(p.stdout)
	}
	if err == nil && explained.Unjudged {
		return fmt.Errorf("this could not be explained: %s", explained.Reason)
	}
	return err
}

// check refuses what no question can be made of.
func (c *rolesExplainCmd) check() error {
	names := c.Tenant != "" || c.User != "" || c.App != "" || len(c.Group)+len(c.AppRole) > 0
	switch {
	case c.Token != "" && c.Token != "-": // what it holds is not repeated: it may be a token
		return usagef("--token wants to be --token -: the token comes on standard input, where no list of processes shows it")
	case c.Token != "" && names:
		return usagef("--token - says by itself who calls: leave out --tenant, --user, --app, --group and --app-role")
	case c.Token == "" && (c.User == "") == (c.App == ""):
		return usagef("say who calls: --token -, or exactly one of --user, --app")
	}
	if _, err := netip.ParseAddr(c.Address); c.Address != "" && err != nil {
		return usagef("--address %s: it wants an IP address, such as 192.0.2.7", shown(c.Address))
	}
	return c.checkRoles()
}

// explainer answers as the exchange does, of the roles as they are now. What it signs with is made for the occasion, and no
// engine trusts it.
type explainer struct {
	program  *program
	settings settings
	source   roleSource
	graph    *graph.Client // nil: nobody can be asked for groups
	exchange *issuer.Issuer
}

func newExplainer(ctx context.Context, a *attempt, source roleSource) (*explainer, error) {
	ring, err := keys.NewRing(keys.RingConfig{Store: keystore.NewMemory(time.Now), Policy: a.settings.keysPolicy(), Auto: true})
	if err != nil {
		return nil, usageError{err}
	}
	if err := ring.Sync(ctx); err != nil {
		return nil, fmt.Errorf("make keys to measure a token with: %w", err)
	}
	var groups issuer.Groups
	if a.graph != nil {
		groups = graphGroups{a.graph}
	}
	config := issuerConfig(a.settings)
	asked, err := a.settings.newPolicy(ctx, nil)
	if err != nil {
		return nil, err
	}
	if asked != nil {
		config.Policy = asked
	}
	exchange, err := issuer.New(config, a.verifier, groups, source.roles, ring)
	if err != nil {
		return nil, usageError{err}
	}
	return &explainer{a.program, a.settings, source, a.graph, exchange}, nil
}

// mostBeside is how many of a role's holders are named to who lacks it.
const mostBeside = 100

func (x *explainer) explain(ctx context.Context, c *rolesExplainCmd) (explained, error) {
	e := explained{queried: x.source.holders == nil, policed: x.settings.hasPolicy()}
	q, seen, err := x.question(c, &e)
	if err != nil {
		return explained{}, err
	}
	if err := x.beside(ctx, &q, seen.TenantID, &e); err != nil {
		return explained{}, err
	}
	if e.Explanation, err = x.exchange.Explain(ctx, q); err != nil {
		return explained{}, err
	}
	if ids := strings.TrimSuffix(seen.ids(), ": "); e.Caller.Tenant == "" && ids != "" {
		e.Notes = append(e.Notes, "the token says of itself: "+ids)
	}
	if e.policed && c.Address == "" {
		e.Notes = append(e.Notes, "the policy was told no address: name the caller's by --address")
	}
	e.Cure = x.cure(e.Explanation, seen)
	return e, nil
}

// question reads who calls, from the token or the flags, and what that says of itself. What is not known goes to e.
func (x *explainer) question(c *rolesExplainCmd, e *explained) (q issuer.Question, seen suspect, err error) {
	q.Scope, q.Address, seen = c.Scope, c.Address, suspect{settings: &x.settings}
	if c.Role != "" {
		q.About = []string{c.Role}
	}
	if c.Token != "" {
		q.SubjectToken, err = x.program.readToken("--token -")
		return q, x.settings.suspect(q.SubjectToken), err
	}
	q.Caller, err = c.caller(x.settings)
	unnamed := q.Caller.Kind == idp.KindUser && len(c.Group) == 0 // an app's token holds no groups
	q.Caller.GroupsOmitted, q.GroupsUnknown = unnamed && x.graph != nil, unnamed && x.graph == nil
	seen.TenantID = q.Caller.TenantID
	e.Notes, q.Refusal = x.settings.assumptions(q.Caller, q.GroupsUnknown), x.settings.refusal(q.Caller)
	return q, seen, err
}

// beside looks up who else holds the roles that are asked about.
func (x *explainer) beside(ctx context.Context, q *issuer.Question, tenant string, e *explained) error {
	roles := slices.Concat(q.Scope, q.About)
	slices.Sort(roles)
	if tenant == "" || len(roles) == 0 {
		return nil
	}
	if x.source.holders == nil {
		e.Notes = append(e.Notes, "who else has a role, the query of ISSUER_ROLES_QUERY_FILE does not tell")
		return nil
	}
	for _, role := range slices.Compact(roles) {
		found, err := x.source.holders.HoldersOf(ctx, tenant, role, mostBeside)
		if err != nil {
			return err
		}
		q.Beside = append(q.Beside, found.Grants...)
		if found.More {
			e.Notes = append(e.Notes, fmt.Sprintf("more than %d have the role %s: issuer roles who-has %s --tenant %s", mostBeside, role, role, tenant))
		}
	}
	return nil
}
