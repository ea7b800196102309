package main

import (
	"context"
	"strings"

	"github.com/hasura-issuer/hasura-issuer/issuer"
)

// exchange says what the service would answer to a token that is accepted: the roles, or why there are none. It asks as
// `issuer roles explain` does, past the cache of a running service, and hands out nothing.
func (a *attempt) exchange(ctx context.Context, raw string) finding {
	source, err := openRoleSource(ctx, a.settings)
	if err != nil {
		return finding{Name: "exchange", Status: off, Detail: "not tried, since roles cannot be looked up"}
	}
	defer source.close()
	x, err := newExplainer(ctx, a, source)
	if err != nil {
		return found("exchange", "", "", err)
	}
	e, err := x.exchange.Explain(ctx, issuer.Question{SubjectToken: raw})
	if err != nil {
		return found("exchange", "", "", err)
	}
	return exchangeFinding(e, x.cure(e, a.settings.suspect(raw)))
}

func exchangeFinding(e issuer.Explanation, cure string) finding {
	f := finding{Name: "exchange", Status: failed, Code: string(e.Reason), Cure: cure}
	switch {
	case e.Unjudged:
		f.Detail = "the service would answer 503: " + e.Finding
	case !e.Granted:
		f.Detail = "the service would refuse the caller: " + e.Finding
	default:
		var roles []string
		for _, role := range e.Roles {
			if role.InToken {
				roles = append(roles, role.Role)
			}
		}
		f.Status, f.Detail = ok, "the service would grant "+strings.Join(roles, ", ")+"; the first one is the default"
	}
	return f
}
