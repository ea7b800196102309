package issuer_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hasura-issuer/hasura-issuer/issuer"
	"github.com/hasura-issuer/hasura-issuer/rolestore"
)

func TestExplainSpeaksOfWhatIsAskedAlthoughNobodyHoldsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e := w.explain(issuer.Question{SubjectToken: subjectToken, Scope: []string{"writer", "reader"}, About: []string{"owner", "reader"}})
	var roles []string
	for _, role := range e.Roles {
		roles = append(roles, fmt.Sprintf("%s %v %d", role.Role, role.Held, len(role.Grants)))
	}
	if diff := cmp.Diff([]string{"owner false 0", "reader true 1", "writer false 0"}, roles); diff != "" || e.Reason != issuer.ReasonRoleNotGranted {
		t.Errorf("refused with %q; roles (-want +got):\n%s", e.Reason, diff)
	}
}

func TestExplainSaysWhyARoleIsTheDefault(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		grants []rolestore.Grant
		scope  []string
		want   string
	}{
		"one role":          {[]rolestore.Grant{grant("a"), grant("a", everyone)}, nil, "the only role of the token"},
		"a higher priority": {[]rolestore.Grant{grant("a"), grant("b", priority(2)), grant("a", everyone, priority(1))}, nil, "priority 2, before a with 1"},
		"the same priority": {[]rolestore.Grant{grant("b", priority(3)), grant("a", priority(3)), grant("c")}, nil, "priority 3, as b, and first by name"},
		"what is over":      {[]rolestore.Grant{grant("a"), grant("b"), grant("b", everyone, priority(9), until(noon))}, nil, "priority 0, as b, and first by name"},
		"left out by scope": {[]rolestore.Grant{grant("a"), grant("b", priority(9))}, []string{"a"}, "the only role of the token"},
		"no role":           {nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.answer.Grants = c.grants
			if e := w.explain(issuer.Question{SubjectToken: subjectToken, Scope: c.scope}); e.DefaultBy != c.want {
				t.Errorf("got %q, want %q", e.DefaultBy, c.want)
			}
		})
	}
}

// TestExplainBlamesNobodyForWhatDidNotAnswer: where the caller's groups or grants are not known, nothing is said of grants
// to others.
func TestExplainBlamesNobodyForWhatDidNotAnswer(t *testing.T) {
	t.Parallel()
	for name, alter := range map[string]func(*world){
		"groups": func(w *world) {
			w.subject.GroupsOmitted, w.named, w.ask = true, rolestore.NamedGroups{IDs: []string{groupID}}, errors.New("down")
		},
		"the store": func(w *world) { w.look, w.answer = errors.New("down"), rolestore.Answer{} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			alter(w)
			e := w.explain(issuer.Question{SubjectToken: subjectToken, Beside: []rolestore.Grant{grant("owner", group(groupID))}, About: []string{"owner"}})
			if !e.Unjudged || len(e.Roles) > 0 {
				t.Errorf("%+v", e)
			}
		})
	}
	w := newWorld(t)
	w.answer.Grants = nil
	if e := w.explain(issuer.Question{SubjectToken: subjectToken}); e.Unjudged || e.Reason != issuer.ReasonNoRoles {
		t.Errorf("a refusal: %+v", e)
	}
}
