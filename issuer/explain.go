package issuer

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/hasura-issuer/hasura-issuer/idp"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

// Question asks what a caller would get, and why.
type Question struct {
	SubjectToken string      // who asks; or, without one,
	Caller       idp.Subject // who would be asking, as a token would say it
	Scope        []string    // the roles to narrow to; empty: all that are held
	Address      string      // from where they would be asking, which only a policy looks at; empty: it is not told
	// Beside are grants to others, which tell why a role is missing. Those that mean the caller are left out.
	Beside []rolestore.Grant
	About  []string // roles to speak of, beside those of Scope, also where no grant does
	// Refusal is why a token of such a Caller would be refused, an *Error; nil: it would not. What the caller's grants are
	// worth is explained all the same.
	Refusal error
	// GroupsUnknown says that Caller.Groups is empty for want of somebody who knows.
	GroupsUnknown bool
}

// Standing is what a grant does for a caller.
type Standing string

// How a grant can stand.
const (
	InForce   Standing = "in_force"
	Narrowed  Standing = "not_in_scope"      // in force, and the caller wished for other roles
	NotYet    Standing = "not_yet"           // it begins later
	Over      Standing = "over"              // it has ended
	NotMember Standing = "not_the_principal" // it means somebody else
	Withheld  Standing = "policy"            // in force, and the policy takes the role away
)

// Explanation is an answer to a Question. It is made of what Exchange goes by, in the same way, and JSON shows it in the
// words of roles.yaml.
type Explanation struct {
	Caller  ExplainedCaller `json:"caller"`
	Granted bool            `json:"granted"`
	Reason  Reason          `json:"reason,omitempty"` // of the refusal
	Finding string          `json:"finding,omitempty"`
	// Unjudged is true where something did not answer: then Reason says nothing about the caller, and asking again may help.
	Unjudged bool `json:"unjudged,omitzero"`
	// Open is true where a role is all that is missing, which one of the caller's groups could give that nobody said they are in.
	Open bool `json:"open,omitzero"`
	// Roles are all that any grant speaks of, or the question: those of the token first, the default before all, then the
	// others by name.
	Roles     []ExplainedRole     `json:"roles"`
	DefaultBy string              `json:"default_by,omitempty"` // why the first role is the default
	Blocks    []ExplainedBlock    `json:"blocks,omitempty"`
	Session   []ExplainedVariable `json:"session,omitempty"`
	Policy    *ExplainedPolicy    `json:"policy,omitempty"` // nil where none was asked, or none answered
	Token     *ExplainedToken     `json:"token,omitempty"`  // nil where it is refused
}

// ExplainedCaller is who is judged.
type ExplainedCaller struct {
	Tenant   string   `json:"tenant"`
	ObjectID string   `json:"object_id"`
	Kind     idp.Kind `json:"kind"`
	Client   string   `json:"client,omitempty"`
	Guest    bool     `json:"guest,omitzero"`
	Groups   []string `json:"groups"`
	// GroupsAsked is true where the token left groups out: then Groups are those of the caller's that grants name, or with
	// a policy all of them.
	GroupsAsked bool `json:"groups_asked,omitzero"`
	// GroupsUnknown is true where nobody said which groups the caller is in: a grant to a group may be theirs all the same.
	GroupsUnknown bool     `json:"groups_unknown,omitzero"`
	AppRoles      []string `json:"app_roles"`
}

// ExplainedRole is a role and the grants that speak of it.
type ExplainedRole struct {
	Role    string           `json:"role"`
	Held    bool             `json:"held"`             // a grant in force gives it
	InToken bool             `json:"in_token"`         // and it is in the token
	Default bool             `json:"default,omitzero"` // as its default role
	Grants  []ExplainedGrant `json:"grants"`           // those that have the say first
}

// ExplainedGrant is a grant and what it does.
type ExplainedGrant struct {
	Principal string    `json:"principal"` // such as "group d1000001-…"
	Priority  int       `json:"priority"`
	From      time.Time `json:"from,omitzero"`
	Until     time.Time `json:"until,omitzero"`
	Reason    string    `json:"reason,omitempty"`
	Standing  Standing  `json:"standing"`
}

// ExplainedBlock is a block of the caller.
type ExplainedBlock struct {
	Principal string    `json:"principal"`
	Until     time.Time `json:"until,omitzero"`
	Reason    string    `json:"reason,omitempty"`
	InForce   bool      `json:"in_force"`
}

