package issuer

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// explain lays out a judgement. It is pure.
func explain(j judgement, q Question, t terms) Explanation {
	return Explanation{
		Caller:    explainCaller(j.subject),
		Roles:     explainRoles(j, q),
		DefaultBy: defaultBy(j),
		Blocks:    explainBlocks(j),
		Session:   explainSession(j, t),
		Policy:    j.policy.explain(),
	}
}

func explainCaller(s idp.Subject) ExplainedCaller {
	c := ExplainedCaller{
		Tenant: s.TenantID, ObjectID: s.ObjectID, Kind: s.Kind, Client: s.ClientID, Guest: s.Guest,
		Groups: []string{}, GroupsAsked: s.GroupsOmitted, AppRoles: []string{},
	}
	c.Groups, c.AppRoles = append(c.Groups, s.Groups...), append(c.AppRoles, s.AppRoles...)
	return c
}

func explainBlocks(j judgement) []ExplainedBlock {
	var list []ExplainedBlock
	for _, b := range j.answer.Blocks {
		list = append(list, ExplainedBlock{b.Principal.String(), b.Until, b.Reason, Blocks(b, j.now)})
	}
	return list
}

// explainRoles judges each grant by what entitle judges it by.
func explainRoles(j judgement, q Question) []ExplainedRole {
	byRole := map[string]*ExplainedRole{}
	about := func(name string) *ExplainedRole {
		if byRole[name] == nil {
			place := slices.Index(j.allowed.Roles, name)
			byRole[name] = &ExplainedRole{Role: name, InToken: place >= 0, Default: place == 0, Grants: []ExplainedGrant{}}
		}
		return byRole[name]
	}
	add := func(g rolestore.Grant, standing Standing) {
		role := about(g.Role)
		role.Held = role.Held || standing == InForce || standing == Narrowed || standing == Withheld
		role.Grants = append(role.Grants, ExplainedGrant{g.Principal.String(), g.Priority, g.From, g.Until, g.Reason, standing})
	}
	own := slices.SortedFunc(slices.Values(j.answer.Grants), byRank)
	for _, g := range own {
		add(g, j.standing(g))
	}
	for _, g := range q.Beside {
		if !slices.ContainsFunc(own, func(mine rolestore.Grant) bool { return mine.Role == g.Role && mine.Principal == g.Principal }) {
			add(g, NotMember)
		}
	}
	for _, name := range slices.Concat(q.Scope, q.About) {
		about(name)
	}
	return inOrder(byRole, j.allowed.Roles)
}

// inOrder returns those of the token first, in its order, and then the others by name.
func inOrder(byRole map[string]*ExplainedRole, token []string) []ExplainedRole {
	list := make([]ExplainedRole, 0, len(byRole))
	for _, role := range byRole {
		list = append(list, *role)
	}
	place := func(role string) int {
		if i := slices.Index(token, role); i >= 0 {
			return i
		}
		return len(token)
	}
	slices.SortFunc(list, func(a, b ExplainedRole) int {
		return cmp.Or(cmp.Compare(place(a.Role), place(b.Role)), cmp.Compare(a.Role, b.Role))
	})
	return list
}

// standing tells what a grant of the caller does for them.
func (j judgement) standing(g rolestore.Grant) Standing {
	standing := StandingOf(g, j.now)
	switch {
	case standing == InForce && j.policy.withholds(g.Role):
		return Withheld
	case standing == InForce && len(j.wished()) > 0 && !slices.Contains(j.wished(), g.Role):
		return Narrowed
	}
	return standing
}

// StandingOf tells what a grant does for those it means: it is InForce, NotYet or Over.
func StandingOf(g rolestore.Grant, now time.Time) Standing {
	switch {
	case g.From.After(now):
		return NotYet
	case len(inForce([]rolestore.Grant{g}, now)) == 0:
		return Over
	default:
		return InForce
	}
}

// wished are the roles that the wish leaves, none where it was refused.
func (j judgement) wished() []string {
	if j.policy.asked != nil {
		return j.policy.asked
	}
	return j.allowed.Roles
}

// explainSession names where each variable of the token comes from, and what else there was.
func explainSession(j judgement, t terms) []ExplainedVariable {
	var list []ExplainedVariable
	kept, _ := narrow(inForce(j.answer.Grants, j.now), j.allowed.Roles)
	slices.SortFunc(kept, byRank)
	for name, value := range j.allowed.Session {
		v := ExplainedVariable{Name: name, Value: value}
		if at := slices.IndexFunc(t.sessionClaims, func(c SessionClaim) bool { return c.Variable == name }); at >= 0 {
			v.From = "claim " + t.sessionClaims[at].Claim
		}
		for _, g := range kept {
			other, gives := g.Session[name]
			switch {
			case !gives:
			case v.From == "":
				v.From = label(g)
			case !other.Equal(value):
				v.Overruled = append(v.Overruled, OverruledValue{other, label(g)})
			}
		}
		if v.From == "" {
			v.From = "the policy"
		}
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b ExplainedVariable) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func label(g rolestore.Grant) string { return g.Role + " by " + g.Principal.String() }

// defaultBy says why the first role of the token is its default.
func defaultBy(j judgement) string {
	switch len(j.allowed.Roles) {
	case 0:
		return ""
	case 1:
		return "the only role of the token"
	}
	ranked := inForce(j.answer.Grants, j.now)
	slices.SortFunc(ranked, byRank)
	highest := func(role string) int {
		return ranked[slices.IndexFunc(ranked, func(g rolestore.Grant) bool { return g.Role == role })].Priority
	}
	first, next := highest(j.allowed.Roles[0]), highest(j.allowed.Roles[1])
	if first == next {
		return fmt.Sprintf("priority %d, as %s, and first by name", first, j.allowed.Roles[1])
	}
	return fmt.Sprintf("priority %d, before %s with %d", first, j.allowed.Roles[1], next)
}

// endsBy names what ends the token first.
func endsBy(j judgement) string {
	if j.policy.shortened {
		return "the policy"
	}
	end := j.allowed.Expiry.Unix()
	for _, g := range inForce(j.answer.Grants, j.now) {
		if slices.Contains(j.allowed.Roles, g.Role) && !g.Until.IsZero() && g.Until.Unix() == end {
			return "the grant " + label(g)
		}
	}
	if j.subject.Expiry.Unix() == end {
		return "the subject token"
	}
	return "the token lifetime"
}
