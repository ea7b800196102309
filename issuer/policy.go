package issuer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hasura-issuer/hasura-issuer/policy"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// Policy has the last word on what a caller gets. An error means that there is no decision, whatever the verdict says; one
// that has a method RetryAfter() time.Duration says when another try can succeed. It is called concurrently.
type Policy interface {
	Decide(ctx context.Context, in policy.Input) (policy.Verdict, error)
}

// policyPart is the policy's part in a judgement; zero where none was asked.
type policyPart struct {
	asked     []string // the roles that it was asked about
	answered  bool
	verdict   policy.Verdict
	added     []string // the session variables that it added
	shortened bool     // it is what ends the token first
}

// consult asks the policy about what the judgement allows, and takes away what it takes away. It can only refuse, with
// policy_denied and, where it cannot be asked or says what no token may hold, policy_unavailable.
func (i *Issuer) consult(ctx context.Context, j judgement, r Request) (judgement, error) {
	in := inputFor(j, r)
	j.allowed, j.policy.asked = entitlement{}, in.Roles
	verdict, err := i.policy.Decide(ctx, in)
	if err == nil {
		err = fitting(verdict, i.terms.sessionClaims)
	}
	if err != nil {
		return j, &Error{ReasonPolicyUnavailable, retryAfter(err, retryPolicy), err}
	}
	j.policy.answered, j.policy.verdict = true, verdict
	if !verdict.Allow {
		return j, denied("the policy refuses", verdict)
	}
	// The clock is read again, so that the wait does not make the token live longer. A role that began meanwhile is not in
	// it: the policy was not asked about that.
	j.now = i.now()
	if j.allowed, err = entitle(j.subject, j.answer, r.Scope, i.terms, j.now); err != nil {
		return j, err
	}
	kept := slices.DeleteFunc(j.allowed.Roles, func(role string) bool { return !leaves(verdict, in.Roles, role) })
	if j.allowed = (entitlement{}); len(kept) == 0 {
		return j, denied("the policy leaves no role", verdict)
	}
	if j.allowed, err = entitle(j.subject, j.answer, kept, i.terms, j.now); err != nil {
		return j, err
	}
	j.add(verdict)
	return j, nil
}

// leaves tells whether a role may stay that the policy was asked about.
func leaves(v policy.Verdict, asked []string, role string) bool {
	return slices.Contains(asked, role) && (v.Roles == nil || slices.Contains(v.Roles, role))
}

// add takes in what the policy adds: variables that nothing else sets, and an earlier end.
func (j *judgement) add(v policy.Verdict) {
	for name, value := range v.Session {
		if _, set := j.allowed.Session[name]; set {
			continue
		}
		j.allowed.Session[name] = rolestore.Text(value.Text)
		if value.List != nil {
			j.allowed.Session[name] = rolestore.List(value.List...)
		}
		j.policy.added = append(j.policy.added, name)
	}
	slices.Sort(j.policy.added)
	end := time.Unix(j.now.Unix()+int64(v.TTL/time.Second), 0).UTC()
	if v.TTL > 0 && end.Before(j.allowed.Expiry) {
		j.allowed.Expiry, j.policy.shortened = end, true
	}
}

// fitting refuses session variables that only the decision and verified claims set, as those of grants are refused.
func fitting(v policy.Verdict, claims []SessionClaim) error {
	for name := range v.Session {
		if !isVariable(name) || slices.ContainsFunc(claims, func(c SessionClaim) bool { return c.Variable == name }) {
			return errors.New("the policy sets a session variable whose name is not allowed, or that comes from verified claims alone")
		}
	}
	return nil
}

func denied(finding string, v policy.Verdict) error {
	if v.Reason != "" {
		return &Error{ReasonPolicyDenied, 0, fmt.Errorf("%s: %s", finding, v.Reason)}
	}
	return refuse(ReasonPolicyDenied, finding)
}

// inputFor says what the policy is to decide on.
func inputFor(j judgement, r Request) policy.Input {
	in := policy.Input{
		Caller: policy.Caller{
			TenantID: j.subject.TenantID, ObjectID: j.subject.ObjectID, Kind: string(j.subject.Kind), ClientID: j.subject.ClientID,
			Groups: j.subject.Groups, AppRoles: j.subject.AppRoles,
		},
		Roles: j.allowed.Roles, DefaultRole: j.allowed.Roles[0], Session: make(map[string]policy.Value, len(j.allowed.Session)),
		Address: r.Address, Door: r.Door, Time: j.now,
	}
	for name, value := range j.allowed.Session {
		in.Session[name] = policy.Value{Text: value.Text()}
		if value.IsList() {
			in.Session[name] = policy.Value{List: append([]string{}, value.List()...)}
		}
	}
	return in
}

// withholds tells whether the policy took a role away that it was asked about.
func (p policyPart) withholds(role string) bool {
	return p.answered && slices.Contains(p.asked, role) && (!p.verdict.Allow || !leaves(p.verdict, p.asked, role))
}

// explain returns what the policy has decided, nil where it has not.
func (p policyPart) explain() *ExplainedPolicy {
	if !p.answered {
		return nil
	}
	e := &ExplainedPolicy{Allowed: p.verdict.Allow, Reason: p.verdict.Reason, Decision: p.verdict.Decision, Added: p.added}
	for _, role := range p.asked {
		if p.withholds(role) {
			e.Withheld = append(e.Withheld, role)
		}
	}
	return e
}