// ExplainedPolicy is what the policy has decided.
type ExplainedPolicy struct {
	Allowed  bool     `json:"allowed"`
	Reason   string   `json:"reason,omitempty"`   // in the policy's own words
	Decision string   `json:"decision,omitempty"` // what it calls its decision
	Withheld []string `json:"withheld,omitempty"` // the roles that it took away
	Added    []string `json:"added,omitempty"`    // the session variables that it added
}

// ExplainedVariable is a session variable of the token.
type ExplainedVariable struct {
	Name  string          `json:"name"`
	Value rolestore.Value `json:"value"`
	From  string          `json:"from"` // "claim oid", "the policy", or the grant: "editor by group d1000001-…"
	// Overruled are other values that grants of the token give.
	Overruled []OverruledValue `json:"overruled,omitempty"`
}

// OverruledValue is one that a grant gives and another has the say over.
type OverruledValue struct {
	Value rolestore.Value `json:"value"`
	From  string          `json:"from"`
}

// ExplainedToken is what the token would say.
type ExplainedToken struct {
	Claims  jsontext.Value `json:"claims"`
	Expires time.Time      `json:"expires"`
	EndsBy  string         `json:"ends_by"` // what ends it then: "the token lifetime", "the subject token", "the policy", or a grant
	Bytes   int            `json:"bytes"`   // of the token, of at most 6144
}

// Explain does what Exchange would, and says why; the token itself is dropped. An error means that the question could not
// be answered: the refusals of a caller, and what cannot be judged, are explained as such.
func (i *Issuer) Explain(ctx context.Context, q Question) (Explanation, error) {
	subject := q.Caller
	if q.SubjectToken != "" {
		var err error
		if subject, err = i.verifier.Verify(ctx, q.SubjectToken); err != nil {
			return Explanation{Caller: explainCaller(subject)}.refused(notVerified(ctx, err))
		}
	}
	j, err := i.judge(ctx, subject, Request{Scope: q.Scope, Address: q.Address, Door: DoorToken})
	if unjudged(err) { // who does not mean the caller is not known then
		q = Question{}
	}
	if q.Refusal != nil && !unjudged(err) { // before roles are looked at
		j.allowed, err = entitlement{}, q.Refusal
	}
	e := explain(j, q, i.terms)
	e.Caller.GroupsUnknown = q.GroupsUnknown
	if err != nil {
		e, err = e.refused(err)
		e.Open = i.open(ctx, q, e)
		return e, err
	}
	d, err := i.mint(ctx, Decision{}, j)
	if err != nil {
		return e.refused(err)
	}
	claims, err := claimsOf(d.Token)
	e.Granted = true
	e.Token = &ExplainedToken{Claims: claims, Expires: j.allowed.Expiry, EndsBy: endsBy(j), Bytes: len(d.Token)}
	return e, err
}

// open tells whether groups could give what is refused. Where that is not known, they could.
func (i *Issuer) open(ctx context.Context, q Question, e Explanation) bool {
	if !e.Caller.GroupsUnknown || e.Reason != ReasonNoRoles && e.Reason != ReasonRoleNotGranted {
		return false
	}
	named, err := i.roles.NamedGroups(ctx, e.Caller.Tenant, mostNamed)
	switch {
	case err != nil, named.More && len(named.IDs) == 0: // a query gives the roles
		return true
	case e.Reason == ReasonRoleNotGranted:
		return !slices.ContainsFunc(e.Roles, func(r ExplainedRole) bool {
			return slices.Contains(q.Scope, r.Role) && !r.Held && !slices.ContainsFunc(r.Grants, ExplainedGrant.ToOtherGroup)
		})
	}
	return len(named.IDs) > 0
}

// ToOtherGroup tells whether the grant gives its role to a group that the caller, as far as is known, is not in.
func (g ExplainedGrant) ToOtherGroup() bool {
	return g.Standing == NotMember && strings.HasPrefix(g.Principal, string(rolestore.KindGroup)+" ")
}

// refused completes an explanation with what became of the wish, which is an *Error.
func (e Explanation) refused(err error) (Explanation, error) {
	refusal, ok := errors.AsType[*Error](err)
	if !ok {
		return e, err
	}
	e.Reason, e.Unjudged = refusal.Reason, unjudged(err)
	if refusal.Err != nil {
		e.Finding = refusal.Err.Error()
	}
	return e, nil
}

// unjudged reports whether an error says nothing about the caller.
func unjudged(err error) bool {
	refusal, ok := errors.AsType[*Error](err)
	return ok && (refusal.RetryAfter > 0 || refusal.Reason == ReasonInternal)
}

// claimsOf returns the payload of a token just made.
func claimsOf(token string) (jsontext.Value, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errors.New("the signer returned no compact JWS")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	return payload, err
}
